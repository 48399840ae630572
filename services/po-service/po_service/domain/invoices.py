"""Invoices, as far as their checks need them, and a check that failed."""

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal

from po_service.domain.directory import SOURCE
from postroom.contracts import event, ids
from postroom.contracts.event import Event
from postroom.contracts.invoices import InvoiceCheckFailed


@dataclass(frozen=True, slots=True)
class Invoice:
    """An invoice of a supplier to a company (both ids); a `provisional` one is known by a response to it only.

    `response_code` is the newest status that the buyer reported (UNCL4343); `supplier_name` comes from the company.
    """

    tenant: str
    id: str
    number: str
    version: int = 1
    supplier: str | None = None
    company: str | None = None
    orders: tuple[str, ...] = ()
    amount: Decimal | None = None
    currency: str = ""
    issue_date: date | None = None
    response_code: str = ""
    provisional: bool = False
    supplier_name: str = ""


@dataclass(frozen=True, slots=True)
class Check:
    """A check that failed: `stage` says where, `code` and `text` what; `document` is the sha256 of the response that says so."""

    version: int
    stage: str
    code: str
    text: str
    details: tuple[str, ...]
    expected: Decimal | None
    checked_at: datetime
    checked_by: str | None = None
    document: str | None = None


def raised_key(invoice: Invoice, check: Check) -> tuple[str, tuple[str, ...]]:
    """Once per invoice, version and code."""
    return invoice.tenant, (invoice.id, str(check.version), check.code)


def failed(invoice: Invoice, check: Check, cause: Event | None = None) -> Event:
    """InvoiceCheckFailed, the same event however often the same code comes."""
    fact = InvoiceCheckFailed(
        invoice=invoice.id,
        version=check.version,
        number=invoice.number,
        supplier=invoice.supplier_name,
        orders=list(invoice.orders),
        stage=check.stage,
        code=check.code,
        text=check.text,
        details=list(check.details),
        amount=invoice.amount,
        expected=check.expected,
        currency=invoice.currency,
    )
    return event.new(
        fact,
        source=SOURCE,
        subject=invoice.id,
        tenant=invoice.tenant,
        id=ids.stable("invoice-check-failed", invoice.tenant, invoice.id, check.version, check.code),
        company=invoice.company,
        actor=check.checked_by,
        aggregateversion=check.version,
        cause=cause,
    )
