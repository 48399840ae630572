"""A reply lost after the final dot: one copy more by itself, after a quarter of an hour; then a person decides."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest
from tests.integration.mailer.conftest import World
from tests.integration.mailer.test_mailer_api import ANNA, OPERATOR, Door
from tests.integration.mailer.test_mailer_api import door as _door

from mailer_service.settings import Settings
from postroom.auth import Principal

door = _door
OTHER_TENANT = Principal(person="operator", tenant="tenant-b", side="operator")


def lost(world: World, *, times: int = 100) -> None:
    """The server takes each mail and hangs up before it says so."""
    world.sink.script = lambda stage, _to, count: "dot+DROP" if stage == "dot" and count <= times else None


@pytest.fixture
async def twice(world: World, door: Door) -> dict[str, Any]:
    """A mail that went out twice, and both replies were lost; as GET /unknown shows it."""
    lost(world)
    await world.ask("anna@example.com")
    await world.until_states(unknown=1)
    await world.pool.execute("UPDATE envelopes SET due_at = now()")

    async def for_a_person() -> bool:
        return bool(await world.pool.fetchval("SELECT count(*) FROM envelopes WHERE state = 'unknown' AND due_at IS NULL"))

    await world.until(for_a_person)
    world.sink.script = lambda *_: None
    [mail] = (await door(OPERATOR, "GET", "/unknown")).json()["mails"]
    return dict(mail)


def decision(mail: dict[str, Any], what: str, **more: Any) -> tuple[str, dict[str, Any]]:
    return f"/unknown/{mail['envelope']}/decision", {"attempt": mail["attempt"], "decision": what, **more}


async def test_after_the_default_quarter_of_an_hour_once_more_and_never_again_by_itself(world: World) -> None:
    """The setting's default itself; the clock is not waited for, the row's moment is brought nearer."""
    assert Settings.model_fields["unknown_resend_seconds"].default == 900
    lost(world)
    await world.ask("anna@example.com")
    world.start_sender()
    await world.until_states(unknown=1)
    wait = await world.pool.fetchval("SELECT due_at - changed_at FROM envelopes")
    assert wait == timedelta(minutes=15)
    await world.pool.execute("UPDATE envelopes SET due_at = due_at - interval '14 min 45 s'")
    await asyncio.sleep(2.5)
    assert len(world.sink.ids) == 1, "before its time"
    await world.pool.execute("UPDATE envelopes SET due_at = due_at - interval '15 s'")

    async def again() -> bool:
        return len(world.sink.ids) == 2 and (await world.states()) == {"unknown": 1}

    await world.until(again, 10)
    assert await world.pool.fetchval("SELECT due_at IS NULL FROM envelopes"), "the rest is for a person"
    await asyncio.sleep(2.5)
    assert len(world.sink.ids) == 2
    assert len(set(world.sink.ids)) == len({body for _, body in world.sink.taken}) == 1, "the same Message-ID, the same bytes"


async def test_it_is_listed_with_what_to_look_for(world: World, door: Door, twice: dict[str, Any]) -> None:
    page = (await door(OPERATOR, "GET", "/unknown", params={"address": "@EXAMPLE.com", "order": "4711"})).json()
    assert (page["for_a_person"], page["resent_by_themselves"], page["next"]) == (1, 0, None)
    assert page["mails"] == [twice]
    assert (twice["address"], twice["order_number"], twice["attempt"]) == ("anna@example.com", "4711", 2)
    assert f"<{twice['message_id']}>" == world.sink.ids[0][0]
    assert twice["subject"].startswith("Wrong delivery")
    assert "the final dot was lost" in twice["detail"]
    for none in ({"address": "@example.org"}, {"order": "4712"}, {"message_type": "budget-expired"}):
        assert not (await door(OPERATOR, "GET", "/unknown", params=none)).json()["mails"]
    assert not (await door(OTHER_TENANT, "GET", "/unknown")).json()["mails"]
    assert (await door(ANNA, "GET", "/unknown")).status_code == 403
    assert (await door(OPERATOR, "GET", "/operations/status")).json()["unknown_for_a_person"] == 1


async def test_it_arrived(world: World, door: Door, twice: dict[str, Any]) -> None:
    path, body = decision(twice, "arrived", reason="queue id 4xZ in the log")
    assert (await door(ANNA, "POST", path, json=body)).status_code == 403
    assert (await door(OTHER_TENANT, "POST", path, json=body)).status_code == 404
    for _ in range(2):  # the same again changes nothing
        answer = await door(OPERATOR, "POST", path, json=body)
        assert (answer.status_code, answer.json()["state"]) == (200, "sent")
    assert await world.states() == {"sent": 1}
    [told] = [one for one in await world.outcomes() if one["state"] == "sent"]
    assert told["detail"] == "arrived, by the word of operator: queue id 4xZ in the log"
    assert told["sha256"]
    refused = await door(OPERATOR, "POST", path, json=decision(twice, "resend")[1])
    assert (refused.status_code, refused.json()["code"]) == (409, "not_unknown")
    assert "operator decided it on" in refused.json()["detail"]
    [message] = (await door(OPERATOR, "GET", "/messages", params={"ref": "4711"})).json()["messages"]
    [said] = message["envelopes"][0]["decisions"]
    assert (said["attempt"], said["decision"], said["person"]) == (2, "arrived", "operator")
    assert len(world.sink.ids) == 2


async def test_leave_it(world: World, door: Door, twice: dict[str, Any]) -> None:
    path, body = decision(twice, "leave")
    assert (await door(OPERATOR, "POST", path, json=body)).status_code == 422, "why?"
    answer = await door(OPERATOR, "POST", path, json={**body, "reason": "she was told by telephone"})
    assert answer.json()["state"] == "cancelled"
    assert [one["detail"] for one in await world.outcomes() if one["state"] == "cancelled"] == [
        "left unsent, by the word of operator: she was told by telephone"
    ]
    assert len(world.sink.ids) == 2


async def test_send_it_once_more(world: World, door: Door, twice: dict[str, Any]) -> None:
    path, body = decision(twice, "resend")
    assert (await door(OPERATOR, "POST", path, json=body)).json()["state"] == "pending"
    await world.until_states(sent=1)
    assert (await door(OPERATOR, "POST", path, json=body)).status_code == 200, "asked for once, however often"
    await asyncio.sleep(1.5)
    assert len(world.sink.ids) == 3
    assert len({body for _, body in world.sink.taken}) == 1


async def test_what_is_something_else_by_now_is_left_alone(world: World, door: Door, twice: dict[str, Any]) -> None:
    """A late reply came, or another attempt was made since the page was opened."""
    await world.pool.execute("UPDATE envelopes SET state = 'sent'")
    answer = await door(OPERATOR, "POST", decision(twice, "leave")[0], json=decision(twice, "leave", reason="no")[1])
    assert (answer.status_code, answer.json()["code"]) == (409, "not_unknown")
    assert "it is sent at attempt 2" in answer.json()["detail"]
    assert (await door(OPERATOR, "POST", "/unknown/nonsense/decision", json=decision(twice, "resend")[1])).status_code == 404


async def test_many_at_once_but_none_that_nobody_saw(world: World, door: Door, twice: dict[str, Any]) -> None:
    as_of = (await door(OPERATOR, "GET", "/unknown")).json()["as_of"]
    matching = {"address": "@example.com", "until": as_of}
    body: dict[str, Any] = {"decision": "leave", "reason": "the server's disk was lost", "matching": matching}
    early = {**body, "matching": {**matching, "until": "2026-01-01T00:00:00Z"}}
    for who, asked in ((OTHER_TENANT, body), (OPERATOR, early)):
        assert (await door(who, "POST", "/unknown/decisions", json=asked)).json()["decided"] == 0
    assert (await door(OPERATOR, "POST", "/unknown/decisions", json=body)).json() == {"decided": 1, "refused": [], "left": 0}
    assert (await door(OPERATOR, "POST", "/unknown/decisions", json=body)).json()["decided"] == 0
    chosen = [{"envelope": twice["envelope"], "attempt": 2}, {"envelope": "nonsense", "attempt": 1}]
    answer = (await door(OPERATOR, "POST", "/unknown/decisions", json={"decision": "arrived", "chosen": chosen})).json()
    assert answer["decided"] == 0
    assert [one["envelope"] for one in answer["refused"]] == [twice["envelope"], "nonsense"]
    assert await world.states() == {"cancelled": 1}


async def test_the_audit_is_not_rewritten(world: World, door: Door, twice: dict[str, Any]) -> None:
    """An operator's old resend counts as a decision too."""
    assert (await door(OPERATOR, "POST", f"/envelopes/{twice['envelope']}/resend")).json()["was"] == "unknown"
    assert [tuple(row) for row in await world.pool.fetch("SELECT attempt, decision, person FROM unknown_decisions")] == [
        (2, "resend", "operator")
    ]
