"""Messages to render, and the bytes that they became."""

from collections.abc import Sequence

import asyncpg

from postroom.db import Connection

Body = tuple[bytes, str]
"""A message's bytes and their sha256."""


async def load(connection: Connection, messages: Sequence[str]) -> list[asyncpg.Record]:
    """The messages, each with its bytes if it has some, and with what is void of it."""
    return await connection.fetch(
        """
        SELECT m.id, m.tenant, m.message_type, m.person, m.name, m.email, m.language, m.zone, m.hop, m.reason, m.order_id, m.order_number,
               m.key, m.cause, m.cause_id, m.correspondence, m.unmailed, m.opens, m.unsubscribe, m.lines, m.about, w.void,
               r.bytes, r.sha256,
               CASE WHEN r.message IS NULL OR w.void <> '{}' THEN m.facts END AS facts
        FROM messages AS m
        LEFT JOIN rendered AS r ON r.message = m.id
        CROSS JOIN LATERAL (SELECT ARRAY(SELECT about FROM withdrawals WHERE message = m.id) AS void) AS w
        WHERE m.id = ANY ($1)
        """,
        messages,
    )


async def add(connection: Connection, rendered: Sequence[tuple[str, str, bytes, str, int]]) -> set[str]:
    """Store (message, subject, bytes, sha256, how many withdrawals it knew of); returns whose bytes are the stored ones.

    Not stored: where another sender was first, and what says more than still holds, for something was withdrawn meanwhile.
    """
    rows = await connection.fetch(
        """
        INSERT INTO rendered (message, subject, bytes, sha256)
        SELECT message, subject, bytes, sha256
        FROM unnest($1::text[], $2::text[], $3::bytea[], $4::text[], $5::int[]) AS t (message, subject, bytes, sha256, void)
        WHERE (SELECT count(*) FROM withdrawals AS w WHERE w.message = t.message) = t.void
        ON CONFLICT (message) DO NOTHING RETURNING message
        """,
        *zip(*rendered, strict=True),
    )
    return {row["message"] for row in rows}


async def stored(connection: Connection, messages: Sequence[str]) -> dict[str, Body]:
    """The bytes of these messages."""
    rows = await connection.fetch("SELECT message, bytes, sha256 FROM rendered WHERE message = ANY ($1)", messages)
    return {row["message"]: (row["bytes"], row["sha256"]) for row in rows}
