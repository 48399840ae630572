"""The documents that follow an order: cancellation, response and despatch advice."""

from decimal import Decimal

from po_service.domain.ubl.node import ID, Node
from po_service.domain.ubl.parts import identified_party, order_reference, party, period
from po_service.domain.ubl.values import (
    DespatchAdvice,
    DespatchLine,
    LineResponse,
    OrderCancellation,
    OrderReference,
    OrderResponse,
    Period,
)
from postroom.contracts.errors import Refused

MAX_LINES = 2_000


def order_cancellation(root: Node) -> OrderCancellation:
    """An OrderCancellation."""
    return OrderCancellation(
        number=root.need("cbc:ID"),
        issue_date=root.need_day("cbc:IssueDate"),
        note=root.text("cbc:CancellationNote"),
        order=order_reference(root),
        buyer=party(root.need_child("cac:BuyerCustomerParty"), "cac:BuyerContact"),
        seller=party(root.need_child("cac:SellerSupplierParty"), "cac:SellerContact"),
    )


def order_response(root: Node) -> OrderResponse:
    """An OrderResponse; its promised days become the estimated delivery."""
    return OrderResponse(
        number=root.need("cbc:ID"),
        issue_date=root.need_day("cbc:IssueDate"),
        code=root.need("cbc:OrderResponseCode"),
        order=order_reference(root),
        seller=party(root.need_child("cac:SellerSupplierParty"), "cac:SellerContact"),
        promised=period(root.child("cac:Delivery/cac:PromisedDeliveryPeriod")),
        lines=tuple(_line_response(node) for node in root.children("cac:OrderLine")),
    )


def _line_response(node: Node) -> LineResponse:
    item = node.need_child("cac:LineItem")
    return LineResponse(
        line=node.text("cac:OrderLineReference/cbc:LineID", ID)
        or item.text("cac:OrderLineReference/cbc:LineID", ID)
        or item.need("cbc:ID"),
        code=item.text("cbc:LineStatusCode", ID),
        quantity=item.quantity("cbc:Quantity"),
        promised=period(item.child("cac:Delivery/cac:PromisedDeliveryPeriod")),
    )


def despatch_advice(root: Node) -> DespatchAdvice:
    """A DespatchAdvice of one order."""
    lines = tuple(_despatch_line(node) for node in root.children("cac:DespatchLine"))
    if not 1 <= len(lines) <= MAX_LINES:
        raise Refused("invalid", f"{len(lines)} lines; a despatch advice has 1 to {MAX_LINES}", f"{root.path}/cac:DespatchLine")
    return DespatchAdvice(
        number=root.need("cbc:ID"),
        issue_date=root.need_day("cbc:IssueDate"),
        order=_one_order(root),
        seller=party(root.need_child("cac:DespatchSupplierParty"), "cac:DespatchContact"),
        principal=identified_party(root.child("cac:SellerSupplierParty"), "cac:SellerContact"),
        delivery=_delivery(root),
        lines=lines,
    )


def _one_order(root: Node) -> OrderReference:
    """The header's order, else the one that all lines name."""
    path = "cac:DespatchLine/cac:OrderLineReference/cac:OrderReference/cbc:ID"
    named = {value for node in root.children(path) if (value := (node.element.text or "").strip())}
    header = root.text("cac:OrderReference/cbc:ID", ID)
    orders = named | {header} if header else named
    if len(orders) > 1:
        raise Refused("unsupported", f"one despatch advice for several orders ({', '.join(sorted(orders)[:5])})", f"{root.path}/{path}")
    if not header and orders:
        return OrderReference(orders.pop())
    return order_reference(root)


def _delivery(root: Node) -> Period:
    delivery = root.child("cac:Shipment/cac:Delivery")
    if delivery is None:
        return Period()
    actual = delivery.day("cbc:ActualDeliveryDate")
    return Period(actual, actual) if actual else period(delivery.child("cac:EstimatedDeliveryPeriod"))


def _despatch_line(node: Node) -> DespatchLine:
    return DespatchLine(
        line=node.need("cbc:ID"),
        order_line=node.text("cac:OrderLineReference/cbc:LineID", ID),
        item=node.text("cac:Item/cbc:Name"),
        sellers_item=node.text("cac:Item/cac:SellersItemIdentification/cbc:ID", ID),
        quantity=node.quantity("cbc:DeliveredQuantity") or Decimal(0),
        unit=node.attribute("cbc:DeliveredQuantity", "unitCode"),
        outstanding=node.quantity("cbc:OutstandingQuantity"),
    )
