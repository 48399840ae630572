"""What people want ordered, and the order that is generated of it once the contract's minimum is reached (types 9 and 10)."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal

from po_service.domain.contracts import Contract
from po_service.domain.directory import SOURCE, Company
from po_service.domain.notes import order_ref
from po_service.domain.orders import Line, Order, order_id
from po_service.domain.parts import in_parts
from postroom.contracts import event, ids
from postroom.contracts.event import Event
from postroom.contracts.purchasing import MinimumOrderValueNotReached, RequestedItem

ITEMS = 1_000
NUMBER = 180


@dataclass(frozen=True, slots=True)
class Item:
    """What a `requester` (a person's id) wants ordered under a contract; `net` is its value. Open until it has an order and a line."""

    tenant: str
    id: str
    contract: str
    requester: str
    name: str
    quantity: Decimal
    unit: str
    net: Decimal
    currency: str
    requested_at: datetime
    delivery_date: date | None = None
    order_id: str | None = None
    line: str | None = None
    requester_name: str = ""


@dataclass(frozen=True, slots=True)
class Trade:
    """A contract as an order is generated under it: its companies, and the `serial` that its next order's number ends with."""

    contract: Contract
    buyer: Company
    supplier: Company | None
    serial: int


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a contract's open items: nothing, below-minimum, ordered, or refused with a code, why, and the field to mend."""

    contract: Contract
    outcome: str
    total: Decimal
    order: Order | None = None
    events: tuple[Event, ...] = ()
    refusal: tuple[str, str, str] | None = None


def generate(run: str, trade: Trade, items: Sequence[Item], today: date, actor: str | None) -> Outcome:
    """One order of all open items of a contract; below its minimum they stay open, and that is told."""
    contract, total = trade.contract, sum((item.net for item in items), Decimal(0))
    foreign = next((item for item in items if item.currency != contract.currency), None)
    if foreign:
        detail = f"The item {foreign.id!r} is in {foreign.currency}, its contract in {contract.currency}. Put it again."
        return Outcome(contract, "refused", total, refusal=("currency_differs", detail, "currency"))
    if not total:
        return Outcome(contract, "nothing", total)
    order = _order(trade, items, today)
    if contract.minimum_order_value is not None and total < contract.minimum_order_value:
        return Outcome(contract, "below-minimum", total, order, tuple(_not_reached(run, contract, order, items, total, actor)))
    if trade.supplier is None:
        detail = f"The contract {contract.number!r} names no supplier. PUT /contracts/{contract.id} with one."
        return Outcome(contract, "refused", total, refusal=("supplier_missing", detail, "supplier"))
    return Outcome(contract, "ordered", total, order)


def _order(trade: Trade, items: Sequence[Item], today: date) -> Order:
    """The order that is to be: a line an item, ordered by its requester."""
    contract, buyer, supplier = trade.contract, trade.buyer, trade.supplier
    number = f"{contract.number[:NUMBER]}-{trade.serial}"
    buying, selling = _endpoint(buyer), _endpoint(supplier)
    contacts = [(contract.purchaser_contact, "buyer"), *((item.requester, "originator") for item in items)]
    return Order(
        # Two companies without an endpoint are still two, and so are their orders of one number.
        id=order_id(contract.tenant, buying or buyer.id, selling or contract.supplier or "", number, today),
        tenant=contract.tenant,
        number=number,
        issue_date=today,
        buyer=buyer.id,
        buyer_name=buyer.name,
        buyer_endpoint=buying,
        buyer_contact=contract.purchaser_contact,
        supplier=supplier.id if supplier else "",
        supplier_name=supplier.name if supplier else "",
        supplier_endpoint=selling,
        currency=contract.currency,
        contract=contract.id,
        contract_number=contract.number,
        reference="",
        note="",
        requested_start=None,
        requested_end=None,
        lines=tuple(_line(str(position), item) for position, item in enumerate(items, 1)),
        contacts=tuple(dict.fromkeys((person, role) for person, role in contacts if person)),
    )


def _endpoint(company: Company | None) -> str:
    """Where its documents go; empty where it takes none."""
    return company.endpoints[0] if company and company.endpoints else ""


def _line(number: str, item: Item) -> Line:
    return Line(
        line=number,
        item=item.name,
        description="",
        sellers_item="",
        buyers_item="",
        quantity=item.quantity,
        unit=item.unit,
        price=None,
        base_quantity=Decimal(1),
        net=item.net,
        ordered_by=item.requester,
        requested_end=item.delivery_date,
    )


def _not_reached(run: str, contract: Contract, order: Order, items: Sequence[Item], total: Decimal, actor: str | None) -> Iterator[Event]:
    """MinimumOrderValueNotReached with all the items, in several events where one could not hold them."""
    entries = [
        RequestedItem(
            item=one.id,
            name=one.name,
            requester=one.requester,
            requester_name=one.requester_name,
            quantity=one.quantity,
            unit=one.unit,
            net=one.net,
        )
        for one in items
    ]
    for number, part in enumerate(in_parts(entries, ITEMS, lambda one: one.item)):
        fact = MinimumOrderValueNotReached(
            run=run,
            order=order_ref(order),
            minimum=contract.minimum_order_value or Decimal(0),
            total=total,
            currency=contract.currency,
            purchaser_contact=contract.purchaser_contact,
            items=part,
        )
        yield event.new(
            fact,
            source=SOURCE,
            subject=order.id,
            tenant=order.tenant,
            id=ids.stable("minimum-order-value-not-reached", run, order.id, number),
            company=order.buyer,
            actor=actor,
        )
