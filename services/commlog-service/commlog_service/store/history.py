"""The chain of each order: its head, its entries and their contents, an order or a batch at a time."""

from collections.abc import Collection, Sequence

from commlog_service.domain.history import Head, Linked, OrderPlace
from postroom.db import Connection


async def next_entry(connection: Connection, tenant: str, order_id: str) -> int:
    """The next place in the order's history; its head stays locked until the transaction ends, so entries follow commits."""
    return int(
        await connection.fetchval("SELECT entry + 1 FROM history_heads WHERE tenant = $1 AND order_id = $2 FOR UPDATE", tenant, order_id)
    )


async def lock(connection: Connection, places: Collection[OrderPlace]) -> dict[OrderPlace, Head]:
    """The heads of these orders, locked in sorted order until the transaction ends. Lock them before any recipient's row."""
    rows = await connection.fetch(
        """
        SELECT tenant, order_id, supplier, entry, hash FROM history_heads
        WHERE (tenant, order_id) IN (SELECT * FROM unnest($1::text[], $2::text[])) ORDER BY tenant, order_id FOR UPDATE
        """,
        [tenant for tenant, _ in places],
        [order_id for _, order_id in places],
    )
    return {(row["tenant"], row["order_id"]): Head(row["supplier"], row["entry"], row["hash"]) for row in rows}


async def add_entries(connection: Connection, linked: Sequence[Linked]) -> None:
    """More entries, for good."""
    await connection.execute(
        """
        INSERT INTO history (tenant, order_id, entry, supplier, kind, ref, actor, at, content_hash, hash)
        SELECT * FROM unnest($1::text[], $2::text[], $3::bigint[], $4::text[], $5::text[], $6::text[], $7::text[], $8::timestamptz[],
                             $9::text[], $10::text[])
        """,
        *_places(linked),
        [one.supplier for one in linked],
        [one.entry.kind for one in linked],
        [one.entry.ref for one in linked],
        [one.entry.actor for one in linked],
        [one.entry.at for one in linked],
        [one.content_hash for one in linked],
        [one.hash for one in linked],
    )


async def add_contents(connection: Connection, linked: Sequence[Linked]) -> None:
    """What they say, as the bytes that were hashed."""
    await connection.execute(
        """
        INSERT INTO history_contents (tenant, order_id, entry, supplier, salt, content)
        SELECT * FROM unnest($1::text[], $2::text[], $3::bigint[], $4::text[], $5::bytea[], $6::text[])
        """,
        *_places(linked),
        [one.supplier for one in linked],
        [one.salt for one in linked],
        [one.content for one in linked],
    )


async def advance(connection: Connection, lasts: Sequence[Linked]) -> None:
    """Move each order's head to its last entry."""
    await connection.execute(
        """
        UPDATE history_heads AS h SET entry = new.entry, hash = new.hash
        FROM unnest($1::text[], $2::text[], $3::bigint[], $4::text[]) AS new (tenant, order_id, entry, hash)
        WHERE h.tenant = new.tenant AND h.order_id = new.order_id
        """,
        *_places(lasts),
        [one.hash for one in lasts],
    )


async def queue(connection: Connection, lasts: Sequence[Linked]) -> None:
    """Let the new heads go to the file when this transaction commits."""
    await connection.execute(
        """
        INSERT INTO unfiled_heads (tenant, order_id, entry, hash)
        SELECT * FROM unnest($1::text[], $2::text[], $3::bigint[], $4::text[])
        """,
        *_places(lasts),
        [one.hash for one in lasts],
    )


def _places(linked: Sequence[Linked]) -> tuple[list[str], list[str], list[int]]:
    return [one.place[0] for one in linked], [one.place[1] for one in linked], [one.entry.entry for one in linked]
