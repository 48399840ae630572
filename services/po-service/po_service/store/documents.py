"""The raw UBL documents, and the documents that lie on an order."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from po_service.domain.received import Known
from postroom.db import Connection

Key = tuple[str, str]


async def known(connection: Connection, keys: Iterable[Key]) -> dict[Key, list[Known]]:
    """What came before about these (tenant, order number)s."""
    pairs = list(keys)
    found = await connection.fetch(
        """
        SELECT tenant, order_number, kind, number, sender, sha256, order_id, sequence, outcome, octet_length(value) AS size,
               written_at, topic, partition, "offset"
        FROM ubl_documents
        WHERE (tenant, order_number) IN (SELECT * FROM unnest($1::text[], $2::text[])) AND outcome IN ('processed', 'waiting') ORDER BY id
        """,
        [tenant for tenant, _ in pairs],
        [number for _, number in pairs],
    )
    grouped: dict[Key, list[Known]] = {}
    for row in found:
        tenant, number, *one = row
        grouped.setdefault((tenant, number), []).append(Known(*one))
    return grouped


async def outcome(connection: Connection, tenant: str, emitter: str, sha256: str) -> dict[str, Any] | None:
    """What became of a document."""
    row = await connection.fetchrow(
        """
        SELECT outcome, order_number, order_id, catalog_id, invoice_id, reason FROM ubl_documents
        WHERE (tenant, emitter, sha256) = ($1, $2, $3)
        """,
        tenant,
        emitter,
        sha256,
    )
    return dict(row) if row else None


async def still_waiting(connection: Connection, limit: int = 500) -> list[dict[str, Any]]:
    """The documents that wait, as the caller may see them."""
    found = await connection.fetch(
        """
        SELECT sha256 AS id, emitter, tenant, kind, number, sender, order_number, catalog_id AS catalog, reason, received_at
        FROM ubl_documents WHERE outcome = 'waiting' ORDER BY ubl_documents.id LIMIT $1
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


async def count_waiting(connection: Connection) -> int:
    """How many documents wait."""
    return int(await connection.fetchval("SELECT count(*) FROM ubl_documents WHERE outcome = 'waiting'"))
