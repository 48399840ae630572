"""Each slot of a task once; the clock goes back, and it goes on."""

from datetime import UTC, datetime, timedelta

from tests.integration.po.support import Room

from po_service.store import slots

SLOT = datetime(2026, 10, 25, 0, 30, tzinfo=UTC)  # half past two, in the hour that Vienna has twice


async def test_a_slot_is_run_once(room: Room) -> None:
    async with room.pool.acquire() as connection:
        assert [await slots.take(connection, "check-budgets", SLOT) for _ in range(2)] == [True, False]
        # The same time of day, an hour later: another slot, for slots are counted in UTC.
        assert await slots.take(connection, "check-budgets", SLOT + timedelta(hours=1))


async def test_a_slot_that_was_run_before_its_time_is_run_again_in_it(room: Room) -> None:
    """By a clock that was a day ahead. What it raised is not raised again: that is remembered by itself."""
    async with room.pool.acquire() as connection:
        assert await slots.take(connection, "check-budgets", SLOT)
        await connection.execute("UPDATE task_slots SET run_at = now() + interval '1 day'")
        assert [await slots.take(connection, "check-budgets", SLOT) for _ in range(2)] == [True, False]
