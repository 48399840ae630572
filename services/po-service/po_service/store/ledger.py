"""Load what a batch of responses to invoices works on, and save what was decided."""

from collections.abc import Sequence

from po_service.domain import invoices as domain
from po_service.domain.answering import Answered, Ledger
from po_service.domain.received import ReceivedResponse
from po_service.store import book, filing, invoices, locks
from po_service.store.raised import raise_once
from postroom import outbox
from postroom.contracts.invoices import InvoiceCheckFailed
from postroom.db import Connection


async def load(connection: Connection, batch: Sequence[ReceivedResponse]) -> Ledger:
    """Everything about the batch's invoice numbers, after waiting for whoever works on them."""
    keys = sorted({received.key for received in batch})
    await locks.take(connection, "invoice", keys)
    found = await invoices.numbered(connection, keys)
    return Ledger(found, await _known(connection, batch), await book.known_directory(connection, batch))


async def _known(connection: Connection, batch: Sequence[ReceivedResponse]) -> set[tuple[str, str]]:
    """(tenant, sha256) of those that were processed before."""
    rows = await connection.fetch(
        """
        SELECT tenant, sha256 FROM ubl_documents
        WHERE (tenant, sha256) IN (SELECT * FROM unnest($1::text[], $2::text[])) AND outcome = 'processed'
        """,
        [one.tenant for one in batch],
        [one.id for one in batch],
    )
    return {(row["tenant"], row["sha256"]) for row in rows}


async def save(connection: Connection, service: str, ledger: Ledger, decisions: Sequence[Answered]) -> None:
    """Everything that was decided, in the batch's transaction; a code that was told of this version is recorded and not told again."""
    met = await filing.meet(connection, ledger.directory)
    processed = [one for one in decisions if one.outcome == "processed"]
    last = {(one.invoice.tenant, one.invoice.id): one.invoice for one in processed}
    await invoices.put(connection, list(last.values()))
    failed = [(one.invoice, one.check, one.received.event) for one in processed if one.check]
    await invoices.add_checks(connection, [(invoice, check) for invoice, check, _ in failed])
    fresh = await raise_once(connection, InvoiceCheckFailed.TYPE, [domain.raised_key(invoice, check) for invoice, check, _ in failed])
    # The first one tells it, where a batch has the same code twice.
    told = {domain.raised_key(invoice, check): domain.failed(invoice, check, cause) for invoice, check, cause in reversed(failed)}
    events = [event for key, event in reversed(told.items()) if key in fresh]
    await filing.settle(connection, service, decisions)
    await outbox.add(connection, [*met, *events])
