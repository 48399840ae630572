"""THE list of scheduled tasks, and the clock that runs each once a slot."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, date, datetime, timedelta

import structlog

from po_service.store import slots
from po_service.tasks.budgets import check_budgets
from po_service.tasks.prices import check_price_validity
from po_service.tasks.receipts import book_receipts
from po_service.tasks.reminders import remind_delivery_notes
from po_service.tasks.structures import refresh_control_structures
from po_service.tasks.templates import due_templates
from postroom import clock, db, failpoints
from postroom.cancellation import obey_cancellation
from postroom.db import Connection, Pool

log = structlog.get_logger()
Task = Callable[[Connection, str | None, date | None], Awaitable[int]]
"""(connection, tenant or None for all, as of this day or None for today) → how many events it raised.

Each opens its own transactions (tasks/parts.py).
"""

TASKS: dict[str, Task] = {
    "check-budgets": check_budgets,
    "book-receipts": book_receipts,
    "refresh-control-structures": refresh_control_structures,
    "due-templates": due_templates,
    "remind-delivery-notes": remind_delivery_notes,
    "check-price-validity": check_price_validity,
}


class Schedule:
    """Runs each task once a slot, whichever instance comes first; slots that were missed become one."""

    def __init__(self, pool: Pool, slot_seconds: int) -> None:
        self._pool = pool
        self._slot = timedelta(seconds=slot_seconds)

    async def run(self) -> None:
        """Until cancelled. A task that fails is tried again, and holds up no other."""
        while True:
            for name in TASKS:
                try:
                    await self._run_slot(name)
                except Exception as error:
                    told = {"task": name, "error": repr(error), "exc_info": db.trace_of(error)}
                    log.exception("a task failed, and is tried again", alert=True, **told)
                    obey_cancellation()
            await asyncio.sleep(min(60.0, self._slot.total_seconds() / 4))

    async def _run_slot(self, name: str) -> None:
        """A task commits in parts, its slot is done at the end: who comes after a crash goes on with what is left."""
        now = clock.now()
        slot = now - (now - datetime(1970, 1, 1, tzinfo=UTC)) % self._slot
        async with self._pool.acquire() as connection:
            if await slots.take(connection, name, slot):
                raised = await TASKS[name](connection, None, None)
                failpoints.reach("task.raised")
                await slots.done(connection, name, slot, raised)
                log.info("task ran", task=name, slot=slot.isoformat(), raised=raised)
