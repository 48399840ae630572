"""Order and OrderChange."""

import base64
import binascii
from decimal import Decimal

from po_service.domain.ubl.node import ID, Node
from po_service.domain.ubl.parts import contact, order_reference, originator, party, period
from po_service.domain.ubl.values import Attachment, Order, OrderChange, OrderLine
from postroom.contracts.errors import Refused

MAX_LINES = 2_000


def order(root: Node) -> Order:
    """An Order, or the body of an OrderChange."""
    return Order(
        number=root.need("cbc:ID"),
        issue_date=root.need_day("cbc:IssueDate"),
        buyer=party(root.need_child("cac:BuyerCustomerParty"), "cac:BuyerContact"),
        seller=party(root.need_child("cac:SellerSupplierParty"), "cac:SellerContact"),
        currency=root.text("cbc:DocumentCurrencyCode", ID),
        contract=root.text("cac:Contract/cbc:ID", ID),
        reference=root.text("cbc:CustomerReference", ID) or root.text("cbc:BuyerReference", ID),
        note=root.text("cbc:Note"),
        requested=period(root.child("cac:Delivery/cac:RequestedDeliveryPeriod")),
        originator=contact(root.child("cac:OriginatorCustomerParty/cac:Party/cac:Contact")),
        receiver=contact(root.child("cac:Delivery/cac:DeliveryParty/cac:Contact")),
        lines=_lines(root),
        attachments=tuple(_attachment(node) for node in root.children("cac:AdditionalDocumentReference")),
    )


def order_change(root: Node) -> OrderChange:
    """An OrderChange; its sequence number counts from 1."""
    sequence = root.need("cbc:SequenceNumberID")
    if not sequence.isascii() or not sequence.isdecimal() or not 1 <= int(sequence[:9]) == int(sequence):
        raise Refused("invalid", f"{sequence[:40]!r} is no sequence number (1, 2, 3 …)", f"{root.path}/cbc:SequenceNumberID")
    return OrderChange(root.need("cbc:ID"), int(sequence), order_reference(root), order(root))


def _lines(root: Node) -> tuple[OrderLine, ...]:
    lines = tuple(_line(node) for node in root.children("cac:OrderLine/cac:LineItem"))
    if not 1 <= len(lines) <= MAX_LINES:
        raise Refused("invalid", f"{len(lines)} lines; an order has 1 to {MAX_LINES}", f"{root.path}/cac:OrderLine")
    seen: set[str] = set()
    for one in lines:
        if one.line in seen:
            raise Refused("invalid", f"the line {one.line!r} stands twice in the order", f"{root.path}/cac:OrderLine/cac:LineItem/cbc:ID")
        seen.add(one.line)
    return lines


def _line(node: Node) -> OrderLine:
    quantity = node.quantity("cbc:Quantity")
    status = node.text("cbc:LineStatusCode", ID)
    if quantity is None and status != "2":
        raise Refused("invalid", "a value is missing here", f"{node.path}/cbc:Quantity")
    return OrderLine(
        line=node.need("cbc:ID"),
        item=node.text("cac:Item/cbc:Name") or node.text("cac:Item/cbc:Description"),
        description=node.text("cac:Item/cbc:Description"),
        sellers_item=node.text("cac:Item/cac:SellersItemIdentification/cbc:ID", ID),
        buyers_item=node.text("cac:Item/cac:BuyersItemIdentification/cbc:ID", ID),
        quantity=quantity or Decimal(0),
        unit=node.attribute("cbc:Quantity", "unitCode"),
        price=node.decimal("cac:Price/cbc:PriceAmount"),
        base_quantity=node.quantity("cac:Price/cbc:BaseQuantity") or Decimal(1),
        net=node.decimal("cbc:LineExtensionAmount"),
        requested=period(node.child("cac:Delivery/cac:RequestedDeliveryPeriod")),
        orderer=originator(node.child("cac:OriginatorParty")),
        status=status,
    )


def _attachment(node: Node) -> Attachment:
    path = "cac:Attachment/cbc:EmbeddedDocumentBinaryObject"
    content = node.child(path)
    return Attachment(
        number=node.need("cbc:ID"),
        title=node.text("cbc:DocumentType") or node.text("cbc:DocumentDescription"),
        filename=node.attribute(path, "filename"),
        media_type=node.attribute(path, "mimeCode"),
        content=None if content is None else _bytes(content),
        uri=node.text("cac:Attachment/cac:ExternalReference/cbc:URI"),
    )


def _bytes(node: Node) -> bytes:
    try:
        return base64.b64decode("".join((node.element.text or "").split()), validate=True)
    except (binascii.Error, ValueError) as error:
        raise Refused("invalid", f"not base64: {error}", node.path) from error
