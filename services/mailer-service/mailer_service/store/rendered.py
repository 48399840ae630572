"""Messages to render, and the bytes that they became."""

from collections.abc import Sequence

import asyncpg

from postroom.db import Connection


async def load(connection: Connection, messages: Sequence[str]) -> list[asyncpg.Record]:
    """The messages, each with its bytes if it has some."""
    return await connection.fetch(
        """
        SELECT m.id, m.tenant, m.message_type, m.person, m.name, m.email, m.language, m.zone, m.hop, m.reason, m.order_id, m.order_number,
               m.key, m.cause, m.cause_id, m.correspondence, CASE WHEN r.message IS NULL THEN m.facts END AS facts, m.unmailed, r.bytes
        FROM messages AS m LEFT JOIN rendered AS r ON r.message = m.id WHERE m.id = ANY ($1)
        """,
        messages,
    )


async def add(connection: Connection, rendered: Sequence[tuple[str, str, bytes, str]]) -> set[str]:
    """Store (message, subject, bytes, sha256); returns whose bytes are the stored ones: another sender may have been first."""
    rows = await connection.fetch(
        """
        INSERT INTO rendered (message, subject, bytes, sha256) SELECT * FROM unnest($1::text[], $2::text[], $3::bytea[], $4::text[])
        ON CONFLICT (message) DO NOTHING RETURNING message
        """,
        *zip(*rendered, strict=True),
    )
    return {row["message"] for row in rows}


async def stored(connection: Connection, messages: Sequence[str]) -> dict[str, bytes]:
    """The bytes of these messages."""
    rows = await connection.fetch("SELECT message, bytes FROM rendered WHERE message = ANY ($1)", messages)
    return {row["message"]: row["bytes"] for row in rows}
