"""The queue of heads that go to the file."""

from typing import Any

from postroom.db import Connection


async def take(connection: Connection, limit: int) -> list[dict[str, Any]]:
    """Take the oldest out of the queue, as they stand in the file; another instance's are passed over."""
    rows = await connection.fetch(
        """
        WITH taken AS (
            DELETE FROM unfiled_heads WHERE id IN (SELECT id FROM unfiled_heads ORDER BY id LIMIT $1 FOR UPDATE SKIP LOCKED)
            RETURNING id, tenant, order_id, entry, hash, at
        )
        SELECT tenant, order_id AS "order", entry, hash, moment(at) AS at FROM taken ORDER BY id
        """,
        limit,
    )
    return [dict(row) for row in rows]
