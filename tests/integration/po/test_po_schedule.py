"""Each slot of a task once, by one instance at a time; the clock goes back, and it goes on."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest
from tests.integration.po.support import Room

from po_service.store import slots

TASK = "check-budgets"
SLOT = datetime(2026, 10, 25, 0, 30, tzinfo=UTC)  # half past two, in the hour that Vienna has twice


async def test_a_slot_is_run_once(room: Room) -> None:
    async with room.pool.acquire() as connection:
        assert await slots.take(connection, TASK, SLOT)
        await slots.done(connection, TASK, SLOT, 0)
        assert not await slots.take(connection, TASK, SLOT)
        # The same time of day, an hour later: another slot, for slots are counted in UTC.
        assert await slots.take(connection, TASK, SLOT + timedelta(hours=1))


async def test_a_task_is_one_instances_until_it_is_done_or_its_session_ends(room: Room) -> None:
    async with room.pool.acquire() as other:
        async with room.pool.acquire() as first:
            assert await slots.take(first, TASK, SLOT)
            assert not await slots.take(other, TASK, SLOT)
            assert await slots.take(other, "book-receipts", SLOT)
        assert await slots.take(other, TASK, SLOT), "the first one failed"


async def test_an_instance_that_stands_still_holds_up_no_other(room: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    async with room.pool.acquire() as other, room.pool.acquire() as still:
        with monkeypatch.context() as soon:
            soon.setattr(slots, "STILL", "50ms")
            assert await slots.take(still, TASK, SLOT)
        async with asyncio.timeout(5):
            while not await slots.take(other, TASK, SLOT):  # noqa: ASYNC110 - it happens in the server
                await asyncio.sleep(0.05)


async def test_a_slot_that_was_run_before_its_time_is_run_again_in_it(room: Room) -> None:
    """By a clock that was a day ahead. What it raised is not raised again: that is remembered by itself."""
    async with room.pool.acquire() as connection:
        await slots.done(connection, TASK, SLOT, 0)
        await connection.execute("UPDATE task_slots SET run_at = now() + interval '1 day'")
        assert await slots.take(connection, TASK, SLOT)
        await slots.done(connection, TASK, SLOT, 0)
        assert not await slots.take(connection, TASK, SLOT)
