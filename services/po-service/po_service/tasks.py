"""The scheduled tasks: "due and not yet raised", so that an outage delays a message and never loses it."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import structlog

from po_service.domain import budgets as domain
from po_service.domain import receipts
from po_service.store import budgets, directory, orders
from postroom import clock, outbox
from postroom.db import Connection, Pool

log = structlog.get_logger()
Task = Callable[[Connection, str | None, date | None], Awaitable[int]]


def _day(zone: str, as_of: date | None) -> date:
    return as_of or clock.now().astimezone(ZoneInfo(zone)).date()


def _last_day(as_of: date | None) -> date:
    """The latest day that it is anywhere."""
    return as_of or clock.today("Pacific/Kiritimati")


async def check_budgets(connection: Connection, tenant: str | None, as_of: date | None) -> int:
    """BudgetExpired for each budget that has run out, once per period and reason; returns how many."""
    found = await budgets.candidates(connection, tenant, _last_day(as_of))
    due = [(budget, reason) for budget in found for reason in domain.reasons(budget, _day(budget.zone, as_of))]
    fresh = await budgets.raise_once(connection, due)
    events = [domain.expired(budget, reason) for budget, reason in due if (budget.tenant, budget.id, reason) in fresh]
    await outbox.add(connection, events)
    return len(events)


async def book_receipts(connection: Connection, tenant: str | None, as_of: date | None) -> int:
    """GoodsReceived for each note whose contract books it a number of days after the delivery date; returns how many."""
    keys = await budgets.orders_to_book(connection, tenant, _last_day(as_of))
    await orders.lock(connection, keys)
    found = await orders.find(connection, keys)
    contracts = await directory.contracts(connection, {(order.tenant, order.contract) for order, _ in found if order.contract})
    states, events = [], []
    for order, zone in found:
        contract = contracts.get(order.contract or "")
        state = order
        for receipt in receipts.due_receipts(order, contract, _day(zone, as_of), zone, clock.now()) if contract else []:
            state = receipts.book(state, receipt)
            states.append(state)
            events.append(receipts.goods_received(state, receipt, None))
    await orders.save(connection, states)
    await outbox.add(connection, events)
    return len(events)


TASKS: dict[str, Task] = {"check-budgets": check_budgets, "book-receipts": book_receipts}


class Schedule:
    """Runs each task once a slot, whichever instance comes first; slots that were missed become one."""

    def __init__(self, pool: Pool, slot_seconds: int) -> None:
        self._pool = pool
        self._slot = timedelta(seconds=slot_seconds)

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            for name in TASKS:
                await self._run_slot(name)
            await asyncio.sleep(min(60.0, self._slot.total_seconds() / 4))

    async def _run_slot(self, name: str) -> None:
        now = clock.now()
        slot = now - (now - datetime(1970, 1, 1, tzinfo=UTC)) % self._slot
        async with self._pool.acquire() as connection, connection.transaction():
            if await budgets.take_slot(connection, name, slot):
                raised = await TASKS[name](connection, None, None)
                await budgets.slot_done(connection, name, slot, raised)
                log.info("task ran", task=name, slot=slot.isoformat(), raised=raised)
