"""The automatic receipt of goods (type 4), a number of days after the delivery date."""

from datetime import date

from po_service.domain import receipts
from po_service.store import directory, orders
from po_service.tasks.days import last_today, today
from postroom import clock, outbox
from postroom.db import Connection


async def book_receipts(connection: Connection, tenant: str | None, as_of: date | None) -> int:
    """GoodsReceived for each note whose contract books it a number of days after the delivery date; returns how many."""
    keys = await orders.to_book(connection, tenant, last_today(as_of))
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
