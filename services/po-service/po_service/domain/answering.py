"""What becomes of a buyer's response to an invoice: its status, and a failed check where the buyer refuses or questions it."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from po_service.domain.directory import Company, Directory
from po_service.domain.incoming import Settled
from po_service.domain.invoices import Check, Invoice
from po_service.domain.received import ReceivedResponse
from po_service.domain.ubl.invoice_response import STATUSES, InvoiceResponse, Reason
from postroom.contracts import ids
from postroom.contracts.errors import Refused

FAILING = ("RE", "UQ")
STAGE = "invoice-response"
MAX_DETAILS, MAX_ORDERS, LONGEST = 100, 200, 1_000
# OpenPEPPOL's lists OPStatusReason and OPStatusAction; a code that is not among them stands for itself.
REASONS = {
    "NON": "no issue",
    "REF": "references incorrect",
    "LEG": "legal information incorrect",
    "REC": "receiver unknown",
    "QUA": "item quality insufficient",
    "DEL": "delivery issues",
    "PRI": "prices incorrect",
    "QTY": "quantity incorrect",
    "ITM": "items incorrect",
    "PAY": "payment terms incorrect",
    "UNR": "not recognized",
    "FIN": "finance terms incorrect",
    "PPD": "partially paid",
    "OTH": "other",
}
ACTIONS = {
    "NOA": "no action required",
    "PIN": "provide information",
    "NIN": "issue a new invoice",
    "CNF": "credit fully",
    "CNP": "credit partially",
    "CNA": "credit the amount",
    "OTH": "other",
}


@dataclass(frozen=True, slots=True)
class Answered(Settled):
    """What becomes of one response; `check` where it says that the invoice failed."""

    received: ReceivedResponse
    invoice: Invoice = field(kw_only=True)
    check: Check | None = None

    @property
    def invoice_id(self) -> str:
        """The invoice that is meant."""
        return self.invoice.id


@dataclass(slots=True)
class Ledger:
    """The invoices of a batch by (tenant, number), and its responses that came before by another way: (tenant, sha256)."""

    invoices: dict[tuple[str, str], list[Invoice]] = field(default_factory=dict)
    known: set[tuple[str, str]] = field(default_factory=set)
    directory: Directory = field(default_factory=Directory)

    def carry(self, answered: Answered) -> Answered:
        """Go on with what was decided."""
        received, invoice = answered.received, answered.invoice
        if answered.outcome == "processed":
            others = [one for one in self.invoices.get(received.key, []) if one.id != invoice.id]
            self.invoices[received.key] = [*others, invoice]
            self.known.add((received.tenant, received.id))
        return answered


def decide_all(responses: Sequence[ReceivedResponse], ledger: Ledger) -> list[Answered]:
    """One decision a response, in order. Raises Refused."""
    return [ledger.carry(decide(received, ledger)) for received in responses]


def decide(received: ReceivedResponse, ledger: Ledger) -> Answered:
    """One response on the ledger as it stands. Raises Refused: ambiguous."""
    document, directory = received.document, ledger.directory
    company = _company(received, directory)
    supplier = directory.company(received.tenant, "supplier", document.seller)
    invoice = _invoice(received, company, supplier, ledger.invoices.get(received.key, []))
    if (received.tenant, received.id) in ledger.known:
        return Answered(received, "duplicate", invoice=invoice)
    orders = tuple(dict.fromkeys((*invoice.orders, *document.orders)))[:MAX_ORDERS]
    day = invoice.issue_date or (document.invoice_date if invoice.provisional else None)
    supplier_name = invoice.supplier_name or supplier.name
    invoice = replace(invoice, orders=orders, response_code=document.code, supplier_name=supplier_name, issue_date=day)
    return Answered(received, "processed", invoice=invoice, check=_check(received, invoice, received.at))


def _company(received: ReceivedResponse, directory: Directory) -> Company:
    """Who got the invoice: whoever answers, or the recipient for whom a service answers, where that company is known."""
    recipient = received.document.recipient
    known = directory.companies.get((received.tenant, "client", recipient.endpoint)) if recipient else None
    return known or directory.company(received.tenant, "client", received.document.buyer)


def _invoice(received: ReceivedResponse, company: Company, supplier: Company, numbered: Sequence[Invoice]) -> Invoice:
    """The invoice that is meant, by number, supplier and company, and its date where it says one; an unknown one becomes a stub.

    An invoice of another date is another one: suppliers begin their numbers anew each year.
    """
    document, day = received.document, received.document.invoice_date
    fitting = [one for one in numbered if one.supplier in (None, supplier.id) and one.company in (None, company.id)]
    fitting = [one for one in fitting if day is None or one.issue_date in (None, day)]
    fitting = [one for one in fitting if not one.provisional] or fitting
    fitting = [one for one in fitting if day and one.issue_date == day] or fitting
    if len(fitting) > 1:
        detail = f"the number {document.invoice} fits {len(fitting)} invoices of this supplier"
        raise Refused("ambiguous", detail, "cac:DocumentResponse/cac:DocumentReference")
    return fitting[0] if fitting else _stub(received, company, supplier, {one.id for one in numbered})


def _stub(received: ReceivedResponse, company: Company, supplier: Company, taken: Collection[str]) -> Invoice:
    document = received.document
    identity = ("invoice", received.tenant, company.id, supplier.id, document.invoice)
    id_ = ids.stable(*identity)
    if id_ in taken:  # by the one of another day
        id_ = ids.stable(*identity, document.invoice_date)
    return Invoice(
        received.tenant,
        id_,
        document.invoice,
        supplier=supplier.id,
        company=company.id,
        issue_date=document.invoice_date,
        provisional=True,
        supplier_name=supplier.name,
    )


def _check(received: ReceivedResponse, invoice: Invoice, at: datetime) -> Check | None:
    document = received.document
    if document.code not in FAILING:
        return None
    code = " ".join(dict.fromkeys((document.code, *(reason.code for reason in document.reasons if reason.code))))
    return Check(invoice.version, STAGE, code, _text(document), _details(document), None, at, document=received.id)


def _text(document: InvoiceResponse) -> str:
    """What the buyer says in words, else what its codes mean."""
    said = [reason.text for reason in document.reasons if reason.text and not _is_action(reason)]
    named = [REASONS.get(reason.code, reason.code) for reason in document.reasons if reason.code and not _is_action(reason)]
    remarks = [reason.text for reason in document.reasons if reason.text]
    why = "; ".join(dict.fromkeys(said or named or remarks)) or document.note
    return f"{STATUSES[document.code]}: {why}"[:4_000] if why else STATUSES[document.code]


def _details(document: InvoiceResponse) -> tuple[str, ...]:
    """The values that the buyer holds to be right, and what it asks for."""
    found: list[str] = []
    for reason in document.reasons:
        found += [f"{attribute}: {value}" if attribute else value for attribute, value in reason.conditions if attribute or value]
        if _is_action(reason):
            asked = ": ".join(part for part in (ACTIONS.get(reason.code, reason.code), reason.text) if part)
            found += [f"Asked for: {asked}"] if asked else []
    return tuple(one[:LONGEST] for one in dict.fromkeys(found))[:MAX_DETAILS]


def _is_action(reason: Reason) -> bool:
    return reason.codes == "OPStatusAction"
