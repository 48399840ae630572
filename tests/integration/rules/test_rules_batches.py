"""Batches of events become messages and decisions, once each, in the intake's transaction."""

import asyncio
from pathlib import Path
from typing import Any

import pytest
from tests.integration.rules.conftest import Rules, company_changed, person_changed
from tests.unit.rules.rules_support import ORDER, budget_expired, goods_received, log_created, note_line, note_recorded

from notification_rules.handlers import batch
from notification_rules.settings import Settings
from postroom import outbox
from postroom.contracts.event import Event
from postroom.db import TooMuch


async def test_a_batch_with_its_people_tells_each_of_them(rules: Rules) -> None:
    """The directory's records of a batch come first, wherever they stand in it."""
    await rules.take(
        goods_received(("1", "anna"), ("2", "ben"), key="order-1"),
        note_recorded(note_line("9"), attributes={"key": "order-1"}),
        log_created(["anna"]),
        budget_expired(manager="ben"),
        goods_received(("1", "anna"), booking="manual", note="note-2"),
        *(person_changed(name) for name in ("anna", "ben", "purchaser")),
    )
    assert sorted(await rules.told()) == [
        ("budget-expired", "ben", "budget manager"),
        ("goods-receipt", "anna", "orderer"),
        ("goods-receipt", "ben", "orderer"),
        ("new-communication-log", "anna", "contact on the order"),
        ("wrong-delivery", "purchaser", "purchaser contact"),
    ]
    assert ("none", "booked by hand, and only an automatic booking is told") in await rules.decisions()
    assert await rules.figures() == {"undecided": 0, "unroutable": 0, "claims": 5, "decisions": 6, "events": 5}
    assert len(await rules.published("DecisionMade.v1")) == 6


async def test_messages_carry_the_key_of_their_cause(rules: Rules) -> None:
    await rules.take(person_changed("anna"), goods_received(("1", "anna"), key="order-1"))
    assert {bytes(row["key"]) for row in await rules.pool.fetch("SELECT key FROM outbox")} == {b"order-1"}


async def test_what_was_told_in_another_batch_is_not_told_again(rules: Rules) -> None:
    await rules.take(person_changed("anna"), goods_received(("1", "anna")))
    await rules.take(goods_received(("1", "anna")))
    assert len(await rules.told()) == 1
    assert [outcome for outcome, _ in await rules.decisions()] == ["message", "none"]


async def test_the_claim_names_its_messages_and_what_it_is_about(rules: Rules) -> None:
    await rules.take(
        person_changed("ann", roles=[("company-administrator", "buyer")]),
        person_changed("bob", roles=[("company-administrator", "buyer")]),
        budget_expired(attributes={"emitter": "erp", "id": "1"}),
    )
    row = await rules.pool.fetchrow("SELECT * FROM claims")
    assert row is not None
    assert (row["key"], row["about"]) == ('erp/["B1","2026-01-01","date"]', "erp/B1")
    assert sorted(row["messages"]) == sorted(one["message"] for one in await rules.published("MessageRequested.v1"))
    assert len(row["messages"]) == 2


async def test_two_instances_with_the_same_thing_to_tell_tell_it_once(rules: Rules) -> None:
    """Neither sees the other's claim when it looks; the slower one runs again and finds it."""
    await rules.take(person_changed("anna"))
    first, second = (rules.records([budget_expired(manager="anna", attributes={"id": name})]) for name in ("one", "two"))
    async with rules.pool.acquire() as faster, rules.pool.acquire() as watcher, asyncio.timeout(30):
        transaction = faster.transaction()
        await transaction.start()
        await rules.handlers.handle(faster, [rules.intake._decode(first[0])])
        slower = asyncio.create_task(rules.intake.process(second, "tests"))
        while not await watcher.fetchval("SELECT count(*) FROM pg_locks WHERE NOT granted"):  # noqa: ASYNC110
            await asyncio.sleep(0.02)
        assert not slower.done()
        await transaction.commit()
    assert (await slower).processed == 1
    assert len(await rules.told()) == 1
    assert [outcome for outcome, _ in await rules.decisions()] == ["message", "none"]


async def test_many_batches_on_two_instances_at_once(rules: Rules) -> None:
    """Each thing is told once, whoever comes first, and neither deadlocks."""
    await rules.take(person_changed("anna"))
    names = [f"B{n}" for n in range(30)]

    def given(prefix: str, order: list[str]) -> list[Event]:
        return [budget_expired(manager="anna", budget=name, attributes={"id": f"{prefix}{name}"}) for name in order]

    one = [rules.intake.process(rules.records(given(f"a{n}", names)), f"cluster-{n}") for n in range(4)]
    two = [rules.intake.process(rules.records(given(f"b{n}", names[::-1])), f"other-{n}") for n in range(4)]
    await asyncio.gather(*one, *two)
    assert len(await rules.told()) == 30
    assert (await rules.figures())["events"] == 240


async def test_an_event_that_cannot_be_decided_is_parked_and_the_rest_goes_on(rules: Rules) -> None:
    strange = note_recorded(note_line("9"), attributes={"id": "strange"}, note="\x00")
    good = note_recorded(note_line("9"), attributes={"id": "good"})
    tally = await rules.take(person_changed("purchaser"), strange, good)
    assert (tally.processed, tally.parked) == (2, 1)
    assert [reason for reason, _ in await rules.parked()] == ["invalid"]
    assert len(await rules.told()) == 1


async def test_ids_too_long_for_an_index_neither_stop_the_batch_nor_collide(rules: Rules) -> None:
    people = [person_changed("anna")]
    long = [budget_expired(manager="anna", budget="語" * 199 + last) for last in "ab"]
    tally = await rules.take(*people, *long)
    assert (tally.processed, tally.parked) == (3, 0)
    assert len(await rules.told()) == 2


async def test_an_identity_too_long_for_an_index_is_parked_instead_of_stopping_everything(rules: Rules) -> None:
    """It would fit neither the intake's index nor the parked rows': no repetition mends that."""
    source, id_ = ("".join(chr(0x4E00 + (n * step) % 20_000) for n in range(500)) for step in (7919, 6101))
    long = budget_expired(manager="anna", attributes={"source": source, "id": id_})
    tally = await rules.take(person_changed("anna"), long, budget_expired(manager="anna"))
    assert (tally.processed, tally.parked) == (2, 1)
    assert await rules.parked() == [("invalid", "longer than 500 bytes of UTF-8")]


async def test_an_older_record_of_the_directory_does_not_overwrite_a_newer_one(rules: Rules) -> None:
    await rules.take(person_changed("anna", 2, email="new@example.org"), person_changed("anna", 1, email="older@example.org"))
    await rules.take(person_changed("anna", 1, email="oldest@example.org", roles=[("administrator", None)]))
    await rules.take(goods_received(("1", "anna")))
    (message,) = await rules.published("MessageRequested.v1")
    assert message["recipient"]["email"] == "new@example.org"
    assert await rules.pool.fetchval("SELECT count(*) FROM roles") == 0


async def test_a_role_given_up_and_an_alias_taken_away_are_gone(rules: Rules) -> None:
    before = person_changed("anna", 1, roles=[("administrator", None)], aliases=[("erp", "7")])
    after = person_changed("anna", 2)
    await rules.take(before)
    await rules.take(after, person_changed("ben", roles=[("administrator", None)], aliases=[("erp", "7")]))
    await rules.take(budget_expired(), budget_expired(manager="7", attributes={"emitter": "erp"}))
    assert sorted(await rules.told()) == [("budget-expired", "ben", "budget manager"), ("budget-expired", "ben", "system administrator")]


async def test_aliases_of_people_and_companies(rules: Rules) -> None:
    """A person and the owning company, by the names that the emitter has for them; both systems in one batch."""
    await rules.take(
        company_changed("buyer", [("erp", "AT01"), ("wms", "9")]),
        person_changed("anna", aliases=[("erp", "7")]),
        person_changed("ben", aliases=[("wms", "7")]),
        person_changed("carl", roles=[("company-administrator", "buyer")]),
    )
    await rules.take(
        goods_received(("1", "7"), emitter="erp", id="1"),
        goods_received(("1", "7"), emitter="wms", id="2"),
        budget_expired(attributes={"emitter": "erp", "company": "AT01", "id": "3"}),
    )
    assert sorted(await rules.told()) == [
        ("budget-expired", "carl", "company administrator"),
        ("goods-receipt", "anna", "orderer"),
        ("goods-receipt", "ben", "orderer"),
    ]
    assert [one["order"] for one in await rules.published("MessageRequested.v1") if one["order"]] == ["erp/order-1", "wms/order-1"]


async def test_the_deputy_comes_with_the_absent_person(rules: Rules) -> None:
    away: dict[str, Any] = {"deputy": "ben", "absent_from": "2020-01-01", "absent_until": None}
    await rules.take(person_changed("anna", **away), person_changed("ben"), goods_received(("1", "anna")))
    assert await rules.told() == [("goods-receipt", "ben", "orderer → deputy")]


async def test_another_tenants_people_are_not_asked(rules: Rules) -> None:
    await rules.take(person_changed("anna"), goods_received(("1", "anna"), tenant="other"))
    assert await rules.told() == []
    assert [outcome for outcome, _ in await rules.decisions()] == ["undecided"]


async def test_a_batch_takes_as_many_statements_as_tables_whatever_its_size(rules: Rules) -> None:
    """The cost of a batch is its tables, not its events."""
    await rules.take(*(person_changed(f"p{n}") for n in range(20)))
    seen: list[str] = []

    async def count(size: int, start: int) -> int:
        seen.clear()
        batch = [goods_received(("1", f"p{n % 20}"), note=f"note-{start + n}", id=f"e{start + n}") for n in range(size)]
        async with rules.pool.acquire() as connection, connection.transaction():
            with connection.query_logger(lambda query: seen.append(query.query)):
                await rules.handlers.handle(connection, batch)
        # Without what the driver asks about types, and the transaction's own words.
        return len([query for query in seen if "unnest" in query])

    assert await count(1, 0) == await count(20, 100) == 8


def test_the_rules_of_a_file_of_ones_own(tmp_path: Path) -> None:
    (tmp_path / "own.yaml").write_text("rules: []\n")
    assert Settings(rules=tmp_path / "own.yaml").rules_text == "rules: []\n"
    assert "goods-receipt" in Settings().rules_text


async def test_the_longest_ids_of_another_system_are_told(rules: Rules) -> None:
    """Their system's name comes in front, so what is told has more room than what came."""
    order = {**ORDER, "id": "o" * 200}
    attributes = {"emitter": "erp", "id": "i" * 500, "source": "s" * 500}
    await rules.take(
        person_changed("anna", aliases=[("erp", "a" * 200)]),
        goods_received(("1", "a" * 200), **attributes, order=order),
        goods_received(("1", "anna"), note="after", emitter="erp"),
    )
    assert (len(await rules.told()), await rules.parked()) == (2, [])


async def test_a_thousand_reasons_are_told_in_few_words(rules: Rules) -> None:
    people = [f"{n:03}" + "x" * 190 for n in range(300)]
    await rules.take(goods_received(*((one, one) for one in people)))
    await rules.pass_time(1000)
    await rules.sweeper.sweep()
    (outcome, reason) = (await rules.decisions())[-1]
    assert outcome == "unroutable"
    assert reason.endswith("more reasons")
    await rules.take(person_changed("admin", language="de", roles=[("administrator", None)]))
    (message,) = await rules.published("MessageRequested.v1")
    assert message["reason"].endswith("weitere Gründe")


async def test_more_claims_than_a_transaction_should_take_are_less_at_once(rules: Rules, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two hundred managers of a thousand changed items: half a minute of reckoning, in which the server would end the transaction."""
    monkeypatch.setattr(batch, "MOST_CLAIMS", 3)
    await rules.take(person_changed("anna"), person_changed("ben"))
    notes = [goods_received(("1", "anna"), ("2", "ben"), note=f"note-{n}") for n in range(2)]
    with pytest.raises(TooMuch, match="4 claims"):
        await rules.take(*notes)
    for one in notes:
        await rules.take(one)
    assert len(await rules.told()) == 4


async def test_what_is_told_to_many_is_too_much_before_it_is_all_in_memory(rules: Rules, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outbox, "MOST_BYTES", 100)
    await rules.take(person_changed("anna"))
    with pytest.raises(TooMuch):
        await rules.take(goods_received(("1", "anna")))


@pytest.mark.parametrize("zone", ["Europe", "x" * 4_000, "../../etc/passwd", "Europe/Nowhere"])
async def test_a_zone_that_there_is_not_stops_nobody(rules: Rules, zone: str) -> None:
    """Found by ten thousand bad records: a folder of zones, and a name too long for a file, were taken for an outage, and held up all."""
    absent: dict[str, Any] = {"absent_from": "2026-01-01", "absent_until": "2026-01-02"}
    await rules.take(person_changed("anna", zone=zone, **absent), person_changed("ben"))
    await rules.pool.execute("INSERT INTO preferences (tenant, person, quiet_from, quiet_until) VALUES ('demo', 'anna', '00:00', '23:59')")
    await rules.take(goods_received(("1", "anna"), ("2", "ben")))
    assert sorted(person for _, person, _ in await rules.told()) == ["anna", "ben"]
