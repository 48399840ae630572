"""What operators ask with: an order, a document or a delivery note, by number or id; under row-level security, so in their tenant."""

from collections.abc import Sequence
from datetime import date
from typing import Any

from po_service.store.views import STATUS
from postroom.db import Connection


async def orders(connection: Connection, ref: str, today: date, limit: int = 100) -> list[Any]:
    """The orders meant by an order's, a document's or a delivery note's number or id, with what decides who is told."""
    return await connection.fetch(
        f"""
        WITH meant AS (
            SELECT id FROM orders WHERE number = $2 UNION SELECT id FROM orders WHERE id = $2
            UNION SELECT order_id FROM ubl_documents WHERE number = $2 UNION SELECT order_id FROM ubl_documents WHERE sha256 = $2
            UNION SELECT order_id FROM delivery_notes WHERE id = $2 UNION SELECT order_id FROM delivery_notes WHERE number = $2)
        SELECT o.*, {STATUS} AS status, c.provisional, c.purchaser_contact, p.name AS purchaser_name,
               (SELECT count(DISTINCT n.id) FROM delivery_notes n WHERE n.order_id = o.id) AS delivery_notes,
               (SELECT count(*) FROM goods_receipts r WHERE r.order_id = o.id) AS goods_receipts
        FROM orders o
        LEFT JOIN contracts c ON (c.tenant, c.id) = (o.tenant, o.contract)
        LEFT JOIN people p ON (p.tenant, p.id) = (o.tenant, c.purchaser_contact)
        WHERE o.id = ANY(ARRAY(SELECT id FROM meant)) ORDER BY o.issue_date, o.id LIMIT $3
        """,  # noqa: S608 - a constant
        today,
        ref,
        limit,
    )


async def documents(
    connection: Connection, ref: str, orders: Sequence[str], numbers: Sequence[str], limit: int = 200
) -> list[dict[str, Any]]:
    """The documents of these orders (ids), those that wait for one of these numbers, and those that `ref` names, the oldest first."""
    found = await connection.fetch(
        """
        SELECT sha256 AS id, emitter, tenant, kind, number, sender, order_number, order_id AS "order", sequence, outcome, reason,
               received_at
        FROM ubl_documents
        WHERE (order_number = ANY($3) AND (order_id = ANY($2) OR order_id IS NULL)) OR order_number = $1 OR number = $1 OR sha256 = $1
        ORDER BY ubl_documents.id LIMIT $4
        """,
        ref,
        list(orders),
        list(numbers),
        limit,
    )
    return [dict(row) for row in found]
