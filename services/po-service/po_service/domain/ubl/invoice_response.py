"""ApplicationResponse as an Invoice Response (Peppol transaction 111): what the buyer says of an invoice."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from typing import ClassVar

from po_service.domain.ubl.node import ID, Node
from po_service.domain.ubl.parts import plain_party
from po_service.domain.ubl.values import Party
from postroom.contracts.errors import Refused

STATUSES = {
    "AB": "Message acknowledged",
    "IP": "In process",
    "UQ": "Under query",
    "CA": "Conditionally accepted",
    "RE": "Rejected",
    "AP": "Accepted",
    "PD": "Paid",
}
MAX_STATUSES = 50
# UNCL1001: an order, as the type of a document that is referred to; BT-13 is an invoice's own reference to its order.
_ORDER_TYPES, _ORDER_REFERENCE = ("220", "105"), "BT-13"


@dataclass(frozen=True, slots=True)
class Reason:
    """One clarification: a code of `codes` (OPStatusReason or OPStatusAction), its text, and (attribute, right value) pairs."""

    codes: str
    code: str
    text: str
    conditions: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class InvoiceResponse:
    """The status of one invoice; `recipient` is the buyer itself where somebody else answers for it."""

    kind: ClassVar[str] = "InvoiceResponse"

    number: str
    issue_date: date
    code: str
    reasons: tuple[Reason, ...]
    note: str
    invoice: str
    invoice_date: date | None
    orders: tuple[str, ...]
    buyer: Party
    seller: Party
    recipient: Party | None

    @property
    def sender(self) -> Party:
        """Responses to invoices are the buyer's to send."""
        return self.buyer


def invoice_response(root: Node) -> InvoiceResponse:
    """An ApplicationResponse that answers an invoice; any other one is unsupported."""
    says = root.text("cbc:CustomizationID") or root.text("cbc:ProfileID")
    if "invoice_response" not in says.lower() and "trns111" not in says.lower():
        detail = f"an ApplicationResponse of {says[:120] or 'no CustomizationID'!r} is not processed; an invoice response is"
        raise Refused("unsupported", detail, f"{root.path}/cbc:CustomizationID")
    answer = _only(root, "cac:DocumentResponse")
    response = answer.need_child("cac:Response")
    invoice, others = _references(answer)
    reasons = tuple(_reasons(response))
    recipient = answer.child("cac:RecipientParty")
    return InvoiceResponse(
        number=root.need("cbc:ID"),
        issue_date=root.need_day("cbc:IssueDate"),
        code=_status(response),
        reasons=reasons,
        note=root.text("cbc:Note"),
        invoice=invoice.need("cbc:ID"),
        invoice_date=invoice.day("cbc:IssueDate"),
        orders=tuple(dict.fromkeys((*(one.need("cbc:ID") for one in others), *_named_orders(reasons)))),
        buyer=plain_party(root.need_child("cac:SenderParty")),
        seller=plain_party(root.need_child("cac:ReceiverParty")),
        recipient=None if recipient is None else plain_party(recipient),
    )


def _only(root: Node, path: str) -> Node:
    """A response is to one document."""
    found = list(root.children(path))
    if len(found) > 1:
        raise Refused("unsupported", f"a response to {len(found)} documents; one response may only answer one", f"{root.path}/{path}")
    return found[0] if found else root.need_child(path)


def _status(response: Node) -> str:
    code = response.need("cbc:ResponseCode")
    if code not in STATUSES:
        detail = f"{code[:40]!r} is no status of an invoice: {', '.join(STATUSES)}"
        raise Refused("invalid", detail, f"{response.path}/cbc:ResponseCode")
    return code


def _references(answer: Node) -> tuple[Node, list[Node]]:
    """The invoice, and the orders that are referred to beside it."""
    references = list(answer.children("cac:DocumentReference"))
    orders = [one for one in references if one.text("cbc:DocumentTypeCode", ID) in _ORDER_TYPES]
    invoices = [one for one in references if one.text("cbc:DocumentTypeCode", ID) not in _ORDER_TYPES]
    if len(invoices) != 1:
        reason = "unsupported" if invoices else "invalid"
        raise Refused(reason, f"{len(invoices)} invoices are named; a response answers one", f"{answer.path}/cac:DocumentReference")
    return invoices[0], orders


def _reasons(response: Node) -> Iterator[Reason]:
    for count, status in enumerate(response.children("cac:Status")):
        if count == MAX_STATUSES:
            raise Refused("invalid", f"more than {MAX_STATUSES} clarifications", f"{response.path}/cac:Status")
        conditions = tuple((one.text("cbc:AttributeID", ID), one.text("cbc:Description")) for one in status.children("cac:Condition"))
        codes = status.attribute("cbc:StatusReasonCode", "listID")
        yield Reason(codes, status.text("cbc:StatusReasonCode", ID), status.text("cbc:StatusReason"), conditions)


def _named_orders(reasons: tuple[Reason, ...]) -> list[str]:
    """The order that the invoice should have named."""
    return [value[:ID] for one in reasons for attribute, value in one.conditions if attribute == _ORDER_REFERENCE and value]
