"""Receipts of goods: when one is booked by itself, and what is told of it."""

from dataclasses import replace
from datetime import date, datetime, timedelta

from po_service.domain import notes
from po_service.domain.contracts import Contract
from po_service.domain.directory import SOURCE
from po_service.domain.orders import Note, Order, Quantity, Receipt
from po_service.domain.parts import TOLD_BYTES
from postroom import zones
from postroom.contracts import event, ids
from postroom.contracts.event import Event
from postroom.contracts.purchasing import GoodsReceived, ReceivedLine

SHORTEST_NAME = 16


def automatic_receipt(order: Order, note: Note, contract: Contract | None, zone: str, at: datetime) -> Receipt | None:
    """The receipt to book at once: the contract asks for it, the note is right, and it isn't booked yet."""
    if contract is None or not contract.automatic_receipt or is_booked(order, note):
        return None
    if any(notes.differs(order, note.position, one) for one in note.lines):
        return None
    return receipt_of_note(order, note, contract, zone, at, booking="automatic")


def due_receipts(order: Order, contract: Contract, as_of: date, zone: str, at: datetime) -> list[Receipt]:
    """Receipts of notes whose delivery date is the contract's number of days ago, right or not."""
    if not contract.automatic_receipt or contract.receipt_days is None:
        return []
    return [
        receipt_of_note(order, note, contract, zone, at, booking="automatic")
        for note in order.notes
        if not is_booked(order, note)
        and (day := note.delivery_date or order.estimated_delivery)
        and (as_of - day).days >= contract.receipt_days
    ]


def is_booked(order: Order, note: Note) -> bool:
    """Once per note."""
    return any(receipt.note == note.id for receipt in order.receipts)


def receipt_of_note(
    order: Order, note: Note, contract: Contract | None, zone: str, at: datetime, *, booking: str, by: str | None = None
) -> Receipt:
    """The receipt of all that a note names."""
    return Receipt(
        ids.stable("receipt", note.id),
        booking,
        note.id,
        at,
        by,
        complaint_until(contract, zone, at),
        tuple(one for one in note.lines if one.quantity),
    )


def complaint_until(contract: Contract | None, zone: str, at: datetime) -> date | None:
    """The last day on which the buyer may complain, in the buying company's zone."""
    if contract is None or contract.complaint_days is None:
        return None
    return at.astimezone(zones.zone(zone)).date() + timedelta(days=contract.complaint_days)


def open_lines(order: Order) -> list[Quantity]:
    """What is still to come of each line."""
    due = ((line, line.quantity - order.delivered(line.line, line.unit)) for line in order.lines if not line.cancelled)
    return [Quantity(line.line, quantity, line.unit) for line, quantity in due if quantity > 0]


def book(order: Order, receipt: Receipt) -> Order:
    """The order with this receipt."""
    return replace(order, version=order.version + 1, receipts=(*order.receipts, receipt))


def goods_received(order: Order, receipt: Receipt, cause: Event | None, actor: str | None = None) -> Event:
    """GoodsReceived, each line with who ordered it; a line that the order doesn't have goes to its buyer contact's name."""
    orderers = {line.line: line for line in order.lines}
    fallback = order.buyer_contact or next((line.ordered_by for line in order.lines), "")
    note = next((one for one in order.notes if one.id == receipt.note), None)
    fact = GoodsReceived(
        receipt=receipt.id,
        booking=receipt.booking,
        order=notes.order_ref(order),
        note=receipt.note,
        note_number=note.number if note else "",
        booked_at=receipt.booked_at,
        complaint_until=receipt.complaint_until,
        lines=[
            ReceivedLine(
                line=one.line,
                item=orderers[one.line].item if one.line in orderers else one.item,
                quantity=one.quantity,
                unit=one.unit,
                ordered_by=orderers[one.line].ordered_by if one.line in orderers else fallback,
            )
            for one in receipt.lines
        ],
    )
    return event.new(
        _fitting(fact),
        source=SOURCE,
        subject=receipt.id,
        tenant=order.tenant,
        key=order.id,
        id=ids.stable("goods-received", receipt.id),
        company=order.buyer,
        actor=actor,
        aggregateversion=order.version,
        cause=cause,
    )


def _fitting(fact: GoodsReceived) -> GoodsReceived:
    """With its items' names cut where the event would have no room: an order change may have made them longer than the note's were.

    Not in parts: a person is told of a note's receipt once.
    """
    most = max((len(line.item) for line in fact.lines), default=0)
    while len(fact.model_dump_json().encode()) > TOLD_BYTES and most > SHORTEST_NAME:
        most //= 2
        lines = [line if len(line.item) <= most else line.model_copy(update={"item": f"{line.item[: most - 1]}…"}) for line in fact.lines]
        fact = fact.model_copy(update={"lines": lines})
    return fact
