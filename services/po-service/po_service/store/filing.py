"""The raw documents with what became of them, whatever their kind."""

from collections.abc import Mapping, Sequence
from typing import Any

import orjson
import structlog

from po_service.domain.directory import Directory, company_changed, person_changed
from po_service.domain.incoming import Settled
from po_service.domain.received import incoming
from po_service.domain.ubl import reading, values
from po_service.domain.waiting import MOST_BYTES
from po_service.store import directory
from postroom import headers, parked
from postroom.contracts.errors import Refused, at_fault
from postroom.contracts.event import Event
from postroom.contracts.record import Record
from postroom.db import Connection, TooMuch
from postroom.intake import Retry
from postroom.parked import Rejected

log = structlog.get_logger()


async def settle(connection: Connection, service: str, decisions: Sequence[Settled]) -> None:
    """Keep what became of each document; one that had waited and is refused now is parked."""
    if not decisions:
        return
    await save(connection, decisions)
    await count_duplicates(connection, [one.received.emitter for one in decisions if one.outcome == "duplicate"])
    refused = [one for one in decisions if one.refusal]
    await _forget_intake(connection, [(one.received.emitter, one.received.id) for one in refused])
    rejected = [Rejected(one.received.record, one.received.emitter, one.refusal) for one in refused if one.refusal]
    await parked.park(connection, service, rejected)


async def meet(connection: Connection, new: Directory) -> list[Event]:
    """Add the companies and people that documents brought along; returns what is to be told of those that were added."""
    companies = await directory.add_companies(connection, new.new_companies)
    if not await directory.add_endpoints(connection, new.new_companies):
        # The API has just given the endpoint to a company of its own: decide again, with that one.
        raise Retry
    people = await directory.add_people(connection, new.new_people)
    # Only what was inserted is told: another instance, or the API, may have been faster with the same person.
    changed = [company_changed(company) for company in new.new_companies if (company.tenant, company.id) in companies]
    return [*changed, *(person_changed(person) for person in new.new_people if (person.tenant, person.id) in people)]


async def woken(
    connection: Connection, service: str, awaiting: Mapping[tuple[str, str], int], batch: Sequence[Any]
) -> dict[tuple[str, str], list[Any]]:
    """These documents (tenant, sha256) that have waited, by what they wait for, the oldest first. Raises TooMuch for a smaller batch.

    One that this release can't read any more is parked: what it waits for is not to pay for it.
    """
    if len(batch) > 1 and sum(awaiting.values()) > MOST_BYTES:
        raise TooMuch(f"{len(awaiting)} documents with {sum(awaiting.values())} bytes have waited for {len(batch)}")
    grouped: dict[tuple[str, str], list[Any]] = {}
    unreadable: list[tuple[Any, Refused]] = []
    if awaiting:
        cursor = connection.cursor(
            """
            SELECT * FROM ubl_documents
            WHERE (tenant, sha256) IN (SELECT * FROM unnest($1::text[], $2::text[])) AND outcome = 'waiting' ORDER BY id
            """,
            [tenant for tenant, _ in awaiting],
            [sha256 for _, sha256 in awaiting],
            # Asked for one by one, since the server ends a transaction that idles while all of them are read.
            prefetch=1,
        )
        async for row in cursor:
            try:
                one = _revived(row)
            except Exception as error:
                refusal = at_fault(error)
                if refusal is None:
                    raise
                unreadable.append((row, refusal))
            else:
                grouped.setdefault(one.key, []).append(one)
    if unreadable:
        await _give_up(connection, service, unreadable)
    return grouped


async def _give_up(connection: Connection, service: str, unreadable: Sequence[tuple[Any, Refused]]) -> None:
    for row, refusal in unreadable:
        log.error("a document that has waited can't be read any more", alert=True, sha256=row["sha256"], error=str(refusal))
        await connection.execute("UPDATE ubl_documents SET outcome = 'parked', reason = $2 WHERE id = $1", row["id"], refusal.reason)
    identities = [(row["emitter"], row["sha256"]) for row, _ in unreadable]
    await _forget_intake(connection, identities)
    await parked.park(connection, service, [Rejected(_record(row), row["emitter"], refusal) for row, refusal in unreadable])


def _record(row: Any) -> Record:
    came_with = tuple(headers.from_json(row["headers"]))
    return Record(row["topic"], row["partition"], row["offset"], row["key"], came_with, row["value"], row["written_at"])


def _revived(row: Any) -> Any:
    """A document as it was handed in, of the kind that its row says it is."""
    record = _record(row)
    _, document = reading.read(row["value"])
    rights = {"endpoints": tuple(row["endpoints"]), "sides": tuple(row["sides"])}
    return incoming(document, row["emitter"], row["sha256"], row["tenant"], record, **rights)


async def save(connection: Connection, decisions: Sequence[Settled]) -> None:
    """What became of each document; one that had waited gets its new outcome."""
    last = {(one.received.tenant, one.received.emitter, one.received.id): one for one in decisions}
    table = [_row(one) for one in last.values()]
    await connection.execute(
        """
        INSERT INTO ubl_documents (emitter, sha256, tenant, kind, number, sender, order_number, order_id, catalog_id, invoice_id, sequence,
                                   outcome, reason, endpoints, sides, topic, partition, "offset", key, headers, value, written_at)
        SELECT emitter, sha256, tenant, kind, number, sender, order_number, order_id, catalog_id, invoice_id, sequence, outcome, reason,
               ARRAY(SELECT jsonb_array_elements_text(endpoints::jsonb)), ARRAY(SELECT jsonb_array_elements_text(sides::jsonb)),
               topic, partition, "offset", key, headers::jsonb, value, written_at
        FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[], $9::text[], $10::text[],
                    $11::int[], $12::text[], $13::text[], $14::text[], $15::text[], $16::text[], $17::int[], $18::bigint[], $19::bytea[],
                    $20::text[], $21::bytea[], $22::timestamptz[]) WITH ORDINALITY
             AS t (emitter, sha256, tenant, kind, number, sender, order_number, order_id, catalog_id, invoice_id, sequence, outcome,
                   reason, endpoints, sides, topic, partition, "offset", key, headers, value, written_at, n)
        ORDER BY n
        ON CONFLICT (tenant, emitter, sha256)
        DO UPDATE SET order_id = excluded.order_id, outcome = excluded.outcome, reason = excluded.reason
        """,
        *zip(*table, strict=True),
    )


def _row(decision: Settled) -> tuple[Any, ...]:
    received, document, record = decision.received, decision.received.document, decision.received.record
    return (
        received.emitter,
        received.id,
        received.tenant,
        document.kind,
        document.number,
        document.sender.endpoint,
        received.order_number,
        decision.order_id,
        decision.catalog_id,
        decision.invoice_id,
        document.sequence if isinstance(document, values.OrderChange) else None,
        decision.outcome,
        decision.reason,
        # As text: asyncpg takes a list of lists for an array of two dimensions.
        orjson.dumps(received.endpoints).decode(),
        orjson.dumps(received.sides).decode(),
        record.topic,
        record.partition,
        record.offset,
        record.key,
        headers.to_json(record.headers),
        record.value,
        record.timestamp,
    )


async def _forget_intake(connection: Connection, refused: Sequence[tuple[str, str]]) -> None:
    """A document (emitter, sha256) that had waited and is parked now has had no effect: a replay must be able to give it one."""
    await connection.execute(
        "DELETE FROM intake WHERE (emitter, source, id) IN (SELECT e, e, i FROM unnest($1::text[], $2::text[]) AS t (e, i))",
        [emitter for emitter, _ in refused],
        [sha256 for _, sha256 in refused],
    )


async def count_duplicates(connection: Connection, emitters: Sequence[str]) -> None:
    """Count documents that came by another way before, as the intake counts those that come again by the same."""
    await connection.execute(
        """
        INSERT INTO duplicates AS known (emitter, seen) SELECT e, count(*) FROM unnest($1::text[]) AS t (e) GROUP BY e ORDER BY e
        ON CONFLICT (emitter) DO UPDATE SET seen = known.seen + excluded.seen
        """,
        list(emitters),
    )
