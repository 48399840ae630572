"""Load what a batch of responses to invoices works on, and save what was decided."""

from collections.abc import Sequence
from datetime import datetime

from po_service.domain import invoices as domain
from po_service.domain.answering import Answered, Ledger
from po_service.domain.invoices import Invoice
from po_service.domain.received import ReceivedResponse
from po_service.store import book, filing, invoices, locks
from po_service.store.raised import raise_once
from postroom import outbox
from postroom.contracts.invoices import InvoiceCheckFailed
from postroom.db import Connection


async def load(connection: Connection, batch: Sequence[ReceivedResponse], at: datetime) -> Ledger:
    """Everything about the batch's invoice numbers, after waiting for whoever works on them."""
    keys = sorted({received.key for received in batch})
    await locks.take(connection, "invoice", keys)
    found = await invoices.numbered(connection, keys)
    known = await _known(connection, [invoice for some in found.values() for invoice in some])
    return Ledger(at, found, known, await book.known_directory(connection, batch))


async def _known(connection: Connection, found: Sequence[Invoice]) -> set[tuple[str, str, str]]:
    """(tenant, invoice, sha256) of the responses to these that were processed."""
    rows = await connection.fetch(
        """
        SELECT tenant, invoice_id, sha256 FROM ubl_documents
        WHERE (tenant, invoice_id) IN (SELECT * FROM unnest($1::text[], $2::text[])) AND outcome = 'processed'
        """,
        [one.tenant for one in found],
        [one.id for one in found],
    )
    return {tuple(row) for row in rows}


async def save(connection: Connection, service: str, ledger: Ledger, decisions: Sequence[Answered]) -> None:
    """Everything that was decided, in the batch's transaction; a code that was told of this version is recorded and not told again."""
    met = await filing.meet(connection, ledger.directory)
    processed = [one for one in decisions if one.outcome == "processed"]
    last = {(one.invoice.tenant, one.invoice.id): one.invoice for one in processed if one.invoice}
    await invoices.put(connection, list(last.values()))
    failed = [(one.invoice, one.check, one.received.event) for one in processed if one.invoice and one.check]
    await invoices.add_checks(connection, [(invoice, check) for invoice, check, _ in failed])
    fresh = await raise_once(connection, InvoiceCheckFailed.TYPE, [domain.raised_key(invoice, check) for invoice, check, _ in failed])
    # The first one tells it, where a batch has the same code twice.
    told = {domain.raised_key(invoice, check): domain.failed(invoice, check, cause) for invoice, check, cause in reversed(failed)}
    events = [event for key, event in reversed(told.items()) if key in fresh]
    await filing.settle(connection, service, decisions)
    await outbox.add(connection, [*met, *events])
