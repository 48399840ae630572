"""Each event has its effect once; what can't be processed is parked, and the rest of the batch goes on."""

import asyncio
import errno
import gc
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import orjson
import pytest
from tests.integration.shared.conftest import Service, budget, raw, record

from postroom import parked
from postroom.broker.clients import MAX_BYTES
from postroom.contracts import cloudevents
from postroom.contracts.errors import Refused
from postroom.contracts.messages import Cause
from postroom.contracts.record import Record
from postroom.intake import Retry
from postroom.offsets import Overtaken
from postroom.parked import NotOpenError, Rejected

CLUSTER = "a-cluster"


async def test_a_batch_has_its_effect_in_order_and_moves_the_offset(service: Service) -> None:
    """Three events, one call of the handler, the next offset behind them."""
    tally = await service.intake.process([record(budget(f"e{n}"), n) for n in range(3)], CLUSTER)
    assert (tally.processed, tally.duplicates, tally.parked) == (3, 0, 0)
    assert service.handled == [["e0", "e1", "e2"]]
    assert await service.effects() == ["e0", "e1", "e2"]
    assert await service.pool.fetchval("SELECT next_offset FROM offsets WHERE cluster = $1", CLUSTER) == 3


async def test_the_same_event_again_has_no_second_effect(service: Service) -> None:
    """In the same batch, in a later one, and on another partition: a duplicate, counted by emitter."""
    one = budget("e1")
    await service.intake.process([record(one, 0), record(one, 1)], CLUSTER)
    tally = await service.intake.process([record(one, 2), record(one, 0, partition=1)], CLUSTER)
    assert (tally.processed, tally.duplicates) == (0, 2)
    assert await service.effects() == ["e1"]
    assert await service.pool.fetchval("SELECT seen FROM duplicates WHERE emitter = 'tests'") == 3


async def test_the_same_id_with_other_content_is_parked_as_conflict(service: Service) -> None:
    """Across batches and within one; the first one keeps its effect."""
    await service.intake.process([record(budget("e1", "first"), 0)], CLUSTER)
    await service.intake.process([record(budget("e1", "second"), 1), record(budget("e2", "x"), 2), record(budget("e2", "y"), 3)], CLUSTER)
    assert await service.parked() == [("conflict", "id"), ("conflict", "id")]
    assert await service.effects() == ["e1", "e2"]


@pytest.mark.parametrize(
    ("value", "headers", "reason", "path"),
    [
        (None, (), "unreadable", ""),
        (b"{", (), "unreadable", ""),
        (b"\xff\xfe", (), "unreadable", ""),
        (b'{"a": NaN}', (), "unreadable", ""),
        (b'{"a": 1, "a": 2}', (), "unreadable", ""),
        (b"[" * 5000 + b"]" * 5000, (), "unreadable", ""),
        (b"{}", (("ce_specversion", b"\xff"),), "unreadable", "ce_specversion"),
        (b"{}", (("ce_specversion", None),), "invalid", "specversion"),
        (b'{"specversion": "1.0", "type": "NoSuchThing.v1"}', (), "unknown_type", "type"),
        (b'{"specversion": "1.0", "type": "BudgetExpired.v1", "subject": "B1", "data": {}}', (), "invalid", "data.budget"),
        (b"x" * 300_000, (), "too_large", ""),
    ],
)
async def test_bad_records_are_parked_and_the_rest_goes_on(
    service: Service, value: bytes | None, headers: tuple[tuple[str, bytes | None], ...], reason: str, path: str
) -> None:
    """One bad record between two good ones: parked with its raw bytes and the reason, mirrored to the parked topic."""
    tally = await service.intake.process([record(budget("e0"), 0), raw(value, 1, headers=headers), record(budget("e2"), 2)], CLUSTER)
    assert (tally.processed, tally.parked) == (2, 1)
    assert await service.effects() == ["e0", "e2"]
    assert await service.parked() == [(reason, path)]
    assert await service.pool.fetchval("SELECT value FROM parked") == value
    assert await service.pool.fetchval("SELECT count(*) FROM outbox WHERE topic = 'parked.shared-tests'") == 1


async def test_a_parked_record_comes_back_byte_for_byte(service: Service) -> None:
    """Key, value and headers, whatever they hold: a replay sees what came."""
    odd = ((b"\xff".decode("latin-1"), b"\xff\x00"), ("x", None), ("y", b"plain"), ("z", b"nul \x00"))
    came = raw(b"\x00\xff", 7, headers=odd)
    await service.intake.process([came], CLUSTER)
    async with service.pool.acquire() as connection:
        row = await parked.get(connection, await connection.fetchval("SELECT id FROM parked"))
    assert row is not None
    assert parked.as_record(row) == came


@pytest.mark.parametrize(("offender", "told"), [("refuse", ("refused_by_database", "")), ("with \x00 in it", ("invalid", "data.name"))])
async def test_what_the_database_refuses_is_parked_alone(service: Service, offender: str, told: tuple[str, str]) -> None:
    """A constraint, and a NUL that is valid JSON: the batch runs again with a savepoint per record."""
    await service.intake.process([record(budget("e0"), 0), record(budget("e1", offender), 1), record(budget("e2"), 2)], CLUSTER)
    assert await service.effects() == ["e0", "e2"]
    assert await service.parked() == [told]
    assert await service.pool.fetchval("SELECT count(*) FROM intake") == 2, "an offender writes no intake row"


async def test_a_date_that_nobody_can_reckon_with_is_parked_alone(service: Service) -> None:
    """It would fail with every try, and hold up all that follow it."""

    def reckon() -> None:
        if "e1" in service.handled[-1]:
            date.max + timedelta(days=1)

    service.before_save.append(reckon)
    await service.intake.process([record(budget(f"e{n}"), n) for n in range(3)], CLUSTER)
    assert await service.effects() == ["e0", "e2"]
    assert await service.parked() == [("invalid", "")]


@pytest.mark.parametrize("fails", [lambda: Cause.model_validate({}), lambda: orjson.dumps(2**64), lambda: int("x")])
async def test_a_value_that_nothing_can_be_made_of_is_parked_alone(service: Service, fails: Callable[[], Any]) -> None:
    """What a contract of ours has no room for, say, in what follows from the record."""
    service.before_save.append(lambda: fails() if "e1" in service.handled[-1] else None)
    await service.intake.process([record(budget(f"e{n}"), n) for n in range(3)], CLUSTER)
    assert (await service.effects(), await service.parked()) == (["e0", "e2"], [("invalid", "")])


async def test_an_error_of_the_world_rolls_all_back(service: Service) -> None:
    """Nothing is parked and no offset moves when it is not the record's fault; the same batch succeeds later."""

    def fail() -> None:
        raise OSError("no route")

    service.before_save.append(fail)
    with pytest.raises(OSError, match="no route"):
        await service.intake.process([record(budget("e0"), 0)], CLUSTER)
    assert await service.pool.fetchval("SELECT count(*) FROM offsets") == 0
    assert await service.parked() == []
    service.before_save.clear()
    assert (await service.intake.process([record(budget("e0"), 0)], CLUSTER)).processed == 1


async def test_retry_runs_the_batch_again_on_fresh_data(service: Service) -> None:
    """A handler that finds its loaded data stale starts over, and the event still has one effect."""

    def stale_once() -> None:
        service.before_save.clear()
        raise Retry

    service.before_save.append(stale_once)
    await service.intake.process([record(budget("e0"), 0)], CLUSTER)
    assert service.handled == [["e0"], ["e0"]]
    assert await service.effects() == ["e0"]


async def test_of_two_instances_with_the_same_records_one_goes_on(service: Service) -> None:
    """The other is overtaken and leaves nothing behind."""
    batch = [record(budget(f"e{n}"), n) for n in range(20)]
    results = await asyncio.gather(*(service.intake.process(batch, CLUSTER) for _ in range(4)), return_exceptions=True)
    assert sum(isinstance(result, Overtaken) for result in results) == 3
    assert len(await service.effects()) == 20


async def test_a_corrected_record_closes_what_was_parked(service: Service) -> None:
    """Somebody writes it again, rightly, under the same source and id."""
    good = budget("e1")
    bad = raw(b'{"specversion":"1.0","id":"e1","source":"tests","type":"BudgetExpired.v1","subject":"B1","tenant":"demo","data":{}}', 0)
    await service.intake.process([bad], CLUSTER)
    assert len(await service.parked()) == 1
    await service.intake.process([record(good, 1)], CLUSTER)
    assert await service.parked() == []
    assert await service.pool.fetchval("SELECT closed_by FROM parked") == "corrected"


async def test_replay_mended_has_its_effect_and_closes_the_row(service: Service) -> None:
    """As it came it is refused again and stays; mended it has its effect, once."""
    await service.intake.process([raw(b"{", 0)], CLUSTER)
    number = await service.pool.fetchval("SELECT id FROM parked")
    with pytest.raises(Refused):
        await service.intake.replay(number)
    assert len(await service.parked()) == 1
    await service.intake.replay(number, cloudevents.structured(budget("e1")))
    assert await service.effects() == ["e1"]
    assert await service.pool.fetchval("SELECT closed_by FROM parked") == "mended"
    with pytest.raises(NotOpenError):
        await service.intake.replay(number, cloudevents.structured(budget("e1")))


async def test_a_record_in_binary_mode_is_mended_by_its_data_or_as_a_whole(service: Service) -> None:
    """Its attributes stay where the data alone are corrected; a whole event in structured mode brings its own."""
    for number, name in enumerate(("e1", "e2")):
        good = record(budget(name), number)
        await service.intake.process([replace(good, value=b'{"budget": 7}')], CLUSTER)
        row = await service.pool.fetchval("SELECT id FROM parked WHERE closed_at IS NULL")
        await service.intake.replay(row, good.value if name == "e1" else cloudevents.structured(budget(name)))
    assert await service.effects() == ["e1", "e2"]


async def test_nothing_of_a_batch_is_held_once_it_is_done(service: Service) -> None:
    """A refusal goes by its words alone: what it was raised through holds the batch, and would hold it until the collector comes by."""
    await service.intake.process([record(budget("e0", "first"), 0)], CLUSTER)
    gc.collect()
    gc.disable()
    others = _of_batches()  # of tests before this one
    try:
        kinds = [b"{", b'{"a": NaN}', b'{"specversion": "1.0", "type": "BudgetExpired.v1", "subject": "B1", "data": {}}']
        batch = [raw(value, 1 + place) for place, value in enumerate(kinds)]
        batch += [record(budget("e0", "second"), 4), record(budget("e5", "refuse"), 5)]
        assert (await service.intake.process(batch, CLUSTER)).parked == 5
        del batch
        assert not [one for one in _of_batches() if not any(one is other for other in others)]
    finally:
        gc.enable()


def _of_batches() -> list[object]:
    """What holds a record that was read."""
    return [one for one in gc.get_objects() if isinstance(one, Record | Rejected) or (isinstance(one, Refused) and one.__traceback__)]


async def test_headers_that_are_longer_as_they_are_shown_leave_room_in_the_parked_topic(service: Service) -> None:
    """Bytes that are no UTF-8 are shown as escapes: a record that came in would not go out to its mirror, and stop its lane for good."""
    odd = tuple(("\\xff" * 10_000, b"v" * 100) for _ in range(60))
    record = Record("in.tests", 0, 7, b"k", odd, b"no JSON" + bytes(1 << 20), datetime.now(UTC))
    await service.intake.process([record], "tests")
    row = await service.pool.fetchrow("SELECT headers, value FROM outbox")
    assert row is not None
    shown = dict(row["headers"])
    size = sum(len(name.encode()) + len(str(value).encode()) for name, value in row["headers"])
    assert len(row["value"]) + size < MAX_BYTES - 4_096
    assert shown["parked_reason"] == "too_large"
    assert 0 < int(shown["parked_headers_left_out"]) < 60
    assert len(await service.pool.fetchval("SELECT headers FROM parked")) == 60


async def test_a_value_that_was_used_as_a_name_is_the_records_fault_and_no_outage(service: Service) -> None:
    def named() -> None:
        if "e1" in service.handled[-1]:
            raise OSError(errno.ENAMETOOLONG, "File name too long")

    service.before_save.append(named)
    tally = await service.intake.process([record(budget(f"e{n}"), n) for n in range(3)], CLUSTER)
    assert (tally.processed, tally.parked) == (2, 1)
    assert await service.effects() == ["e0", "e2"]


async def test_a_replay_that_fails_by_a_fault_of_ours_says_so_and_the_row_stays_open(service: Service) -> None:
    """Not as if there were no such row."""
    await service.intake.process([raw(b"{", 0)], CLUSTER)
    number = await service.pool.fetchval("SELECT id FROM parked")

    def fails() -> None:
        raise KeyError("lines")

    service.before_save.append(fails)
    with pytest.raises(Refused, match="failed: Postroom fails on it: KeyError: 'lines'"):
        await service.intake.replay(number, cloudevents.structured(budget("e1")))
    assert await service.pool.fetchval("SELECT closed_at FROM parked") is None
    with pytest.raises(NotOpenError):
        await service.intake.replay(number + 1)
