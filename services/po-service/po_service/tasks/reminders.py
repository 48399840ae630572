"""The daily scan for delivery notes that the requester has not recorded (types 11 and 12)."""

from collections.abc import Sequence
from datetime import date

from po_service.domain import reminders as domain
from po_service.domain.reminders import Option
from po_service.store import directory, orders, reminders
from po_service.store.raised import raise_once, raised
from po_service.tasks.days import today
from po_service.tasks.parts import in_parts
from postroom import outbox
from postroom.contracts.event import Event
from postroom.contracts.purchasing import DeliveryNoteOverdue
from postroom.db import Connection

ORDERS_AT_ONCE = 1_000
Options = dict[tuple[str, str], Option]


async def remind_delivery_notes(connection: Connection, tenant: str | None, as_of: date | None) -> int:
    """DeliveryNoteOverdue per order and level, once per line, level and delivery date; returns how many."""
    options: Options = {(one.contract.tenant, one.contract.id): one for one in await reminders.options(connection, tenant)}
    cutoffs = [(*key, level, until) for key, one in options.items() for level, until in one.cutoffs(today(one.zone, as_of)).items()]
    found = await reminders.orders_due(connection, cutoffs)
    return await in_parts(connection, found, ORDERS_AT_ONCE, lambda part: _remind(connection, part, options, as_of))


async def _remind(connection: Connection, found: Sequence[tuple[str, str, str]], options: Options, as_of: date | None) -> int:
    ids = {id_ for id_, _, _ in found}
    await reminders.lock(connection, [id_ for id_, _, _ in found])
    loaded = [order for order, _ in await orders.find(connection, [(tenant, number) for _, tenant, number in found])]
    pairs = [(order, options[order.tenant, order.contract]) for order in loaded if order.contract and order.id in ids]
    before = await raised(connection, DeliveryNoteOverdue.TYPE, [key for pair in pairs for key in domain.keys(*pair)])
    names = await directory.names(connection, {(order.tenant, line.ordered_by) for order, _ in pairs for line in order.lines})
    events: list[Event] = []
    fresh: list[domain.Key] = []
    for order, option in pairs:
        day = today(option.zone, as_of)
        for level, lines in domain.due(order, option, day, before).items():
            fresh += [domain.raised_key(order, line, level) for line in lines]
            events += domain.overdue(order, option, level, lines, day, names)
    await raise_once(connection, DeliveryNoteOverdue.TYPE, fresh)
    await outbox.add(connection, events)
    return len(events)
