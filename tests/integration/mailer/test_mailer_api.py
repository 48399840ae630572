"""The mailer over HTTP, its whole app running: inbox, messages, PDF, resend, status."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from tests.integration.mailer.conftest import World
from tests.integration.mailer.test_mailer_composing import LOGS
from tests.integration.mailer.wishes import requested

from embedded.issuer import ensure_issuer
from mailer_service.app import build
from postroom.auth import Principal, issue

ANNA = Principal(person="anna", tenant="tenant-a", side="client")
OPERATOR = Principal(person="operator", tenant="tenant-a", side="operator")


class Door:
    """Calls as a principal."""

    def __init__(self, client: httpx.AsyncClient, private: bytes) -> None:
        self._client = client
        self._private = private

    async def __call__(self, principal: Principal, method: str, path: str, **options: Any) -> httpx.Response:
        headers = {"Authorization": f"Bearer {issue(principal, self._private)}", **options.pop("headers", {})}
        return await self._client.request(method, path, headers=headers, timeout=30, **options)


@pytest.fixture
async def door(world: World, tmp_path: Path) -> AsyncIterator[Door]:
    issuer = ensure_issuer(tmp_path / "issuer")
    # Nothing answers on this port: HTTP must work while Kafka is away.
    app = build(world.settings.model_copy(update={"issuer_public": issuer.public, "kafka": "127.0.0.1:9"}))
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://mailer") as client,
    ):
        yield Door(client, issuer.private.read_bytes())


async def test_the_inbox_is_the_callers_own(world: World, door: Door) -> None:
    await world.take_in(requested(message="m-1"), requested(message="m-2", person="bert"), requested(message="m-3", tenant="tenant-b"))
    inbox = (await door(ANNA, "GET", "/inbox")).json()
    assert inbox["unread"] == 1
    [entry] = inbox["messages"]
    assert entry["message"] == "m-1"
    assert entry["subject"] == "Wrong delivery: 8 of 10 pcs of Copy paper A4 80 g on order 4711"
    assert entry["text"].startswith("Delivery note LS-2201 from Bürobedarf Huber GmbH differs")
    assert (entry["order"], entry["order_number"], entry["read_at"]) == ("order-1", "4711", None)
    assert (await door(ANNA, "POST", "/inbox/m-1/read")).json() == {"message": "m-1", "unread": 0}
    assert (await door(ANNA, "GET", "/inbox")).json()["messages"][0]["read_at"]
    for foreign in ("m-2", "m-3", "nonsense"):
        assert (await door(ANNA, "POST", f"/inbox/{foreign}/read")).status_code == 404


async def test_row_level_security_holds_where_the_query_would_not(world: World, door: Door) -> None:
    from postroom import db  # noqa: PLC0415

    await world.take_in(requested(message="m-1"), requested(message="m-2", person="bert"), requested(message="m-3", tenant="tenant-b"))
    pool = await db.open_pool(world.settings, "api")
    async with db.as_principal(pool, ANNA) as connection:
        for table, column in (("inbox", "message"), ("messages", "id")):
            assert [row[0] for row in await connection.fetch(f"SELECT {column} FROM {table}")] == ["m-1"]  # noqa: S608
        assert await connection.fetchval("SELECT count(*) FROM envelopes") == 0
    await pool.close()


@pytest.mark.parametrize("ref", ["m-1", "order-1", "4711"])
async def test_an_operator_sees_what_became_of_a_message(world: World, door: Door, ref: str) -> None:
    wish = requested(message="m-1")
    await world.take_in(wish)
    await world.until_states(sent=1)
    for query in ({"ref": ref}, {"cause": wish.data.cause.id}, {"message": "m-1"}):  # type: ignore[attr-defined]
        [message] = (await door(OPERATOR, "GET", "/messages", params=query)).json()["messages"]
        assert message["recipient"] == {"person": "anna", "name": "Anna Maier", "email": "anna@example.com", "hop": "purchaser contact"}
        [envelope] = message["envelopes"]
        assert envelope["state"] == "sent"
        [attempt] = envelope["attempts"]
        assert (attempt["attempt"], attempt["result"], attempt["code"]) == (1, "sent", 250)
    assert (await door(ANNA, "GET", "/messages", params={"ref": ref})).status_code == 403


async def test_of_many_messages_an_operator_sees_the_newest(world: World, door: Door) -> None:
    for message in ("m-1", "m-2", "m-3"):
        await world.take_in(requested(message=message))
    found = (await door(OPERATOR, "GET", "/messages", params={"ref": "order-1", "limit": 2})).json()["messages"]
    assert [one["message"] for one in found] == ["m-2", "m-3"]


async def test_an_operator_resends_what_is_held(world: World, door: Door) -> None:
    await world.pool.execute("INSERT INTO suppression VALUES ('tenant-a', 'anna@example.com', 'gone')")
    await world.take_in(requested(message="m-1"))
    await world.until_states(held=1)
    envelope = await world.envelope("m-1")
    assert (await door(ANNA, "POST", f"/envelopes/{envelope['id']}/resend")).status_code == 403
    assert (await door(OPERATOR, "POST", f"/envelopes/{envelope['id']}/resend")).json()["was"] == "held"
    await world.until_states(sent=1)
    refused = await door(OPERATOR, "POST", f"/envelopes/{envelope['id']}/resend")
    assert (refused.status_code, refused.json()["code"]) == (409, "not_resendable")
    assert (await door(OPERATOR, "POST", "/envelopes/nonsense/resend")).status_code == 404


async def test_a_resend_of_the_same_attempt_said_twice_is_one(world: World, door: Door) -> None:
    """An answer may be lost: said again while it is queued it changes nothing, and of a later attempt it says nothing."""
    await world.pool.execute("INSERT INTO suppression VALUES ('tenant-a', 'anna@example.com', 'gone')")
    await world.take_in(requested(message="m-1"))
    await world.until_states(held=1)
    envelope = await world.envelope("m-1")
    asked = [door(OPERATOR, "POST", f"/envelopes/{envelope['id']}/resend", json={"attempt": attempt}) for attempt in (0, 0, 0, 1)]
    # The second waits for the first, and has the row before a sender finds it.
    first, second = await asyncio.gather(*asked[:2])
    assert (first.status_code, second.status_code) == (200, 200)
    assert {first.json()["was"], second.json()["was"]} <= {"held", "pending", "leased"}
    await world.until_states(sent=1)
    late = await asked[2]
    assert (late.status_code, late.json()["code"], late.json()["field"]) == (409, "attempted_since", "attempt")
    assert (await asked[3]).json()["code"] == "not_resendable"
    assert len(world.sink.taken) == 1


async def test_a_resend_of_what_waits_for_the_end_of_quiet_hours_is_refused(world: World, door: Door) -> None:
    """It isn't on its way: the answer once said that it goes out now, and it went in the morning."""
    await world.take_in(requested(message="m-1", not_before=datetime.now(UTC) + timedelta(hours=9)))
    envelope = await world.envelope("m-1")
    refused = await door(OPERATOR, "POST", f"/envelopes/{envelope['id']}/resend", json={"attempt": 0})
    assert (refused.status_code, refused.json()["code"]) == (409, "not_resendable")
    assert await world.envelope("m-1") == envelope


async def test_logs_become_a_pdf(world: World, door: Door) -> None:
    answer = await door(ANNA, "POST", "/pdf", json=LOGS.model_dump(mode="json"))
    assert answer.headers["content-type"] == "application/pdf"
    assert answer.content.startswith(b"%PDF-")
    empty = await door(ANNA, "POST", "/pdf", json={"order": {"id": "o", "number": "1"}, "logs": []})
    assert empty.status_code == 422
    assert await world.states() == {}


async def test_status_counts_states_leases_and_unknown_attempts(world: World, door: Door) -> None:
    await world.take_in(requested(), requested(message_type="not-yet"))
    await world.until_states(sent=1, held=1)
    status = (await door(OPERATOR, "GET", "/operations/status")).json()
    assert status["envelopes"] == {"sent": 1, "held": 1}
    assert status["held"] == {"template": 1}
    assert [(lease["alive"], lease["relay"]) for lease in status["leases"]] == [(True, "accepting")]
    assert status["unknown_attempts"] == 0
