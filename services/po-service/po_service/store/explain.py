"""What operators ask with: an order, a catalog, an invoice, a document or a delivery note, by number or id.

Under row-level security, so in their tenant.
"""

from collections.abc import Sequence
from typing import Any

from postroom.db import Connection


async def orders(connection: Connection, ref: str, limit: int = 100) -> list[Any]:
    """The orders meant by an order's, a document's or a delivery note's number or id, with what decides who is told."""
    return await connection.fetch(
        """
        WITH meant AS (
            SELECT id FROM orders WHERE number = $1 UNION SELECT id FROM orders WHERE id = $1
            UNION SELECT order_id FROM ubl_documents WHERE number = $1 UNION SELECT order_id FROM ubl_documents WHERE sha256 = $1
            UNION SELECT order_id FROM delivery_notes WHERE id = $1 UNION SELECT order_id FROM delivery_notes WHERE number = $1)
        SELECT o.*, c.provisional, c.purchaser_contact, p.name AS purchaser_name,
               (SELECT count(DISTINCT n.id) FROM delivery_notes n WHERE n.order_id = o.id) AS delivery_notes,
               (SELECT count(*) FROM goods_receipts r WHERE r.order_id = o.id) AS goods_receipts
        FROM orders o
        LEFT JOIN contracts c ON (c.tenant, c.id) = (o.tenant, o.contract)
        LEFT JOIN people p ON (p.tenant, p.id) = (o.tenant, c.purchaser_contact)
        WHERE o.id = ANY(ARRAY(SELECT id FROM meant)) ORDER BY o.issue_date, o.id LIMIT $2
        """,
        ref,
        limit,
    )


async def catalogs(connection: Connection, ref: str, limit: int = 100) -> list[dict[str, Any]]:
    """The catalogs meant by their id or by a document's number or sha256, with what decides who is told."""
    found = await connection.fetch(
        """
        SELECT k.id, k.tenant, k.name, k.version, k.supplier, s.name AS supplier_name, k.company, k.managers, k.notify_on,
               k.document_number, (SELECT count(*) FROM catalog_items i WHERE (i.tenant, i.catalog) = (k.tenant, k.id)) AS items
        FROM catalogs k LEFT JOIN companies s ON (s.tenant, s.id) = (k.tenant, k.supplier)
        WHERE k.id = $1 OR k.id IN (SELECT catalog_id FROM ubl_documents WHERE number = $1
                                    UNION SELECT catalog_id FROM ubl_documents WHERE sha256 = $1)
        ORDER BY k.name, k.id LIMIT $2
        """,
        ref,
        limit,
    )
    return [dict(row) for row in found]


async def invoices(connection: Connection, ref: str, limit: int = 100) -> list[dict[str, Any]]:
    """The invoices meant by their number or id, an order's number, or a response's number or sha256, with their newest failed check."""
    found = await connection.fetch(
        """
        SELECT i.id, i.tenant, i.number, i.version, i.supplier, s.name AS supplier_name, i.company, i.orders, i.provisional,
               i.response_code, k.checks, k.code, k.text, k.checked_at
        FROM invoices i LEFT JOIN companies s ON (s.tenant, s.id) = (i.tenant, i.supplier)
        LEFT JOIN LATERAL (SELECT count(*) OVER () AS checks, code, text, checked_at FROM invoice_checks c
                           WHERE (c.tenant, c.invoice) = (i.tenant, i.id) ORDER BY c.id DESC LIMIT 1) AS k ON true
        WHERE i.number = $1 OR i.id = $1 OR i.orders @> ARRAY[$1]
           OR i.id IN (SELECT invoice_id FROM ubl_documents WHERE number = $1 UNION SELECT invoice_id FROM ubl_documents WHERE sha256 = $1)
        ORDER BY i.number, i.id LIMIT $2
        """,
        ref,
        limit,
    )
    return [{**row, "checks": row["checks"] or 0} for row in map(dict, found)]


async def documents(
    connection: Connection, ref: str, orders: Sequence[Any], catalogs: Sequence[Any], invoices: Sequence[Any], limit: int = 200
) -> list[dict[str, Any]]:
    """The documents of these, those that wait for one of these orders' numbers, and those that `ref` names, the oldest first."""
    found = await connection.fetch(
        """
        SELECT sha256 AS id, emitter, tenant, kind, number, sender, order_number, order_id AS "order", catalog_id AS catalog,
               invoice_id AS invoice, sequence, outcome, reason, received_at
        FROM ubl_documents
        WHERE (order_number = ANY($3) AND (order_id = ANY($2) OR order_id IS NULL)) OR order_number = $1 OR number = $1 OR sha256 = $1
           OR catalog_id = $1 OR catalog_id = ANY($4) OR invoice_id = ANY($5)
        ORDER BY ubl_documents.id LIMIT $6
        """,
        ref,
        [one["id"] for one in orders],
        [one["number"] for one in orders],
        [one["id"] for one in catalogs],
        [one["id"] for one in invoices],
        limit,
    )
    return [dict(row) for row in found]
