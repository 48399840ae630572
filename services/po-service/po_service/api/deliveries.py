"""The requester's delivery note, and the receipt of goods booked by hand."""

from dataclasses import replace
from typing import Annotated, Any
from uuid import uuid4

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field

from po_service.api.shapes import Key, Rooms, buying_side, locked_order, once
from po_service.domain import notes, receipts
from po_service.domain.contracts import Contract
from po_service.domain.orders import Note, Order, Quantity, Receipt
from po_service.domain.parts import check_size
from po_service.store import directory, orders, rows
from postroom import clock, outbox
from postroom.auth import Caller, Principal
from postroom.contracts import ids
from postroom.contracts.fields import DecimalText, Id
from postroom.db import Connection
from postroom.http import Problem


class NamedQuantity(BaseModel):
    """So much of an order line; `unit` is the line's own where it is left out."""

    model_config = ConfigDict(extra="forbid")

    line: Id
    quantity: Annotated[DecimalText, Field(ge=0)]
    unit: Annotated[str, Field(max_length=200)] = ""


class NewNote(BaseModel):
    """A delivery note. The same number again is its correction: the next version."""

    model_config = ConfigDict(extra="forbid")

    number: Id
    partial_announced: bool = False
    lines: Annotated[list[NamedQuantity], Field(min_length=1, max_length=2_000)]


class NewReceipt(BaseModel):
    """What has come: all of a `note` (id or number), or these `lines`, or, with neither, all that is open."""

    model_config = ConfigDict(extra="forbid")

    note: Id | None = None
    lines: Annotated[list[NamedQuantity] | None, Field(max_length=2_000)] = None


def router(rooms: Rooms) -> APIRouter:
    """POST /orders/{id}/delivery-notes and /orders/{id}/goods-receipts."""
    routes = APIRouter(prefix="/orders/{order_id}", tags=["deliveries"])

    @routes.post("/delivery-notes", status_code=201)
    async def record_note(caller: Caller, order_id: str, new: NewNote, key: Key = None) -> dict[str, Any]:
        """Record a delivery note; one that is right is booked at once where the contract says so."""
        buying_side(caller, "Recording a delivery note")
        async with rooms.seen_by(caller) as connection:
            asked = [order_id, new.model_dump(mode="json")]
            return await once(connection, caller, key, asked, lambda: _record(connection, caller, order_id, new))

    @routes.post("/goods-receipts", status_code=201)
    async def book_receipt(caller: Caller, order_id: str, new: NewReceipt, key: Key = None) -> dict[str, Any]:
        """Book the receipt of goods by hand: nobody is told by mail."""
        buying_side(caller, "Booking the receipt of goods")
        async with rooms.seen_by(caller) as connection:
            asked = [order_id, new.model_dump(mode="json")]
            return await once(connection, caller, key, asked, lambda: _book(connection, caller, order_id, new))

    return routes


async def _contract(connection: Connection, order: Order) -> Contract | None:
    found = await directory.contracts(connection, [(order.tenant, order.contract)] if order.contract else [])
    return found.get(order.contract or "")


def _quantities(order: Order, named: list[NamedQuantity]) -> list[Quantity]:
    units = {line.line: line.unit for line in order.lines}
    for position, one in enumerate(named):
        if one.line not in units:
            raise Problem(422, "line_unknown", f"The order has no line {one.line!r}; it has {', '.join(units)}.", f"lines.{position}.line")
    return [Quantity(one.line, one.quantity, one.unit or units[one.line]) for one in named]


async def _record(connection: Connection, caller: Principal, order_id: str, new: NewNote) -> dict[str, Any]:
    order, zone = await locked_order(connection, order_id)
    contract, at = await _contract(connection, order), clock.now()
    lines = _quantities(order, new.lines)
    note = notes.note_of(order, new.number, lines, origin="requester", at=at, announced=new.partial_announced)
    before = next((one for one in order.notes if one.id == note.id), None)
    if before and replace(before, version=note.version, recorded_at=at, delivery_date=None) == note:
        return {"outcome": "unchanged", "note": rows.plain(before), "receipt": None}
    order = notes.record(order, note)
    events = [notes.note_recorded(order, note, contract, None, caller.person)]
    receipt = receipts.automatic_receipt(order, note, contract, zone, at)
    if receipt:
        order = receipts.book(order, receipt)
        events.append(receipts.goods_received(order, receipt, None))
    check_size(events, "lines")
    await orders.save(connection, [order])
    await outbox.add(connection, events)
    return {"outcome": "recorded", "note": rows.plain(note), "receipt": rows.plain(receipt), "events": [event.id for event in events]}


async def _book(connection: Connection, caller: Principal, order_id: str, new: NewReceipt) -> dict[str, Any]:
    order, zone = await locked_order(connection, order_id)
    receipt = _receipt(order, new, await _contract(connection, order), zone, caller)
    order = receipts.book(order, receipt)
    event = receipts.goods_received(order, receipt, None, caller.person)
    await orders.save(connection, [order])
    await outbox.add(connection, [event])
    return {"outcome": "booked", "receipt": rows.plain(receipt), "events": [event.id]}


def _receipt(order: Order, new: NewReceipt, contract: Contract | None, zone: str, caller: Principal) -> Receipt:
    at = clock.now()
    if new.note is not None:
        if new.lines is not None:
            raise Problem(422, "invalid", "Name a note or lines, not both: a note is booked as a whole.", "lines")
        return receipts.receipt_of_note(order, _open_note(order, new.note), contract, zone, at, booking="manual", by=caller.person)
    lines = _quantities(order, new.lines) if new.lines is not None else receipts.open_lines(order)
    if not any(one.quantity for one in lines):
        raise Problem(409, "nothing_open", "There is nothing to book: all of the order has come.", "lines")
    id_ = ids.stable("receipt", order.id, uuid4())
    return Receipt(id_, "manual", None, at, caller.person, receipts.complaint_until(contract, zone, at), tuple(lines))


def _open_note(order: Order, id_or_number: str) -> Note:
    note = next((one for one in order.notes if id_or_number in (one.id, one.number)), None)
    if note is None:
        raise Problem(404, "note_unknown", f"The order has no delivery note {id_or_number!r}.", "note")
    if receipts.is_booked(order, note):
        raise Problem(409, "note_booked", f"The receipt of the delivery note {note.number!r} is booked already.", "note")
    return note
