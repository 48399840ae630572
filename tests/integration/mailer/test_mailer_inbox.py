"""The inbox over HTTP, the mailer's whole app running: pages, marks, forwards; always filled, and only ever one's own."""

import asyncio
from typing import Any

import asyncpg
import pytest
from tests.integration.mailer.conftest import World
from tests.integration.mailer.test_mailer_api import ANNA, OPERATOR, Door, door
from tests.integration.mailer.wishes import WRONG_DELIVERY, requested, withdrawn

from gateway.routes import ROUTES
from mailer_service import links
from mailer_service.customer.templates import Templates
from postroom import db
from postroom.auth import Principal
from postroom.contracts.event import Event
from postroom.contracts.inboxes import MessageForwarded
from postroom.contracts.messages import Cause

BERT = Principal(person="bert", tenant="tenant-a", side="client", name="Bert Bauer")
CLARA = Principal(person="clara", tenant="tenant-a", side="client", name="Clara Cech")
__all__ = ["door"]


def key(text: str) -> dict[str, Any]:
    return {"Idempotency-Key": text}


async def read(door: Door, principal: Principal = ANNA, **query: Any) -> dict[str, Any]:
    answer: dict[str, Any] = (await door(principal, "GET", "/inbox", params=query)).json()
    return answer


async def forward(door: Door, principal: Principal, message: str, to: str) -> str:
    answer = await door(principal, "POST", f"/inbox/{message}/forward", json={"to": [to]}, headers=key(message))
    return str(answer.json()["forward"])


def copy(message: str, forward: str, to: Principal, **more: Any) -> Event:
    """What the rules make of a forward."""
    cause = Cause(emitter="mailer-service", source="mailer-service", id=forward, type=MessageForwarded.TYPE)
    said = {"by": "anna", "by_name": "", "note": "", "subject": "Wrong delivery", "text": "", "created_at": "2026-11-23T09:30:00Z"}
    return requested(message=message, message_type="forwarded-message", person=to.person, facts=said, cause=cause, **more)


async def forwarded(world: World) -> list[MessageForwarded]:
    rows = await world.pool.fetch("SELECT value FROM outbox WHERE topic = 'inbox' ORDER BY id")
    return [MessageForwarded.model_validate_json(row["value"]) for row in rows]


async def test_an_entry_says_from_whom_what_and_where_it_leads(world: World, door: Door) -> None:
    await world.take_in(
        requested(message="m-1", sender="Pia Purchaser", opens={"what": "order", "id": "o 1"}),
        requested(message="m-2", opens={"what": "budget", "id": "erp/B1"}),
        requested(message="m-3"),
    )
    entries = {one["message"]: one for one in (await read(door))["messages"]}
    assert entries["m-1"]["sender"] == "Pia Purchaser"
    assert entries["m-1"]["opens"] == {"what": "order", "id": "o 1", "href": "/api/orders/o%201"}
    assert entries["m-2"]["opens"] == {"what": "budget", "id": "erp/B1", "href": None}
    assert (entries["m-3"]["opens"], entries["m-3"]["sender"]) == (None, "Postroom")
    assert all(one["withdrawn_at"] is None and one["forwarded"] == [] for one in entries.values())


def test_what_a_click_opens_is_there_at_the_gateway() -> None:
    readable = {route.path.partition("{")[0] + "{}" + route.path.partition("}")[2] for route in ROUTES if "GET" in route.methods}
    assert {path.removeprefix("/api") for path in links._PATHS.values()} <= readable


async def test_pages_follow_one_another_without_gap_or_overlap(world: World, door: Door) -> None:
    for batch in range(3):
        await world.take_in(*(requested(message=f"m-{batch}-{n}") for n in range(4)))
    seen: list[str] = []
    before = None
    while True:
        page = await read(door, limit=5, **({"before": before} if before else {}))
        seen += [one["message"] for one in page["messages"]]
        before = page["next"]
        if before is None:
            break
        # What arrives while somebody turns the pages doesn't move them.
        await world.take_in(requested())
    assert seen == [f"m-{batch}-{n}" for batch in (2, 1, 0) for n in (3, 2, 1, 0)]
    refused = await door(ANNA, "GET", "/inbox", params={"before": "nonsense"})
    assert (refused.status_code, refused.json()["field"]) == (404, "before")


async def test_read_unread_and_all_read(world: World, door: Door) -> None:
    await world.take_in(*(requested(message=f"m-{n}") for n in range(3)), requested(message="void"), withdrawn("void"))
    assert (await read(door))["unread"] == 3
    assert (await door(ANNA, "GET", "/inbox/m-1")).json()["read_at"] is None
    assert (await door(ANNA, "POST", "/inbox/m-1/read")).json()["unread"] == 2
    assert {one["message"] for one in (await read(door, unread=True))["messages"]} == {"m-0", "m-2"}
    assert (await door(ANNA, "POST", "/inbox/m-1/unread")).json()["unread"] == 3
    assert (await door(ANNA, "POST", "/inbox/read-all")).json() == {"read": 3, "unread": 0}
    assert (await read(door, unread=True))["messages"] == []
    for path in ("/inbox/m-1", "/inbox/m-1/read", "/inbox/m-1/unread"):
        assert (await door(BERT, "GET" if path.endswith("1") else "POST", path)).json()["code"] == "unknown_message"


async def test_all_read_up_to_what_was_shown(world: World, door: Door) -> None:
    """What came while somebody looked is unread still: of one moment, too."""
    await world.take_in(*(requested(message=f"m-{n}") for n in range(3)), requested(message="other", person="bert"))
    await world.take_in(requested(message="m-3"))
    assert (await door(ANNA, "POST", "/inbox/read-all", json={"until": "m-1"})).json() == {"read": 2, "unread": 2}
    assert [one["message"] for one in (await read(door, unread=True))["messages"]] == ["m-3", "m-2"]
    for unknown in ("nonsense", "other"):
        refused = await door(ANNA, "POST", "/inbox/read-all", json={"until": unknown})
        assert (refused.status_code, refused.json()["code"], refused.json()["field"]) == (404, "unknown_message", "until")
    assert (await read(door))["unread"] == 2
    assert (await door(ANNA, "POST", "/inbox/read-all")).json() == {"read": 2, "unread": 0}


async def test_what_was_withdrawn_is_shown_as_that(world: World, door: Door) -> None:
    lines = [{**WRONG_DELIVERY["lines"][0], "line": n, "item": f"Article {n}"} for n in ("1", "2")]
    facts = {**WRONG_DELIVERY, "lines": lines}
    await world.take_in(requested(message="m-1", facts=facts, lines="lines", about=["a", "b"]), withdrawn("m-1", "a"))
    [entry] = (await read(door))["messages"]
    assert "Article 2" in entry["text"]
    assert "Article 1" not in entry["text"]
    assert (entry["withdrawn_at"], entry["withdrawn_reason"]) == (None, None)
    await world.take_in(withdrawn("m-1", "b", reason="the order was cancelled"))
    inbox = await read(door)
    [entry] = inbox["messages"]
    assert (inbox["unread"], entry["withdrawn_reason"]) == (0, "the order was cancelled")
    assert entry["withdrawn_at"]
    assert "Article 1" in entry["text"]


async def test_what_was_forwarded_is_withdrawn_with_it(world: World, door: Door) -> None:
    """Also what was forwarded once more, and whether its mail waits for a digest or for quiet hours; not while a line of it holds."""
    lines = [{**WRONG_DELIVERY["lines"][0], "line": n} for n in ("1", "2")]
    await world.take_in(requested(message="m-1", facts={**WRONG_DELIVERY, "lines": lines}, lines="lines", about=["a", "b"]))
    await world.until_states(sent=1)
    first = await forward(door, ANNA, "m-1", "bert")
    await world.take_in(copy("m-2", first, BERT, digest="2999-01-01T06:00:00Z"))
    await world.take_in(copy("m-3", await forward(door, BERT, "m-2", "clara"), CLARA, not_before="2999-01-01T06:00:00Z"))
    await world.take_in(withdrawn("m-1", "a"))
    assert [(await read(door, one))["unread"] for one in (ANNA, BERT, CLARA)] == [1, 1, 1]
    void = withdrawn("m-1", "b", reason="the order was cancelled")
    await world.take_in(void)
    for one in (ANNA, BERT, CLARA):
        [entry] = (await read(door, one))["messages"]
        assert (entry["withdrawn_at"] is not None, entry["withdrawn_reason"]) == (True, "the order was cancelled")
    outcomes = {one["message"]: one for one in await world.outcomes() if one["state"] == "cancelled"}
    assert {message: one["cause"] for message, one in outcomes.items()} == dict.fromkeys(("m-2", "m-3"), void.data.cause.model_dump())  # type: ignore[attr-defined]
    assert await world.states() == {"sent": 1, "cancelled": 1}


async def test_a_forwarded_message_that_comes_after_the_withdrawal_is_void_at_once(world: World, door: Door) -> None:
    """Who it was forwarded to may have waited for the directory."""
    await world.take_in(requested(message="m-1"), requested(message="m-4"))
    await world.until_states(sent=2)
    first, other = await forward(door, ANNA, "m-1", "bert"), await forward(door, ANNA, "m-4", "bert")
    await world.take_in(withdrawn("m-1", reason="the order was cancelled"))
    await world.take_in(copy("m-2", first, BERT, email="bert@example.com"), copy("m-5", other, BERT, email="bert@example.com"))
    shown = {one["message"]: one["withdrawn_reason"] for one in (await read(door, BERT))["messages"]}
    assert shown == {"m-2": "the order was cancelled", "m-5": None}
    await world.until_states(sent=3, cancelled=1)


@pytest.mark.parametrize("case", ["suppressed", "bounced", "opted out", "no template"])
async def test_the_inbox_is_filled_whatever_becomes_of_the_mail(world: World, door: Door, case: str) -> None:
    if case == "suppressed":
        await world.pool.execute("INSERT INTO suppression VALUES ('tenant-a', 'anna@example.com', 'gone')")
    elif case == "bounced":
        world.sink.script = lambda stage, *_: "550 5.1.1 no such user" if stage == "rcpt" else None
    more: dict[str, Any] = {"opted out": {"no_mail": "not wanted"}, "no template": {"message_type": "not-yet"}}.get(case, {})
    await world.take_in(requested(message="m-1", **more))
    if case != "opted out":
        await world.until_states(**{"bounced" if case == "bounced" else "held": 1})
    assert [one["message"] for one in (await read(door))["messages"]] == ["m-1"]


async def test_a_message_is_passed_on_once_with_what_was_read(world: World, door: Door) -> None:
    await world.take_in(requested(message="m-1", opens={"what": "order", "id": "order-1"}))
    body = {"to": ["olga", "pia", "olga"], "note": "Can you take this?"}
    answers = [await door(ANNA, "POST", "/inbox/m-1/forward", json=body, headers=key("k-1")) for _ in range(2)]
    assert {answer.status_code for answer in answers} == {202}
    assert answers[0].json() == answers[1].json()
    [fact] = await forwarded(world)
    assert (fact.message, fact.by, fact.by_name, fact.to, fact.note) == ("m-1", "anna", "Anna Maier", ["olga", "pia"], body["note"])
    assert fact.subject == "Wrong delivery: 8 of 10 pcs of Copy paper A4 80 g on order 4711"
    assert fact.text.startswith("Delivery note LS-2201")
    assert (fact.order_number, fact.opens and fact.opens.id, fact.forward) == ("4711", "order-1", answers[0].json()["forward"])
    [entry] = (await read(door))["messages"]
    assert [(one["to"], one["note"]) for one in entry["forwarded"]] == [(["olga", "pia"], "Can you take this?")]
    other = await door(ANNA, "POST", "/inbox/m-1/forward", json={"to": ["x"]}, headers=key("k-1"))
    assert (other.status_code, other.json()["code"]) == (409, "idempotency_conflict")


async def test_a_double_click_is_one_forward(world: World, door: Door) -> None:
    await world.take_in(requested(message="m-1"))
    clicks = (door(ANNA, "POST", "/inbox/m-1/forward", json={"to": ["olga"]}, headers=key("k")) for _ in range(5))
    assert {answer.status_code for answer in await asyncio.gather(*clicks)} == {202}
    assert len(await forwarded(world)) == 1


@pytest.mark.parametrize(
    ("principal", "message", "body", "headers", "status", "field"),
    [
        (BERT, "m-1", {"to": ["olga"]}, key("k"), 404, None),
        (ANNA, "void", {"to": ["olga"]}, key("k"), 409, None),
        (ANNA, "m-1", {"to": ["olga", "anna"]}, key("k"), 422, "to"),
        (ANNA, "m-1", {"to": []}, key("k"), 422, "to"),
        (ANNA, "m-1", {"to": ["olga"], "note": "x" * 4001}, key("k"), 422, "note"),
        (ANNA, "m-1", {"to": ["olga"], "cc": []}, key("k"), 422, "cc"),
        (ANNA, "m-1", {"to": ["olga"]}, {}, 422, "Idempotency-Key"),
    ],
)
async def test_no_forward_without_a_reason(
    world: World, door: Door, principal: Principal, message: str, body: Any, headers: Any, status: int, field: str | None
) -> None:
    await world.take_in(requested(message="m-1"), requested(message="void"), withdrawn("void"))
    answer = await door(principal, "POST", f"/inbox/{message}/forward", json=body, headers=headers)
    assert (answer.status_code, answer.json()["field"]) == (status, field)
    assert await forwarded(world) == []


async def test_what_cannot_be_shown_is_not_forwarded_and_the_same_click_does_it_later(world: World, door: Door) -> None:
    """Once the fault of a template was passed on, for good, as what the message says."""
    await world.take_in(requested(message="m-1", facts={"note": "note-1"}))
    click: dict[str, Any] = {"json": {"to": ["olga"]}, "headers": key("k")}
    refused = await door(ANNA, "POST", "/inbox/m-1/forward", **click)
    assert (refused.status_code, refused.json()["code"]) == (409, "cannot_be_shown")
    assert await forwarded(world) == []
    await world.pool.execute("UPDATE messages SET facts = $1", WRONG_DELIVERY)
    answer = await door(ANNA, "POST", "/inbox/m-1/forward", **click)
    assert answer.status_code == 202
    await world.pool.execute("UPDATE messages SET facts = '{}'")
    again = await door(ANNA, "POST", "/inbox/m-1/forward", **click)
    assert (again.status_code, again.json()) == (202, answer.json())
    [fact] = await forwarded(world)
    assert fact.text.startswith("Delivery note LS-2201")


async def test_what_is_withdrawn_while_a_template_takes_its_time_is_not_forwarded(
    world: World, door: Door, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nor is a transaction open by then: Postgres ends one that stands idle for longer than it lasts."""
    await world.take_in(requested(message="m-1"))
    shown = Templates.briefs

    async def slow(templates: Templates, rows: Any) -> Any:
        owner = await asyncpg.connect(world.settings.dsn)
        await owner.execute("BEGIN; LOCK TABLE idempotency IN ACCESS EXCLUSIVE MODE NOWAIT; COMMIT")
        await owner.close()
        await world.take_in(withdrawn("m-1"))
        return await shown(templates, rows)

    monkeypatch.setattr(Templates, "briefs", slow)
    answer = await door(ANNA, "POST", "/inbox/m-1/forward", json={"to": ["olga"]}, headers=key("k"))
    assert (answer.status_code, answer.json()["code"]) == (409, "withdrawn")
    assert await forwarded(world) == []


async def test_a_text_of_any_length_fits_the_event(world: World, door: Door) -> None:
    facts = {**WRONG_DELIVERY, "lines": [{**WRONG_DELIVERY["lines"][0], "item": "€" * 2_000} for _ in range(35)]}
    await world.take_in(requested(message="m-1", facts=facts))
    answer = await door(ANNA, "POST", "/inbox/m-1/forward", json={"to": ["olga"]}, headers=key("k"))
    assert answer.status_code == 202, answer.text


async def test_row_level_security_keeps_forwards_and_withdrawals_apart(world: World, door: Door) -> None:
    await world.take_in(requested(message="m-1"), withdrawn("m-1"), requested(message="m-2"), requested(digest="2999-01-01T06:00:00Z"))
    await door(ANNA, "POST", "/inbox/m-2/forward", json={"to": ["olga"]}, headers=key("k"))
    pool = await db.open_pool(world.settings, "api")
    for principal, expected in ((ANNA, 1), (BERT, 0)):
        async with db.as_principal(pool, principal) as connection:
            assert await connection.fetchval("SELECT count(*) FROM forwards") == expected
            assert await connection.fetchval("SELECT count(*) FROM withdrawals") == expected
            assert await connection.fetchval("SELECT count(*) FROM digest_entries") == 0
    await pool.close()


async def test_an_operator_sees_why_and_when(world: World, door: Door) -> None:
    await world.take_in(
        requested(message="void", about=["order-1/1"]),
        withdrawn("void", "order-1/1"),
        requested(message="daily", digest="2999-01-01T06:00:00Z"),
        requested(message="quiet", not_before="2999-01-01T05:00:00Z"),
        requested(message="off", no_mail="not wanted"),
    )
    answer = (await door(OPERATOR, "GET", "/messages", params={"ref": "order-1"})).json()["messages"]
    shown = {one["message"]: one for one in answer}
    void = shown["void"]["withdrawn"]
    assert (void["whole"], void["about"], void["reason"]) == (True, ["order-1/1"], "the delivery note has been recorded")
    assert void["cause"]["type"] == "DeliveryNoteRecorded.v1"
    assert [one["state"] for one in shown["void"]["envelopes"]] == ["cancelled"]
    by_event = (await door(OPERATOR, "GET", "/messages", params={"cause": void["cause"]["id"]})).json()["messages"]
    assert [one["message"] for one in by_event] == ["void"]
    assert shown["daily"]["digest"] == {"moment": "2999-01-01T06:00:00Z", "message": None, "envelopes": []}
    assert shown["quiet"]["not_before"] == "2999-01-01T05:00:00Z"
    assert (shown["off"]["unmailed"], shown["off"]["withdrawn"], shown["off"]["digest"]) == ("not wanted", None, None)
