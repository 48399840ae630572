"""What people want ordered, and the contracts that it waits under."""

from collections.abc import Sequence
from typing import Any

from po_service.domain.contracts import Contract
from po_service.domain.requisitions import Item
from po_service.store import rows
from postroom.db import Connection


async def put(connection: Connection, item: Item) -> bool:
    """Write an open item as it now is; False where an order has it, and nothing is written."""
    written = await connection.fetchval(
        """
        INSERT INTO requisition_items AS known SELECT * FROM jsonb_populate_record(NULL::requisition_items, $1)
        ON CONFLICT (tenant, id) DO UPDATE SET
            contract = excluded.contract, requester = excluded.requester, name = excluded.name, quantity = excluded.quantity,
            unit = excluded.unit, net = excluded.net, currency = excluded.currency, delivery_date = excluded.delivery_date
        WHERE known.order_id IS NULL RETURNING true
        """,
        rows.plain(item),
    )
    return bool(written)


async def get(connection: Connection, tenant: str, id_: str) -> Item | None:
    """One item."""
    row = await connection.fetchrow("SELECT * FROM requisition_items WHERE tenant = $1 AND id = $2", tenant, id_)
    return rows.of(Item, row) if row else None


async def listed(connection: Connection, contract: str | None, state: str | None, limit: int) -> list[Item]:
    """The items that the caller may see, the newest first; `state` is open or ordered."""
    found = await connection.fetch(
        """
        SELECT * FROM requisition_items
        WHERE ($1::text IS NULL OR contract = $1) AND ($2::text IS NULL OR (order_id IS NULL) = ($2 = 'open'))
        ORDER BY requested_at DESC, id LIMIT $3
        """,
        contract,
        state,
        limit,
    )
    return [rows.of(Item, row) for row in found]


async def contracts_with_open_items(connection: Connection, tenant: str, contract: str | None, after: str, limit: int) -> list[Contract]:
    """The contracts (or this one) with an open item, by id, beyond `after`; locked: two runs must not order the same items."""
    found = await connection.fetch(
        """
        SELECT * FROM contracts c WHERE tenant = $1 AND ($2::text IS NULL OR id = $2) AND id > $3
          AND EXISTS (SELECT FROM requisition_items i WHERE (i.tenant, i.contract) = (c.tenant, c.id) AND i.order_id IS NULL)
        ORDER BY id LIMIT $4 FOR UPDATE
        """,
        tenant,
        contract,
        after,
        limit,
    )
    return [rows.of(Contract, row) for row in found]


async def open_items(connection: Connection, tenant: str, contracts: Sequence[str]) -> dict[str, list[Item]]:
    """Contract → its open items, the oldest first, locked."""
    found = await connection.fetch(
        """
        SELECT i.*, coalesce(p.name, '') AS requester_name
        FROM requisition_items i LEFT JOIN people p ON (p.tenant, p.id) = (i.tenant, i.requester)
        WHERE i.tenant = $1 AND i.contract = ANY($2) AND i.order_id IS NULL
        ORDER BY i.contract, i.requested_at, i.id FOR UPDATE OF i
        """,
        tenant,
        contracts,
    )
    grouped: dict[str, list[Item]] = {}
    for row in found:
        grouped.setdefault(row["contract"], []).append(rows.of(Item, row))
    return grouped


async def next_serials(connection: Connection, tenant: str, contracts: Sequence[str]) -> dict[str, int]:
    """Contract → what the number of its next order ends with: one more than the highest of its supplier's orders that begin alike.

    Several companies may have a contract of one number with one supplier: of these each has a number of its own. Whoever asks waits first
    for those that are numbering orders of the same suppliers.
    """
    found = await connection.fetch(
        """
        SELECT c.id, c.place + coalesce((
            SELECT max(substring(o.number FROM length(c.begin) + 1)::int) FROM orders o
            WHERE o.tenant = $1 AND o.supplier = c.supplier AND starts_with(o.number, c.begin)
              AND substring(o.number FROM length(c.begin) + 1) ~ '^[0-9]{1,9}$'), 0) AS serial
        FROM (SELECT id, supplier, begin, row_number() OVER (PARTITION BY supplier, begin ORDER BY id) AS place
              FROM contracts, concat(left(number, 180), '-') AS begin WHERE tenant = $1 AND id = ANY($2)) AS c
        """,
        tenant,
        contracts,
    )
    return {row["id"]: row["serial"] for row in found}


async def mark_ordered(connection: Connection, tenant: str, ordered: Sequence[dict[str, Any]]) -> None:
    """Give these items (`id`) the order and line that they became."""
    await connection.execute(
        """
        UPDATE requisition_items i SET order_id = t.order_id, line = t.line
        FROM jsonb_to_recordset($2::jsonb) AS t (id text, order_id text, line text) WHERE i.tenant = $1 AND i.id = t.id
        """,
        tenant,
        ordered,
    )
