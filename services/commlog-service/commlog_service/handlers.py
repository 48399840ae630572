"""One short function per event or command: load, decide, save and emit, in the caller's transaction."""

from collections.abc import Sequence

from commlog_service import recording
from commlog_service.domain import correspondences, history, logs, outcomes
from commlog_service.domain.correspondences import Send
from commlog_service.domain.logs import Log
from commlog_service.domain.orders import Order
from commlog_service.store import correspondences as correspondence_store
from commlog_service.store import history as history_store
from commlog_service.store import logs as log_store
from commlog_service.store import orders as order_store
from commlog_service.store import outcomes as outcome_store
from postroom import clock, failpoints, outbox
from postroom.auth import Principal
from postroom.contracts import ids
from postroom.contracts.event import Event
from postroom.contracts.outcomes import EnvelopeOutcome
from postroom.db import Connection
from postroom.problems import Problem


async def record_outcomes(connection: Connection, events: Sequence[Event]) -> None:
    """What became of the mails, a batch at a time: into the recipients' rows and into the history."""
    places = sorted({place for event in events if isinstance(event.data, EnvelopeOutcome) and (place := outcomes.place(event.data))})
    orders = await outcome_store.orders(connection, [send for send, _ in places])
    # Heads before recipients: whoever sends holds the head too, and so nobody waits crosswise.
    heads = await history_store.lock(connection, set(orders.values()))
    changes = outcomes.decide_all(events, await outcome_store.load(connection, places))
    if changes:
        await outcome_store.save(connection, {change.place: change.standing for change in changes})
        failpoints.reach("outcomes.saved")
        await recording.append(connection, history.of_outcomes(changes, orders, heads))


async def write_log(connection: Connection, principal: Principal, order: Order, key: str, text: tuple[str, str]) -> Log:
    """Save a log (type, message) on the order, and tell of it. No mail."""
    settings = await order_store.tenant_settings(connection, order.tenant)
    entry = await history_store.next_entry(connection, order.tenant, order.id)
    author = order.author(principal.person, principal.name, principal.side)
    log_id = ids.stable("log", order.tenant, principal.person, key)
    log = logs.write(log_id, author, *text, entry, known=settings.log_types, at=clock.now())
    await log_store.insert(connection, order, log)
    await recording.append(connection, {(order.tenant, order.id): [history.of_log(log)]})
    await outbox.add(connection, [logs.created(order, log, settings)])
    return log


async def visible_logs(connection: Connection, principal: Principal, order: Order) -> list[Log]:
    """All logs of the order that this side sees: its own, and the other's unless the tenant hides unsent ones from the client."""
    return await log_store.of_order(connection, order.tenant, order.id, sent_only_of=await _hidden(connection, principal))


async def page_of_logs(connection: Connection, principal: Principal, order: Order, limit: int, before: int | None) -> tuple[list[Log], int]:
    """The newest `limit` of the visible logs (before an entry), the oldest first, and how many there are in all."""
    hidden = await _hidden(connection, principal)
    page = await log_store.of_order(connection, order.tenant, order.id, sent_only_of=hidden, limit=limit, before=before)
    if before is None and len(page) < limit:
        return page, len(page)
    return page, await log_store.count_of_order(connection, order.tenant, order.id, sent_only_of=hidden)


async def _hidden(connection: Connection, principal: Principal) -> str | None:
    """The side whose unsent logs this caller doesn't see."""
    if principal.side != "client":
        return None
    settings = await order_store.tenant_settings(connection, principal.tenant)
    return None if settings.visible_unsent else "supplier"


async def accept_send(connection: Connection, send: Send, *, confirm_identical: bool) -> None:
    """Accept a click on Send: the row, its recipients, the history and the event."""
    earlier = await correspondence_store.identical(connection, send)
    if earlier and not confirm_identical:
        raise Problem(
            409,
            "identical_send",
            "The same was sent to the same people before. Send with confirm_identical to send it again.",
            send=earlier,
        )
    await correspondence_store.insert_send(connection, send)
    await correspondence_store.insert_recipients(connection, send)
    await recording.append(connection, {(send.order.tenant, send.order.id): [history.of_send(send)]})
    await outbox.add(connection, [correspondences.requested(send)])
