"""The raw UBL documents, and the documents that lie on an order."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

import orjson

from po_service.domain.book import Decision
from po_service.domain.received import Known, Received
from po_service.domain.ubl import reading, values
from postroom import headers
from postroom.contracts.record import Record
from postroom.db import Connection

Key = tuple[str, str]


async def known(connection: Connection, keys: Iterable[Key]) -> dict[Key, list[Known]]:
    """What came before about these (tenant, order number)s."""
    pairs = list(keys)
    found = await connection.fetch(
        """
        SELECT tenant, order_number, kind, number, sender, sha256, order_id, sequence, outcome FROM ubl_documents
        WHERE (tenant, order_number) IN (SELECT * FROM unnest($1::text[], $2::text[])) AND outcome IN ('processed', 'waiting') ORDER BY id
        """,
        [tenant for tenant, _ in pairs],
        [number for _, number in pairs],
    )
    grouped: dict[Key, list[Known]] = {}
    for row in found:
        one = Known(row["kind"], row["number"], row["sender"], row["sha256"], row["order_id"], row["sequence"], row["outcome"])
        grouped.setdefault((row["tenant"], row["order_number"]), []).append(one)
    return grouped


async def waiting(connection: Connection, keys: Iterable[Key]) -> dict[Key, list[Received]]:
    """Documents that wait for one of these (tenant, order number)s, the oldest first."""
    pairs = list(keys)
    found = await connection.fetch(
        """
        SELECT * FROM ubl_documents
        WHERE outcome = 'waiting' AND (tenant, order_number) IN (SELECT * FROM unnest($1::text[], $2::text[])) ORDER BY id
        """,
        [tenant for tenant, _ in pairs],
        [number for _, number in pairs],
    )
    grouped: dict[Key, list[Received]] = {}
    for row in found:
        grouped.setdefault((row["tenant"], row["order_number"]), []).append(_received(row))
    return grouped


def _received(row: Any) -> Received:
    came_with = tuple(headers.from_json(row["headers"]))
    record = Record(row["topic"], row["partition"], row["offset"], row["key"], came_with, row["value"], row["written_at"])
    _, document = reading.read(row["value"])
    return Received(row["emitter"], row["sha256"], row["tenant"], document, record, tuple(row["endpoints"]), tuple(row["sides"]))


async def save(connection: Connection, decisions: Sequence[Decision]) -> None:
    """What became of each document; one that had waited gets its new outcome."""
    last = {(one.received.tenant, one.received.emitter, one.received.id): one for one in decisions}
    table = [_row(one) for one in last.values()]
    await connection.execute(
        """
        INSERT INTO ubl_documents (emitter, sha256, tenant, kind, number, sender, order_number, order_id, sequence, outcome, reason,
                                   endpoints, sides, topic, partition, "offset", key, headers, value, written_at)
        SELECT emitter, sha256, tenant, kind, number, sender, order_number, order_id, sequence, outcome, reason,
               ARRAY(SELECT jsonb_array_elements_text(endpoints::jsonb)), ARRAY(SELECT jsonb_array_elements_text(sides::jsonb)),
               topic, partition, "offset", key, headers::jsonb, value, written_at
        FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[], $9::int[], $10::text[],
                    $11::text[], $12::text[], $13::text[], $14::text[], $15::int[], $16::bigint[], $17::bytea[], $18::text[],
                    $19::bytea[], $20::timestamptz[]) WITH ORDINALITY
             AS t (emitter, sha256, tenant, kind, number, sender, order_number, order_id, sequence, outcome, reason,
                   endpoints, sides, topic, partition, "offset", key, headers, value, written_at, n)
        ORDER BY n
        ON CONFLICT (tenant, emitter, sha256)
        DO UPDATE SET order_id = excluded.order_id, outcome = excluded.outcome, reason = excluded.reason
        """,
        *zip(*table, strict=True),
    )


def _row(decision: Decision) -> tuple[Any, ...]:
    received, document, record = decision.received, decision.received.document, decision.received.record
    return (
        received.emitter,
        received.id,
        received.tenant,
        document.kind,
        document.number,
        document.sender.endpoint,
        document.order.number,
        decision.order.id if decision.order else None,
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


async def outcome(connection: Connection, tenant: str, emitter: str, sha256: str) -> dict[str, Any] | None:
    """What became of a document."""
    row = await connection.fetchrow(
        "SELECT outcome, order_number, order_id, reason FROM ubl_documents WHERE (tenant, emitter, sha256) = ($1, $2, $3)",
        tenant,
        emitter,
        sha256,
    )
    return dict(row) if row else None


async def still_waiting(connection: Connection, limit: int = 500) -> list[dict[str, Any]]:
    """The documents that wait, as the caller may see them."""
    found = await connection.fetch(
        """
        SELECT sha256 AS id, emitter, tenant, kind, number, sender, order_number, reason, received_at FROM ubl_documents
        WHERE outcome = 'waiting' ORDER BY ubl_documents.id LIMIT $1
        """,
        limit,
    )
    return [dict(row) for row in found]


async def add_to_orders(connection: Connection, documents: Sequence[dict[str, Any]]) -> None:
    """Put documents on orders."""
    await connection.execute(
        """
        INSERT INTO order_documents SELECT * FROM jsonb_populate_recordset(NULL::order_documents, $1)
        ON CONFLICT (id) DO NOTHING
        """,
        list(documents),
    )


async def of_order(connection: Connection, order: str) -> list[dict[str, Any]]:
    """The documents on an order that are not deleted, and the addresses it names."""
    found = await connection.fetch(
        """
        SELECT id AS document, filename, media_type, size, sha256, uri, kind, added_at FROM order_documents
        WHERE order_id = $1 AND deleted_at IS NULL ORDER BY added_at, id
        """,
        order,
    )
    return [dict(row) for row in found]


async def some(connection: Connection, order: str, ids: Sequence[str]) -> list[dict[str, Any]]:
    """These documents of this order with bytes of their own, deleted ones too (`deleted_at`)."""
    found = await connection.fetch(
        """
        SELECT id AS document, filename, media_type, size, sha256, deleted_at FROM order_documents
        WHERE order_id = $1 AND id = ANY($2) AND sha256 IS NOT NULL
        """,
        order,
        list(ids),
    )
    return [dict(row) for row in found]


async def delete(connection: Connection, order: str, id_: str, at: datetime, by: str | None = None) -> bool:
    """Hide a document (`by`: only if this person added it); its bytes stay for what has pinned them."""
    hidden = await connection.fetchval(
        """
        UPDATE order_documents SET deleted_at = $3
        WHERE order_id = $1 AND id = $2 AND deleted_at IS NULL AND ($4::text IS NULL OR added_by = $4) RETURNING id
        """,
        order,
        id_,
        at,
        by,
    )
    return hidden is not None


async def forget_intake(connection: Connection, refused: Sequence[Received]) -> None:
    """A document that had waited and is parked now has had no effect: a replay must be able to give it one."""
    await connection.execute(
        "DELETE FROM intake WHERE (emitter, source, id) IN (SELECT e, e, i FROM unnest($1::text[], $2::text[]) AS t (e, i))",
        [one.emitter for one in refused],
        [one.id for one in refused],
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


async def count_waiting(connection: Connection) -> int:
    """How many documents wait."""
    return int(await connection.fetchval("SELECT count(*) FROM ubl_documents WHERE outcome = 'waiting'"))
