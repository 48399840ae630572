"""What became void is withdrawn: from messages, from what is undecided, in one batch and across batches, once."""

import asyncio
from typing import Any

import pytest
from tests.integration.rules.conftest import Rules, person_changed
from tests.unit.rules.reminders_support import line, noted, order_changed, overdue
from tests.unit.rules.rules_support import event

from notification_rules.store.decisions import explain
from postroom.contracts.demand import TemplateDue, TemplateWithdrawn

ANNA = person_changed("anna", language="de")
PURCHASER = person_changed("purchaser")
REQUESTER_TYPE = "delivery-note-reminder-requester"


async def _withdrawn(rules: Rules) -> list[tuple[str, tuple[str, ...], str]]:
    """(person, what is void, why) of each message withdrawn, in the order of the outbox."""
    people = {one["message"]: one["recipient"]["person"] for one in await rules.published("MessageRequested.v1")}
    found = await rules.published("MessageWithdrawn.v1")
    return [(people[one["message"]], tuple(one["about"]), one["reason"]) for one in found]


async def test_the_delivery_note_withdraws_the_reminders_of_the_lines_it_names(rules: Rules) -> None:
    await rules.take(ANNA, PURCHASER, overdue(line("1"), line("2")), overdue(line("1"), level=2))
    await rules.take(noted("1"))
    assert await _withdrawn(rules) == [
        ("anna", ("order-1/1",), "der Lieferschein ist erfasst"),
        ("purchaser", ("order-1/1",), "the delivery note has been recorded"),
    ]
    rows = await rules.pool.fetch("SELECT person, message_type, reason FROM decisions WHERE outcome = 'withdrawn' ORDER BY person")
    assert [tuple(row) for row in rows] == [
        ("anna", REQUESTER_TYPE, "the delivery note has been recorded"),
        ("purchaser", "delivery-note-reminder-purchaser", "the delivery note has been recorded"),
    ]


async def test_the_withdrawal_has_its_messages_key_and_names_its_cause(rules: Rules) -> None:
    await rules.take(ANNA, overdue(key="the reminder's key"))
    await rules.take(noted("1", key="another key", id="the note"))
    rows = await rules.pool.fetch("SELECT topic, key, headers FROM outbox ORDER BY id")
    (row,) = (row for row in rows if ["ce_type", "MessageWithdrawn.v1"] in row["headers"])
    assert (row["topic"], bytes(row["key"])) == ("messages", b"the reminder's key")
    (fact,) = await rules.published("MessageWithdrawn.v1")
    assert fact["cause"] == {"emitter": "po-service", "source": "po-service", "id": "the note", "type": "DeliveryNoteRecorded.v1"}


async def test_explain_by_the_message_shows_what_asked_for_it_and_what_withdrew_it(rules: Rules) -> None:
    await rules.take(ANNA, overdue(id="overdue"))
    await rules.take(noted("1", id="note"))
    (message,) = await rules.published("MessageRequested.v1")
    async with rules.pool.acquire() as connection:
        found = await explain(connection, message["message"])
    about_it = [(one["id"], made["outcome"]) for one in found for made in one["decisions"] if made["message"]]
    assert about_it == [("overdue", "message"), ("note", "withdrawn")]


async def test_a_despatch_advice_withdraws_nothing_and_says_nothing(rules: Rules) -> None:
    await rules.take(ANNA, overdue(), noted("1", origin="despatch-advice"))
    assert await _withdrawn(rules) == []
    assert [reason for _, reason in await rules.decisions() if "void" in reason] == []


async def test_nothing_is_withdrawn_twice_and_an_event_that_withdraws_nothing_says_so(rules: Rules) -> None:
    await rules.take(ANNA, overdue(), noted("1"))
    await rules.take(noted("1"), order_changed("1"))
    assert len(await _withdrawn(rules)) == 1
    nothing = ("none", "nothing that was told, or is still to be decided, is void by this")
    assert [one for one in await rules.decisions() if one == nothing] == [nothing] * 2


async def test_the_claim_stays_and_only_a_new_delivery_date_arms_the_reminder_anew(rules: Rules) -> None:
    await rules.take(ANNA, overdue())
    await rules.take(order_changed("1"))
    await rules.take(overdue())
    assert len(await rules.told()) == 1
    await rules.take(overdue(line(delivery_date="2026-11-22")))
    assert len(await rules.told()) == 2
    assert len(await _withdrawn(rules)) == 1


async def test_in_one_batch_the_order_of_the_events_decides(rules: Rules) -> None:
    """Told, then void, then told of the new delivery date: the last one stands."""
    await rules.take(ANNA, overdue(), order_changed("1"), overdue(line(delivery_date="2026-11-22")))
    assert len(await rules.told()) == 2
    first = (await rules.published("MessageRequested.v1"))[0]
    assert [one["message"] for one in await rules.published("MessageWithdrawn.v1")] == [first["message"]]
    assert await rules.pool.fetchval("SELECT count(*) FROM claims WHERE withdrawn_at IS NOT NULL") == 1


async def test_what_is_undecided_is_dropped_when_all_of_it_is_void(rules: Rules) -> None:
    await rules.take(overdue(id="overdue"))
    await rules.take(noted("1", id="note"))
    assert (await rules.figures())["undecided"] == 0
    await rules.take(ANNA)
    assert await rules.told() == []
    rows = await rules.pool.fetch(
        "SELECT event_id, rule, message_type, reason FROM decisions WHERE outcome = 'withdrawn' ORDER BY event_id"
    )
    assert [tuple(row) for row in rows] == [
        (
            "note",
            "reminders-settled-by-note",
            REQUESTER_TYPE,
            "the delivery note has been recorded; who is told of DeliveryNoteOverdue.v1 overdue was not decided yet",
        ),
        ("overdue", REQUESTER_TYPE, REQUESTER_TYPE, "the delivery note has been recorded (DeliveryNoteRecorded.v1 note)"),
    ]


@pytest.mark.parametrize("one_batch", [True, False])
async def test_of_what_is_undecided_only_the_lines_named_are_dropped(rules: Rules, *, one_batch: bool) -> None:
    given = [overdue(line("1"), line("2"), line("3", "ben")), noted("1", "3")]
    for batch in [given] if one_batch else [[one] for one in given]:
        await rules.take(*batch)
    assert (await rules.figures())["undecided"] == 1
    await rules.take(ANNA)
    (message,) = await rules.published("MessageRequested.v1")
    assert (message["recipient"]["person"], message["about"]) == ("anna", ["order-1/2"])
    assert [one["line"] for one in message["facts"]["lines"]] == ["2"]
    assert (await rules.figures())["undecided"] == 0


async def test_an_event_and_what_voids_it_in_one_batch_leave_nothing_undecided(rules: Rules) -> None:
    await rules.take(overdue(), noted("1"), overdue(line(delivery_date="2026-11-22"), id="later"))
    assert [row["id"] for row in await rules.pool.fetch("SELECT id FROM undecided")] == ["later"]


async def test_what_waits_again_keeps_what_was_withdrawn(rules: Rules) -> None:
    """Looked at in between, with somebody still unknown, it must not come back whole."""
    await rules.take(overdue(line("1"), line("2"), line("3", "ben")))
    await rules.take(noted("1"))
    await rules.take(ANNA)
    assert await rules.told() == []
    await rules.take(noted("3"))
    await rules.pass_time(601)
    await rules.sweeper.sweep()
    (message,) = await rules.published("MessageRequested.v1")
    assert message["about"] == ["order-1/2"]


async def test_another_systems_order_with_the_same_id_is_another_order(rules: Rules) -> None:
    await rules.take(ANNA, overdue(), overdue(emitter="erp", id="theirs"))
    await rules.take(noted("1", emitter="erp", id="their note"))
    assert [about for _, about, _ in await _withdrawn(rules)] == [("erp/order-1/1",)]


async def test_a_template_that_is_withdrawn_takes_its_messages_with_it(rules: Rules) -> None:
    data: dict[str, Any] = {"template": "T1", "name": "Paper", "occurrence": "2026-11-23"}
    due = TemplateDue.model_validate({**data, "assigned": [{"person": "anna", "role": "buyer"}, {"person": "ben", "role": "requester"}]})
    await rules.take(ANNA, person_changed("ben"), event(due, key="T1"))
    await rules.take(event(TemplateWithdrawn(template="T1"), key="T1"))
    assert sorted(await _withdrawn(rules)) == [("anna", ("T1",), "wurde zurückgezogen"), ("ben", ("T1",), "it was withdrawn")]


async def test_a_withdrawal_waits_for_whoever_decides_on_the_undecided_event_just_now(rules: Rules) -> None:
    """The sweeper of another instance holds the row and tells anna; what it told is then withdrawn, not overlooked."""
    await rules.take(overdue())
    record = rules.records([noted("1")])
    async with rules.pool.acquire() as other, rules.pool.acquire() as watcher, asyncio.timeout(30):
        transaction = other.transaction()
        await transaction.start()
        await rules.handlers.handle(other, [rules.intake._decode(one) for one in rules.records([ANNA])])
        note = asyncio.create_task(rules.intake.process(record, "tests"))
        while not await watcher.fetchval("SELECT count(*) FROM pg_locks WHERE NOT granted"):  # noqa: ASYNC110 - Postgres tells nobody
            await asyncio.sleep(0.02)
        await transaction.commit()
    await note
    assert await _withdrawn(rules) == [("anna", ("order-1/1",), "der Lieferschein ist erfasst")]


async def test_many_withdrawals_are_as_many_statements_as_one(rules: Rules) -> None:
    async def statements(count: int, start: int) -> int:
        orders = [f"order-{n}" for n in range(start, start + count)]
        await rules.take(ANNA, *(overdue(order=order, id=f"overdue {order}") for order in orders))
        seen: list[str] = []
        async with rules.pool.acquire() as connection, connection.transaction():
            with connection.query_logger(lambda query: seen.append(query.query)):
                await rules.handlers.handle(connection, [noted("1", order=order, id=f"note {order}") for order in orders])
        return len([query for query in seen if "pg_catalog" not in query])

    assert await statements(1, 100) == await statements(40, 200)
    assert len(await _withdrawn(rules)) == 41


async def test_an_event_that_names_nothing_to_withdraw_has_its_decision_too(rules: Rules) -> None:
    await rules.take(order_changed())
    assert await rules.decisions() == [("none", "the event names nothing that it makes void")]
