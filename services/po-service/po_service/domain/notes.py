"""Delivery notes: what differs from the order, and what is told of it."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, datetime
from decimal import Decimal

from po_service.domain.contracts import Contract
from po_service.domain.directory import SOURCE
from po_service.domain.orders import Line, Note, Order, Quantity
from postroom.contracts import event, ids
from postroom.contracts.event import Event
from postroom.contracts.purchasing import DeliveryNoteRecorded, NoteLine, OrderRef

REQUESTER = "requester"


def note_of(
    order: Order,
    number: str,
    lines: Sequence[Quantity],
    *,
    origin: str,
    at: datetime,
    announced: bool | None = None,
    day: date | None = None,
) -> Note:
    """A new note of this order, or the next version of the one with this number. `announced` None: judged by what is outstanding."""
    known = next((note for note in order.notes if note.number == number), None)
    position = known.position if known else len(order.notes) + 1
    units = {line.line: line.unit for line in order.lines}
    counted = _added_up(tuple(replace(one, unit=one.unit or units.get(one.line, "")) for one in lines))
    return Note(
        id=ids.stable("note", order.id, number),
        number=number,
        position=position,
        version=known.version + 1 if known else 1,
        origin=origin,
        partial_announced=_is_announced(order, position, counted) if announced is None else announced,
        delivery_date=day,
        recorded_at=at,
        lines=counted,
    )


def _added_up(lines: tuple[Quantity, ...]) -> tuple[Quantity, ...]:
    """One entry per order line and unit: a despatch may split a line over several boxes."""
    found: dict[tuple[str, str], Quantity] = {}
    for one in lines:
        key = (one.line, one.unit)
        before = found.get(key)
        found[key] = one if before is None else replace(before, quantity=before.quantity + one.quantity, outstanding=_plus(before, one))
    return tuple(found.values())


def _plus(one: Quantity, other: Quantity) -> Decimal | None:
    return (
        None
        if one.outstanding is None and other.outstanding is None
        else (one.outstanding or Decimal(0)) + (other.outstanding or Decimal(0))
    )


def record(order: Order, note: Note) -> Order:
    """The order with this note in its place."""
    others = tuple(one for one in order.notes if one.id != note.id)
    notes = tuple(sorted((*others, note), key=lambda one: one.position))
    return replace(order, version=order.version + 1, lines=_noted(order, note), notes=notes)


def _noted(order: Order, note: Note) -> tuple[Line, ...]:
    """The lines, those noted that a note of the requester names; a correction of it may take a line back, a despatch advice never does."""
    if note.origin != REQUESTER:
        return order.lines
    theirs = [one for one in order.notes if one.origin == REQUESTER]
    named = {one.line for one in note.lines}
    elsewhere = {one.line for other in theirs if other.id != note.id for one in other.lines}
    dropped = {one.line for other in theirs if other.id == note.id for one in other.lines} - named - elsewhere
    return tuple(replace(line, noted=line.line in named or (line.noted and line.line not in dropped)) for line in order.lines)


def previously_delivered(order: Order, position: int, line: str, unit: str) -> Decimal:
    """What the notes before this one have brought of a line."""
    return sum(
        (one.quantity for note in order.notes if note.position < position for one in note.lines if (one.line, one.unit) == (line, unit)),
        Decimal(0),
    )


def open_quantity(order: Order, position: int, line: Line) -> Decimal:
    """What was still to come of a line before the note at this position."""
    return Decimal(0) if order.cancelled or line.cancelled else line.quantity - previously_delivered(order, position, line.line, line.unit)


def differs(order: Order, position: int, one: Quantity) -> bool:
    """Another quantity than the open one, another unit, or a line that the order doesn't have."""
    line = _line(order, one.line)
    return line is None or one.unit != line.unit or one.quantity != open_quantity(order, position, line)


def _is_announced(order: Order, position: int, lines: Sequence[Quantity]) -> bool:
    """Each difference is a part of which the seller says that the rest will come."""
    different = [one for one in lines if differs(order, position, one)]
    return bool(different) and all(_rest_will_come(order, position, one) for one in different)


def _rest_will_come(order: Order, position: int, one: Quantity) -> bool:
    line = _line(order, one.line)
    if line is None or one.unit != line.unit or not one.outstanding:
        return False
    return one.quantity + one.outstanding == open_quantity(order, position, line)


def _line(order: Order, number: str) -> Line | None:
    return next((line for line in order.lines if line.line == number), None)


def order_ref(order: Order) -> OrderRef:
    """The order as events name it."""
    return OrderRef(
        id=order.id,
        number=order.number,
        supplier=order.supplier_name,
        contract=order.contract,
        contract_number=order.contract_number,
    )


def note_recorded(order: Order, note: Note, contract: Contract | None, cause: Event | None, actor: str | None = None) -> Event:
    """DeliveryNoteRecorded; the purchaser contact is the contract's, and where an order names no contract its buyer contact."""
    fact = DeliveryNoteRecorded(
        note=note.id,
        version=note.version,
        number=note.number,
        origin=note.origin,
        order=order_ref(order),
        purchaser_contact=contract.purchaser_contact if contract else order.buyer_contact,
        partial_announced=note.partial_announced,
        mute_announced_partials=contract.mute_announced_partials if contract else False,
        recorded_at=note.recorded_at,
        lines=[_note_line(order, note, one) for one in note.lines],
    )
    return event.new(
        fact,
        source=SOURCE,
        subject=note.id,
        tenant=order.tenant,
        key=order.id,
        id=ids.stable("delivery-note-recorded", note.id, note.version),
        company=order.buyer,
        actor=actor,
        aggregateversion=order.version,
        cause=cause,
    )


def _note_line(order: Order, note: Note, one: Quantity) -> NoteLine:
    line = _line(order, one.line)
    unit = line.unit if line else one.unit
    return NoteLine(
        line=one.line,
        item=line.item if line else one.item,
        ordered=line.quantity if line and not (order.cancelled or line.cancelled) else Decimal(0),
        unit=unit,
        delivered=one.quantity,
        delivered_unit=one.unit,
        previously_delivered=previously_delivered(order, note.position, one.line, unit),
    )
