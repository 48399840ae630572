"""What becomes of each document of a batch."""

from collections.abc import Sequence
from dataclasses import replace

from po_service.domain import changes, notes, placing, receipts, waiting
from po_service.domain.book import Book, Decision
from po_service.domain.orders import Order, Quantity
from po_service.domain.parts import check_size
from po_service.domain.received import Received
from po_service.domain.ubl import values
from postroom.contracts.errors import Refused, at_fault


def decide_all(documents: Sequence[Received], book: Book) -> list[Decision]:
    """One decision a document, in order, each on what the ones before it left; then those that had waited for it. Raises Refused."""
    decisions, settled = [], set()
    for received in (one.of_its_seller(book.directory) for one in documents):
        decision = _decide_new(received, book)
        book.carry(decision)
        decisions.append(decision)
        # Only these bring what is waited for; and the first of all finds an order that was generated.
        wakes = isinstance(received.document, values.Order | values.OrderChange) or received.key not in settled
        if decision.outcome == "processed" and wakes:
            settled.add(received.key)
            decisions += _settle(received.key, book)
    return decisions


def _decide_new(received: Received, book: Book) -> Decision:
    """One that has not waited; it is a duplicate of one that does, and waits itself as long as there is room."""
    beside = book.waiting_beside(received)
    twin = next((one for one in beside if one.sha256 == received.id), None)
    if twin:
        return Decision(received, "duplicate", book.orders.get(twin.order or ""))
    decision = decide(received, book)
    if decision.outcome == "waiting":
        waiting.check_room(received, decision.reason, [one.size for one in beside], "Send that order or change")
    return decision


def _settle(key: tuple[str, str], book: Book) -> list[Decision]:
    """What had waited for this order and can go on now, until nothing moves; what is refused only now is parked by itself."""
    settled: list[Decision] = []
    moved = True
    while moved:
        decided = [_decide_late(one.of_its_seller(book.directory), book) for one in book.waiting.pop(key, [])]
        moved = any(decision.outcome != "waiting" for decision in decided)
        settled += decided
    return settled


def _decide_late(received: Received, book: Book) -> Decision:
    try:
        decision = decide(received, book)
    except Exception as error:
        refusal = at_fault(error)
        if refusal is None:
            raise
        decision = Decision(received, "parked", reason=refusal.reason, refusal=refusal)
    book.carry(decision)
    return decision


def decide(received: Received, book: Book) -> Decision:
    """One document on the book as it stands. Raises Refused: forbidden, conflict or ambiguous."""
    received.check_sender()
    document = received.document
    if isinstance(document, values.Order):
        return placing.place(received, document, book)
    before = book.same_before(received)
    if any(one.sha256 == received.id and one.outcome == "processed" for one in before):
        order = next((one.order for one in before if one.sha256 == received.id), None)
        return Decision(received, "duplicate", book.orders.get(order or ""))
    found = book.orders_of(received)
    if len(found) > 1:
        raise Refused(
            "ambiguous", f"the number {document.order.number} fits {len(found)} orders of this seller", "cac:OrderReference/cbc:ID"
        )
    if not found:
        return Decision(received, "waiting", reason=f"for the order {document.order.number}")
    _check_newest(received, found[0], book)
    decision = _follow(received, found[0], book)
    if decision.outcome != "processed" or decision.order is None:
        return decision
    return replace(decision, events=(*changes.order_changed(found[0], decision.order, received.event), *decision.events))


def _check_newest(received: Received, order: Order, book: Book) -> None:
    """Raise Refused('conflict') for a seller's word that it has taken back since: what was parked is replayed late."""
    document = received.document
    if not isinstance(document, values.DespatchAdvice | values.OrderResponse):
        return
    rivals = book.same_before(received) if isinstance(document, values.DespatchAdvice) else book.of_this_kind(received)
    newer = [one for one in rivals if (one.outcome, one.order) == ("processed", order.id) and one.is_newer(received.record)]
    if newer:
        told = f"a {document.kind} that was written later ({newer[-1].number}, {newer[-1].at:%Y-%m-%d %H:%M} UTC) says it anew"
        raise Refused("conflict", f"{told}; discard this one", "cbc:ID")


def _follow(received: Received, order: Order, book: Book) -> Decision:
    document = received.document
    if isinstance(document, values.OrderChange):
        return placing.change(received, document, order, book)
    if isinstance(document, values.OrderCancellation):
        cancelled = order if order.cancelled else replace(order, cancelled=True, version=order.version + 1)
        return Decision(received, "processed", cancelled)
    if isinstance(document, values.OrderResponse):
        return Decision(received, "processed", _answered(document, order))
    assert isinstance(document, values.DespatchAdvice)  # noqa: S101 - the last of the kinds
    return _despatched(received, document, order, book)


def _answered(document: values.OrderResponse, order: Order) -> Order:
    """The seller's word on each line; a promise of the whole order holds for the lines that have none of their own."""
    answers = {one.line: one for one in document.lines}
    lines = []
    for line in order.lines:
        answer = answers.get(line.line)
        promised = (answer.promised.last if answer else None) or document.promised.last
        lines.append(replace(line, estimated=promised or line.estimated, response_code=answer.code if answer else document.code))
    return replace(order, version=order.version + 1, response_code=document.code, lines=tuple(lines))


def _despatched(received: Received, document: values.DespatchAdvice, order: Order, book: Book) -> Decision:
    """A delivery note; where the requester has recorded it, what was counted stands, in whichever order the two come."""
    order = _with_contact(document, order, book)
    if any((note.number, note.origin) == (document.number, notes.REQUESTER) for note in order.notes):
        return Decision(received, "processed", order, reason="the requester has recorded this delivery note")
    lines = [Quantity(_order_line(one, order), one.quantity, one.unit, one.item, one.outstanding) for one in document.lines]
    note = notes.note_of(order, document.number, lines, origin="despatch-advice", at=received.at, day=document.delivery.last)
    order, contract = notes.record(order, note), book.contracts.get(order.contract or "")
    events = [notes.note_recorded(order, note, contract, received.event)]
    receipt = receipts.automatic_receipt(order, note, contract, book.zone(order), received.at)
    if receipt:
        order = receipts.book(order, receipt)
        events.append(receipts.goods_received(order, receipt, received.event))
    # Here, so that it is this document's fault and not that of the order it waited for.
    check_size(events, "cac:DespatchLine")
    return Decision(received, "processed", order, events=tuple(events))


def _with_contact(document: values.DespatchAdvice, order: Order, book: Book) -> Order:
    """The seller's contact joins the order's contacts. Buyer people that a seller names are not taken over."""
    if document.seller.contact is None:
        return order
    company = book.directory.company(order.tenant, "supplier", document.seller)
    contact = (book.directory.person(company, document.seller.contact).id, "supplier")
    return order if contact in order.contacts else replace(order, contacts=(*order.contacts, contact))


def _order_line(one: values.DespatchLine, order: Order) -> str:
    """The order line that is meant: as named, else the only one with the seller's item; else a line that the order lacks."""
    if any(line.line == one.order_line for line in order.lines):
        return one.order_line
    same = [line.line for line in order.lines if one.sellers_item and line.sellers_item == one.sellers_item]
    return same[0] if len(same) == 1 else one.order_line or f"despatch:{one.line}"
