"""What the scans have raised: "due and not yet raised" is asked here, whatever major it was raised in."""

from collections.abc import Collection

from postroom import failpoints
from postroom.contracts import versions
from postroom.db import Connection

Key = tuple[str, ...]


async def raise_once(connection: Connection, fact: str, keys: Collection[tuple[str, Key]]) -> set[tuple[str, Key]]:
    """Mark these (tenant, key) as raised under the event type `fact`; returns those that weren't before."""
    found = await connection.fetch(
        """
        INSERT INTO raised (tenant, fact, key)
        SELECT tenant, $1, key FROM jsonb_to_recordset($2::jsonb) AS t (tenant text, key text[]) ORDER BY tenant, key
        ON CONFLICT DO NOTHING RETURNING tenant, key
        """,
        versions.under(fact),
        [{"tenant": tenant, "key": key} for tenant, key in dict.fromkeys(keys)],
    )
    if found:
        failpoints.reach("task.claimed")
    return {(row["tenant"], tuple(row["key"])) for row in found}


async def raised(connection: Connection, fact: str, keys: Collection[tuple[str, Key]]) -> set[tuple[str, Key]]:
    """Those of these (tenant, key) that were raised before."""
    found = await connection.fetch(
        """
        SELECT tenant, key FROM raised
        WHERE fact = $1 AND (tenant, key) IN (SELECT tenant, key FROM jsonb_to_recordset($2::jsonb) AS t (tenant text, key text[]))
        """,
        versions.under(fact),
        [{"tenant": tenant, "key": key} for tenant, key in dict.fromkeys(keys)],
    )
    return {(row["tenant"], tuple(row["key"])) for row in found}
