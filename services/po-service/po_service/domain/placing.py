"""An order as it is placed, and as the buyer changes it: its people, its contract, its lines."""

from dataclasses import replace

from po_service.domain.book import Book, Decision
from po_service.domain.contracts import Contract, contract_id
from po_service.domain.directory import Company, Directory
from po_service.domain.orders import Line, Order, order_id
from po_service.domain.received import Received
from po_service.domain.ubl import values
from po_service.domain.ubl.values import Contact
from postroom.contracts.errors import Refused

DELETED = "2"


def place(received: Received, body: values.Order, book: Book) -> Decision:
    """A new order; the same one again is a duplicate, and one with other content a conflict."""
    id_ = order_id(received.tenant, body.buyer.endpoint, body.seller.endpoint, body.number, body.issue_date)
    if id_ in book.orders:
        if any(one.sha256 == received.id for one in book.same_before(received)):
            return Decision(received, "duplicate", book.orders[id_])
        raise Refused(
            "conflict", f"the order {body.number} of {body.issue_date} is known with other content; a change is an OrderChange", "cbc:ID"
        )
    buyer, supplier = _companies(received.tenant, body, book.directory)
    contract = _contract(buyer, supplier, body, book)
    order = Order(
        id=id_,
        tenant=received.tenant,
        number=body.number,
        issue_date=body.issue_date,
        buyer=buyer.id,
        buyer_name=body.buyer.name,
        buyer_endpoint=body.buyer.endpoint,
        buyer_contact=_buyer_contact(body, buyer, book.directory),
        supplier=supplier.id,
        supplier_name=body.seller.name,
        supplier_endpoint=body.seller.endpoint,
        currency=body.currency,
        contract=contract.id if contract else None,
        contract_number=body.contract,
        reference=body.reference,
        note=body.note,
        requested_start=body.requested.start,
        requested_end=body.requested.end,
        lines=tuple(_line(one, body, buyer, book.directory) for one in body.lines),
        contacts=_contacts(body, buyer, supplier, book.directory),
    )
    return Decision(received, "processed", order, contract, attachments=body.attachments)


def change(received: Received, document: values.OrderChange, order: Order, book: Book) -> Decision:
    """A change: applied when it is the next one, a duplicate when it was applied before, waiting when there is a gap."""
    if document.sequence <= order.sequence:
        applied = [
            one
            for one in book.known.get(received.key, [])
            if one.kind == document.kind and one.order == order.id and one.sequence == document.sequence
        ]
        if any(one.sha256 == received.id for one in applied):
            return Decision(received, "duplicate", order)
        raise Refused("conflict", f"change {document.sequence} of order {order.number} is known with other content", "cbc:SequenceNumberID")
    if document.sequence > order.sequence + 1:
        return Decision(received, "waiting", order, reason=f"for change {order.sequence + 1} of order {order.number}")
    return Decision(received, "processed", _changed(document, order, book.directory), attachments=document.body.attachments)


def _changed(document: values.OrderChange, order: Order, directory: Directory) -> Order:
    """Lines the change names are replaced, added or cancelled; the others stay. A promise made for a line stays with it."""
    body = document.body
    buyer, supplier = _companies(order.tenant, body, directory)
    lines = {line.line: line for line in order.lines}
    for one in body.lines:
        before = lines.get(one.line)
        if one.status == DELETED:
            if before:
                lines[one.line] = replace(before, cancelled=True)
            continue
        line = _line(one, body, buyer, directory)
        if before and one.orderer is None and body.originator is None:
            line = replace(line, ordered_by=before.ordered_by)
        if before:
            line = replace(line, estimated=before.estimated, response_code=before.response_code, noted=before.noted)
        lines[one.line] = line
    contacts = dict.fromkeys((*order.contacts, *_contacts(body, buyer, supplier, directory)))
    return replace(
        order,
        sequence=document.sequence,
        version=order.version + 1,
        requested_start=body.requested.start or order.requested_start,
        requested_end=body.requested.end or order.requested_end,
        lines=tuple(lines.values()),
        contacts=tuple(contacts),
    )


def _companies(tenant: str, body: values.Order, directory: Directory) -> tuple[Company, Company]:
    return directory.company(tenant, "client", body.buyer), directory.company(tenant, "supplier", body.seller)


def _contract(buyer: Company, supplier: Company, body: values.Order, book: Book) -> Contract | None:
    """The basic contract; an unknown one becomes a stub, its purchaser contact the buyer contact."""
    if not body.contract:
        return None
    id_ = contract_id(buyer.tenant, buyer.id, body.contract)
    contact = _buyer_contact(body, buyer, book.directory)
    stub = Contract(buyer.tenant, id_, body.contract, buyer.id, contact, currency=body.currency, supplier=supplier.id)
    return book.contracts.get(id_, stub)


def _buyer_contact(body: values.Order, buyer: Company, directory: Directory) -> str:
    """The buyer's contact; an order without one is its buying company's, which then stands in the directory without an address."""
    return directory.person(buyer, body.buyer.contact or Contact(body.buyer.name)).id


def _line(one: values.OrderLine, body: values.Order, buyer: Company, directory: Directory) -> Line:
    orderer = one.orderer or body.originator
    return Line(
        line=one.line,
        item=one.item,
        description=one.description,
        sellers_item=one.sellers_item,
        buyers_item=one.buyers_item,
        quantity=one.quantity,
        unit=one.unit,
        price=one.price,
        base_quantity=one.base_quantity,
        net=one.net,
        ordered_by=directory.person(buyer, orderer).id if orderer else _buyer_contact(body, buyer, directory),
        requested_start=one.requested.start,
        requested_end=one.requested.end,
    )


def _contacts(body: values.Order, buyer: Company, supplier: Company, directory: Directory) -> tuple[tuple[str, str], ...]:
    """(person, role) of everyone the order names."""
    named = [
        (buyer, body.buyer.contact, "buyer"),
        (buyer, body.originator, "originator"),
        *((buyer, line.orderer, "originator") for line in body.lines),
        (buyer, body.receiver, "receiver"),
        (supplier, body.seller.contact, "supplier"),
    ]
    return tuple(dict.fromkeys((directory.person(company, contact).id, role) for company, contact, role in named if contact))
