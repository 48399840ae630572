"""Load what a batch works on, and save what was decided: one statement per table."""

from collections.abc import Sequence
from datetime import datetime
from hashlib import sha256
from typing import Any

from po_service.domain.book import Book, Decision
from po_service.domain.contracts import contract_id
from po_service.domain.directory import Directory, company_id
from po_service.domain.received import Received, ReceivedCatalogue, ReceivedResponse
from po_service.domain.ubl.values import Attachment, Contact
from po_service.store import directory, documents, filing, orders, rows
from postroom import outbox
from postroom.contracts import ids
from postroom.db import Connection

Party = tuple[str, str, str]


async def load(connection: Connection, service: str, batch: Sequence[Received]) -> Book:
    """Everything about the batch's order numbers, after waiting for whoever works on them. Raises TooMuch."""
    keys = sorted({received.key for received in batch})
    await orders.lock(connection, keys)
    found = await orders.find(connection, keys)
    book = Book(
        orders={order.id: order for order, _ in found},
        known=await documents.known(connection, keys),
        zones={(order.tenant, order.buyer): zone for order, zone in found},
    )
    book.directory = await known_directory(connection, batch)
    book.waiting = await filing.woken(connection, service, book.awaiting(batch), batch)
    everyone = [*batch, *(one for some in book.waiting.values() for one in some)]
    if book.waiting:
        book.directory = await known_directory(connection, everyone)
    contracts = {(order.tenant, order.contract) for order, _ in found if order.contract} | _contracts_named(everyone, book.directory)
    book.contracts = await directory.contracts(connection, contracts)
    return book


async def known_directory(connection: Connection, batch: Sequence[Received | ReceivedCatalogue | ReceivedResponse]) -> Directory:
    """The companies and people that these documents name, as far as they are known."""
    parties: dict[Party, list[Contact]] = {}
    for one in batch:
        for side, party, contacts in one.parties:
            parties.setdefault((one.tenant, side, party.endpoint), []).extend(contacts)
    companies = await directory.companies_by_endpoint(connection, parties)
    named = [(key[0], _company(companies, key), contact) for key, contacts in parties.items() for contact in contacts]
    people = await directory.people_meant(
        connection,
        [(tenant, company, contact.email.lower()) for tenant, company, contact in named if contact.email],
        [(tenant, company, contact.name.lower()) for tenant, company, contact in named if not contact.email],
    )
    book = Directory(companies=companies)
    book.know(people)
    return book


def _company(companies: dict[Party, Any], key: Party) -> str:
    found = companies.get(key)
    return str(found.id) if found else company_id(*key)


def _contracts_named(batch: Sequence[Received], known: Directory) -> set[tuple[str, str]]:
    return {
        (one.tenant, contract_id(one.tenant, _company(known.companies, (one.tenant, "client", body.buyer.endpoint)), body.contract))
        for one in batch
        if (body := one.body) and body.contract
    }


async def save(connection: Connection, service: str, book: Book, decisions: Sequence[Decision], digests: dict[bytes, str]) -> None:
    """Everything that was decided, in the batch's transaction; `digests` says under which sha256 each attachment's bytes lie."""
    changed = await filing.meet(connection, book.directory)
    stubs = {one.contract.id: one.contract for one in decisions if one.contract and one.contract.provisional}
    await directory.add_contracts(connection, list(stubs.values()))
    await orders.save(connection, [one.order for one in decisions if one.order and one.outcome == "processed"])
    await documents.add_to_orders(connection, [row for one in decisions for row in _attachments(one, digests)])
    await filing.settle(connection, service, decisions)
    await outbox.add(connection, [*changed, *(event for one in decisions for event in one.events)])


def _attachments(decision: Decision, digests: dict[bytes, str]) -> list[dict[str, Any]]:
    if decision.order is None:
        return []
    order, at = decision.order.id, decision.received.at
    return [_attachment(order, position, one, at, digests) for position, one in enumerate(decision.attachments)]


def _attachment(order: str, position: int, one: Attachment, at: datetime, digests: dict[bytes, str]) -> dict[str, Any]:
    content = one.content or b""
    return {
        "id": ids.stable("order-document", order, position, one.number, sha256(content).hexdigest(), one.uri),
        "order_id": order,
        "filename": one.filename or one.title or one.number,
        "media_type": one.media_type or "application/octet-stream",
        "size": len(content),
        "sha256": None if one.content is None else digests[one.content],
        "uri": one.uri,
        "kind": one.title or "attachment",
        "added_at": rows.plain(at),
    }
