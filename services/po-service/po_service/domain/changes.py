"""What is told when lines of an order were cancelled or are due on another day."""

from collections.abc import Iterator

from po_service.domain import notes
from po_service.domain.directory import SOURCE
from po_service.domain.orders import Line, Order
from po_service.domain.parts import in_parts
from postroom.contracts import event, ids
from postroom.contracts.event import Event
from postroom.contracts.purchasing import ChangedLine, OrderChanged

LINES = 2_000


def order_changed(before: Order, after: Order, cause: Event | None, actor: str | None = None) -> tuple[Event, ...]:
    """OrderChanged with exactly the lines that were cancelled or moved; in several events where one could not hold them, else none."""
    return tuple(
        event.new(
            OrderChanged(order=notes.order_ref(after), cancelled=after.cancelled, lines=lines),
            source=SOURCE,
            subject=after.id,
            tenant=after.tenant,
            id=ids.stable("order-changed", after.id, after.version, number),
            company=after.buyer,
            actor=actor,
            aggregateversion=after.version,
            cause=cause,
        )
        for number, lines in enumerate(in_parts(list(_changed(before, after)), LINES))
    )


def _changed(before: Order, after: Order) -> Iterator[ChangedLine]:
    """A new line is none of them, nor is one that was cancelled before."""
    earlier = {line.line: line for line in before.lines if not _cancelled(before, line)}
    for line in after.lines:
        known = earlier.get(line.line)
        day, cancelled = after.delivery_date(line), _cancelled(after, line)
        if known and (cancelled or day != before.delivery_date(known)):
            yield ChangedLine(line=line.line, delivery_date=day, cancelled=cancelled)


def _cancelled(order: Order, line: Line) -> bool:
    return order.cancelled or line.cancelled
