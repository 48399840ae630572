"""What can't be decided yet waits whole, holds no claim, and is decided when a directory record comes or its time is up."""

import asyncio
from importlib.resources import files
from typing import Any

import pytest
import yaml
from tests.integration.rules.conftest import Rules, company_changed, person_changed
from tests.unit.rules.rules_support import budget_expired, goods_received, log_created, note_line, note_recorded

from notification_rules.domain import rulebook
from notification_rules.domain.undecided import resolve_case
from notification_rules.handlers import batch, directory
from notification_rules.store import undecided

ADMIN: dict[str, Any] = {"roles": [("company-administrator", "buyer")]}


async def test_somebody_unknown_is_told_in_the_batch_that_brings_them(rules: Rules) -> None:
    await rules.take(goods_received(("1", "anna"), ("2", "ben"), key="order-1"))
    assert await rules.told() == []
    assert await rules.figures() == {"undecided": 1, "unroutable": 0, "claims": 0, "decisions": 1, "events": 1}
    await rules.take(person_changed("ben"))
    assert await rules.told() == []
    await rules.take(person_changed("anna"))
    assert await rules.told() == [("goods-receipt", "anna", "orderer"), ("goods-receipt", "ben", "orderer")]
    assert (await rules.figures())["undecided"] == 0
    keys = await rules.pool.fetch("SELECT DISTINCT key FROM outbox")
    assert [bytes(row["key"]) for row in keys] == [b"order-1"]


async def test_the_chain_goes_on_when_the_time_of_an_unknown_person_is_up(rules: Rules) -> None:
    await rules.take(person_changed("admin", **ADMIN), goods_received(("1", "new")))
    await rules.pass_time(595)
    await rules.sweeper.sweep()
    assert await rules.told() == []
    await rules.pass_time(10)
    await rules.sweeper.sweep()
    assert await rules.told() == [("goods-receipt", "admin", "company administrator")]
    assert (await rules.figures())["undecided"] == 0
    (message,) = await rules.published("MessageRequested.v1")
    assert "the orderer new is not in the directory" in message["reason"]


async def test_an_empty_chain_is_counted_as_unroutable_and_told_when_somebody_takes_the_role(rules: Rules) -> None:
    await rules.take(budget_expired())
    assert await rules.figures() == {"undecided": 0, "unroutable": 1, "claims": 0, "decisions": 1, "events": 1}
    await rules.take(person_changed("passer-by"))
    assert (await rules.figures())["unroutable"] == 1
    await rules.take(person_changed("admin", **ADMIN))
    assert await rules.told() == [("budget-expired", "admin", "company administrator")]
    assert (await rules.figures())["unroutable"] == 0


async def test_an_empty_chain_ends_after_a_week_with_its_reason(rules: Rules) -> None:
    await rules.take(budget_expired())
    await rules.pass_time(7 * 24 * 3600 - 60)
    assert await rules.sweeper.sweep() == 1
    assert (await rules.figures())["unroutable"] == 1
    await rules.pass_time(120)
    await rules.sweeper.sweep()
    assert (await rules.figures())["unroutable"] == 0
    outcome, reason = (await rules.decisions())[-1]
    assert outcome == "none"
    assert reason.startswith("given up: nobody to tell: no budget manager is set;")


async def test_an_unknown_person_then_an_empty_chain_waits_a_week_from_then(rules: Rules) -> None:
    await rules.take(goods_received(("1", "new")))
    await rules.pass_time(601)
    await rules.sweeper.sweep()
    assert (await rules.figures())["unroutable"] == 1
    await rules.pass_time(6 * 24 * 3600)
    await rules.sweeper.sweep()
    assert [outcome for outcome, _ in await rules.decisions()] == ["undecided", "unroutable"]
    await rules.take(person_changed("new"))
    assert await rules.told() == [("goods-receipt", "new", "orderer")]


async def test_of_what_is_due_as_much_is_decided_at_once_as_fits_and_what_never_does_waits_aside(
    rules: Rules, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The big one is at the head of the queue, and holds up nobody."""
    big = goods_received(*((str(n), "new") for n in range(9)), note="big", booking="automatic")
    await rules.take(big, *(goods_received(("1", f"p{n}"), note=f"note-{n}") for n in range(3)))
    monkeypatch.setattr(batch, "MOST_CLAIMS", 2)
    monkeypatch.setattr(batch, "DUE_BYTES", 1)
    async with rules.pool.acquire() as connection, connection.transaction():
        await directory.take_in(connection, [person_changed("new"), *(person_changed(f"p{n}") for n in range(3))])
    await rules.pass_time(10)
    for _ in range(4):
        assert await rules.sweeper.sweep() == 1
    assert await rules.sweeper.sweep() == 0
    assert len(await rules.told()) == 3
    assert "can't be decided: 9 claims" in await rules.pool.fetchval("SELECT reason FROM undecided")


async def test_looking_again_without_news_is_no_new_decision(rules: Rules) -> None:
    await rules.take(goods_received(("1", "new")))
    for _ in range(3):
        await rules.pass_time(60)
        assert await rules.sweeper.sweep() == 1
    assert len(await rules.decisions()) == 1
    assert len(await rules.published("DecisionMade.v1")) == 1
    assert await rules.pool.fetchval("SELECT looks FROM undecided") == 3


async def test_a_directory_record_that_was_committed_meanwhile_is_found_by_the_sweeper(rules: Rules) -> None:
    """The event looked before the record was there, and the record looked before the event waited: neither woke the other."""
    await rules.take(goods_received(("1", "anna")))
    async with rules.pool.acquire() as connection:
        await connection.execute(
            "INSERT INTO people (tenant, person, name, language, zone, active, version) SELECT 'demo', 'anna', 'Anna', 'en', 'UTC', true, 0"
        )
    await rules.pass_time(6)
    await rules.sweeper.sweep()
    assert await rules.told() == [("goods-receipt", "anna", "orderer")]


async def test_a_directory_record_wakes_also_what_somebody_is_just_looking_at(rules: Rules) -> None:
    """It waits for them, and their look, which it comes too late for, puts the row off: woken is the row as it is then."""
    await rules.take(goods_received(("1", "anna")))
    await rules.pass_time(10)
    async with rules.pool.acquire() as sweeper, rules.pool.acquire() as record:
        look = sweeper.transaction()
        await look.start()
        assert await rules.handlers.look_again(sweeper) == 1
        async with record.transaction():
            assert await directory.take_in(record, [person_changed("anna")])
            woken = asyncio.create_task(undecided.wake(record, ["person demo//anna"]))
            while not await rules.pool.fetchval("SELECT count(*) FROM pg_locks WHERE NOT granted"):  # noqa: ASYNC110 - Postgres
                await asyncio.sleep(0.01)
            await look.commit()
            assert await woken == 1
    await rules.sweeper.sweep()
    assert await rules.told() == [("goods-receipt", "anna", "orderer")]


async def test_more_than_fits_one_transaction_is_decided_bit_by_bit(rules: Rules) -> None:
    """The record's own batch takes some (3 in these tests), the sweeper the rest."""
    await rules.take(*(goods_received(("1", "anna"), note=f"note-{n}") for n in range(8)))
    await rules.take(person_changed("anna"))
    assert len(await rules.told()) == 3
    counts = [await rules.sweeper.sweep() for _ in range(3)]
    assert counts == [3, 2, 0]
    assert len(await rules.told()) == 8


async def test_two_sweepers_do_not_take_the_same_rows(rules: Rules) -> None:
    await rules.take(*(goods_received(("1", "anna"), note=f"note-{n}") for n in range(6)))
    await rules.take(person_changed("anna"))
    assert sum(await asyncio.gather(rules.sweeper.sweep(), rules.sweeper.sweep(), rules.sweeper.sweep())) == 3
    assert len(await rules.told()) == 6


async def test_what_waits_holds_no_claim(rules: Rules) -> None:
    """A second event of the same budget, with a manager who is known, tells it; the first one then finds it told."""
    await rules.take(person_changed("ben"), budget_expired(manager="new"), budget_expired(manager="ben"))
    assert await rules.told() == [("budget-expired", "ben", "budget manager")]
    await rules.take(person_changed("new"))
    assert [outcome for outcome, _ in await rules.decisions()] == ["undecided", "message", "none"]


async def test_an_alias_that_comes_later_wakes_too(rules: Rules) -> None:
    await rules.take(budget_expired(manager="4711", attributes={"emitter": "erp"}))
    await rules.take(person_changed("anna", aliases=[("erp", "4711")]))
    assert await rules.told() == [("budget-expired", "anna", "budget manager")]


async def test_a_companys_alias_that_comes_later_wakes_too(rules: Rules) -> None:
    await rules.take(person_changed("admin", **ADMIN), budget_expired(attributes={"emitter": "erp", "company": "AT01"}))
    assert (await rules.figures())["unroutable"] == 1
    await rules.take(company_changed("buyer", [("erp", "AT01")]))
    assert await rules.told() == [("budget-expired", "admin", "company administrator")]


async def test_one_that_cannot_be_decided_stops_neither_the_others_nor_the_record_that_woke_it(rules: Rules) -> None:
    """A rule was changed meanwhile, say, and now fails on the waiting event's data."""
    await rules.take(goods_received(("1", "anna")), note_recorded(note_line("9"), purchaser_contact="anna"))
    fails = yaml.safe_load(files("notification_rules").joinpath("rules.yaml").read_text("utf-8"))
    (wrong_delivery,) = (rule for rule in fails["rules"] if rule["name"] == "wrong-delivery")
    wrong_delivery["lines"]["where"][0]["is"] = "dec(line.item) > dec(line.delivered)"
    rules.library.rulebook = rulebook.parse(yaml.safe_dump(fails))
    tally = await rules.take(person_changed("anna"))
    assert (tally.processed, tally.parked) == (1, 0)
    assert await rules.told() == [("goods-receipt", "anna", "orderer")]
    assert "can't be decided: the rule wrong-delivery can't be evaluated" in await rules.pool.fetchval("SELECT reason FROM undecided")


async def test_a_fault_of_ours_in_one_that_waits_is_not_the_records_that_woke_it(rules: Rules, monkeypatch: pytest.MonkeyPatch) -> None:
    await rules.take(goods_received(("1", "anna")), note_recorded(note_line("9"), purchaser_contact="anna"))

    def fails_on_notes(case: Any, *known: Any) -> Any:
        if case.plan.rule_name == "wrong-delivery":
            raise TypeError("'NoneType' object is not iterable")
        return resolve_case(case, *known)

    monkeypatch.setattr("notification_rules.handlers.batch.resolve_case", fails_on_notes)
    tally = await rules.take(person_changed("anna"))
    assert (tally.processed, tally.parked) == (1, 0)
    assert await rules.told() == [("goods-receipt", "anna", "orderer")]
    assert "can't be decided: Postroom fails on it: TypeError" in await rules.pool.fetchval("SELECT reason FROM undecided")


async def test_one_that_can_not_be_read_stops_neither_the_others_nor_the_record_that_woke_it(rules: Rules) -> None:
    """Another release has stored it, say."""
    await rules.take(goods_received(("1", "anna")), note_recorded(note_line("9"), purchaser_contact="anna"))
    await rules.pool.execute(
        """UPDATE undecided SET event = jsonb_set(event, '{type}', '"DeliveryNoteRecorded.v9"') WHERE rule = 'wrong-delivery'"""
    )
    tally = await rules.take(person_changed("anna"))
    assert (tally.processed, tally.parked) == (1, 0)
    assert await rules.told() == [("goods-receipt", "anna", "orderer")]
    assert "can't be read" in await rules.pool.fetchval("SELECT reason FROM undecided")
    assert await rules.sweeper.sweep() == 0


async def test_the_sweeper_runs_until_it_is_cancelled(rules: Rules) -> None:
    await rules.take(goods_received(("1", "new")), person_changed("admin", **ADMIN))
    await rules.pass_time(601)
    running = asyncio.create_task(rules.sweeper.run())
    async with asyncio.timeout(10):
        while not await rules.told():  # noqa: ASYNC110 - the sweeper tells nobody when it has swept
            await asyncio.sleep(0.05)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running


async def test_a_log_with_an_unknown_contact_waits_for_them(rules: Rules) -> None:
    await rules.take(log_created(["anna"]))
    await rules.take(person_changed("anna"))
    assert await rules.told() == [("new-communication-log", "anna", "contact on the order")]


async def test_after_the_clock_went_back_what_waits_is_looked_at_in_time(rules: Rules) -> None:
    """By more than any look may lie ahead: else it would wait until the clock has caught up."""
    await rules.take(goods_received(("1", "new")))
    await rules.pass_time(-24 * 3600)
    assert await rules.sweeper.sweep() == 1
    assert await rules.sweeper.sweep() == 0
