"""The automatic receipt of goods (type 4), a number of days after the delivery date."""

from collections.abc import Sequence
from datetime import date

from po_service.domain import receipts
from po_service.store import directory, orders
from po_service.tasks.days import last_today, today
from po_service.tasks.parts import in_parts
from postroom import clock, outbox
from postroom.db import Connection

# Each with an advisory lock, of which the whole server has room for some thousands.
ORDERS_AT_ONCE = 500


async def book_receipts(connection: Connection, tenant: str | None, as_of: date | None) -> int:
    """GoodsReceived for each note whose contract books it a number of days after the delivery date; returns how many."""
    found = await orders.to_book(connection, tenant, last_today(as_of))
    return await in_parts(connection, found, ORDERS_AT_ONCE, lambda part: _book(connection, part, as_of))


async def _book(connection: Connection, keys: Sequence[orders.Key], as_of: date | None) -> int:
    await orders.lock(connection, keys)
    found = await orders.find(connection, keys)
    contracts = await directory.contracts(connection, {(order.tenant, order.contract) for order, _ in found if order.contract})
    states, events = [], []
    for order, zone in found:
        contract = contracts.get(order.contract or "")
        state = order
        for receipt in receipts.due_receipts(order, contract, today(zone, as_of), zone, clock.now()) if contract else []:
            state = receipts.book(state, receipt)
            states.append(state)
            events.append(receipts.goods_received(state, receipt, None))
    await orders.save(connection, states)
    await outbox.add(connection, events)
    return len(events)
