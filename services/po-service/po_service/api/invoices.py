"""Invoices, and what their checks found."""

from dataclasses import replace
from datetime import date
from typing import Annotated, Any

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field

from po_service.api.shapes import Key, Rooms, buying_side, known_company, may_maintain, once
from po_service.domain import invoices as domain
from po_service.domain.invoices import Check, Invoice
from po_service.store import invoices, locks, rows
from po_service.store.raised import raise_once
from postroom import clock, outbox
from postroom.auth import Caller, Principal
from postroom.contracts.fields import DecimalText, Id, Text
from postroom.contracts.invoices import InvoiceCheckFailed
from postroom.db import Connection
from postroom.http import Problem

CONTROLLER = "controller"


class InvoiceIn(BaseModel):
    """An invoice, whole; `supplier` and `company` are companies of the directory, `orders` the numbers of its orders."""

    model_config = ConfigDict(extra="forbid")

    number: Id
    version: Annotated[int, Field(ge=1, le=1_000_000)] = 1
    company: Id
    supplier: Id | None = None
    orders: Annotated[list[Id], Field(max_length=200)] = []
    amount: DecimalText | None = None
    currency: Annotated[str, Field(pattern="^([A-Z]{3})?$")] = ""
    issue_date: date | None = None


class CheckIn(BaseModel):
    """A check that failed: where, and what; `version` is the invoice's present one where it is left out."""

    model_config = ConfigDict(extra="forbid")

    code: Id
    version: Annotated[int, Field(ge=1, le=1_000_000)] | None = None
    stage: Annotated[str, Field(max_length=200)] = ""
    text: Text = ""
    details: Annotated[list[Annotated[str, Field(max_length=1_000)]], Field(max_length=100)] = []
    expected: DecimalText | None = None


def router(rooms: Rooms) -> APIRouter:
    """PUT and GET /invoices/{id}, POST /invoices/{id}/checks."""
    routes = APIRouter(prefix="/invoices/{invoice}", tags=["invoices"])

    @routes.put("")
    async def put_invoice(caller: Caller, invoice: Id, given: InvoiceIn) -> dict[str, Any]:
        """Create an invoice or replace what is known of it; its version can only grow."""
        may_maintain(caller, CONTROLLER, "Recording an invoice")
        async with rooms.seen_by(caller) as connection:
            await locks.take(connection, "invoice", [(caller.tenant, given.number)])
            wanted = await _wanted(connection, caller, invoice, given)
            await invoices.put(connection, [wanted])
        return _shown(wanted)

    @routes.get("")
    async def show_invoice(caller: Caller, invoice: str) -> dict[str, Any]:
        """One invoice with its failed checks, the newest first."""
        buying_side(caller, "The check of an invoice")
        async with rooms.seen_by(caller) as connection:
            found = await _one(connection, caller, invoice)
            return {**_shown(found), "checks": await invoices.checks(connection, caller.tenant, invoice)}

    @routes.post("/checks", status_code=201)
    async def record_check(caller: Caller, invoice: str, given: CheckIn, key: Key = None) -> dict[str, Any]:
        """Record a check that failed; the controllers are told, once for each version and code."""
        may_maintain(caller, CONTROLLER, "Recording the check of an invoice")

        async with rooms.seen_by(caller) as connection:
            request = [invoice, given.model_dump(mode="json")]
            return await once(connection, caller, key, request, lambda: _record(connection, caller, invoice, given))

    return routes


async def _one(connection: Connection, caller: Principal, id_: str) -> Invoice:
    found = await invoices.get(connection, caller.tenant, id_)
    if found is None:
        raise Problem(404, "invoice_unknown", f"There is no invoice {id_!r} that you may see. PUT /invoices/{id_} first.")
    return found


async def _wanted(connection: Connection, caller: Principal, id_: str, given: InvoiceIn) -> Invoice:
    company = await known_company(connection, caller.tenant, given.company, "company")
    supplier = await known_company(connection, caller.tenant, given.supplier, "supplier") if given.supplier else None
    known = await invoices.get(connection, caller.tenant, id_)
    if known and given.version < known.version:
        detail = f"The invoice is known in version {known.version}; version {given.version} is older. Send the newest."
        raise Problem(409, "version_old", detail, "version")
    return replace(
        known or Invoice(caller.tenant, id_, given.number),
        number=given.number,
        version=given.version,
        company=company.id,
        supplier=given.supplier,
        supplier_name=supplier.name if supplier else "",
        orders=tuple(dict.fromkeys(given.orders)),
        amount=given.amount,
        currency=given.currency,
        issue_date=given.issue_date,
        provisional=False,
    )


async def _record(connection: Connection, caller: Principal, id_: str, given: CheckIn) -> dict[str, Any]:
    invoice = await _one(connection, caller, id_)
    version = given.version or invoice.version
    if version > invoice.version:
        detail = f"The invoice is known in version {invoice.version} only. PUT /invoices/{id_} with version {version} first."
        raise Problem(409, "version_unknown", detail, "version")
    check = Check(version, given.stage, given.code, given.text, tuple(given.details), given.expected, clock.now(), caller.person)
    await invoices.add_checks(connection, [(invoice, check)])
    fresh = await raise_once(connection, InvoiceCheckFailed.TYPE, [domain.raised_key(invoice, check)])
    events = [domain.failed(invoice, check)] if fresh else []
    await outbox.add(connection, events)
    return {"outcome": "recorded", "invoice": invoice.id, "version": version, "code": check.code, "events": [one.id for one in events]}


def _shown(invoice: Invoice) -> dict[str, Any]:
    return {"invoice": invoice.id, **rows.plain(invoice)}
