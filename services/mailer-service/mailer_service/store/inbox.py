"""A person's inbox: their messages, what they did with them, and what has changed since they last looked."""

from collections.abc import Sequence
from typing import Any

import asyncpg

from postroom.db import Connection

_ENTRY = """m.id, m.tenant, m.message_type, m.person, m.name, m.email, m.language, m.zone, m.hop, m.reason, m.order_id, m.order_number,
    m.cause, m.facts, m.lines, m.about, m.opens, m.sender, m.created_at, i.read_at, i.withdrawn_at, i.withdrawn_reason, r.subject,
    ARRAY(SELECT w.about FROM withdrawals AS w WHERE w.message = m.id) AS void"""
_FROM = "FROM inbox AS i JOIN messages AS m ON m.id = i.message LEFT JOIN rendered AS r ON r.message = m.id"
_CHANGED = "changed = pg_current_xact_id()"


async def page(connection: Connection, tenant: str, person: str, *, unread: bool, before: str | None, limit: int) -> list[asyncpg.Record]:
    """A person's messages, newest first, from behind the message `before` on; row-level security checks the same again."""
    return await connection.fetch(
        f"""
        SELECT {_ENTRY} {_FROM}
        WHERE i.tenant = $1 AND i.person = $2 AND ($3::text IS NULL OR (i.created_at, m.sequence) < (
                SELECT i.created_at, m.sequence FROM inbox AS i JOIN messages AS m ON m.id = i.message
                WHERE i.message = $3 AND i.tenant = $1 AND i.person = $2))
          AND NOT ($4 AND (i.read_at IS NOT NULL OR i.withdrawn_at IS NOT NULL))
        ORDER BY i.created_at DESC, m.sequence DESC LIMIT $5
        """,  # noqa: S608 - constant lists of columns
        tenant,
        person,
        before,
        unread,
        limit,
    )


async def entry(connection: Connection, tenant: str, person: str, message: str) -> asyncpg.Record | None:
    """One message of this person's."""
    return await connection.fetchrow(
        f"SELECT {_ENTRY} {_FROM} WHERE i.tenant = $1 AND i.person = $2 AND i.message = $3",
        tenant,
        person,
        message,
    )


async def entries(connection: Connection, messages: Sequence[str]) -> list[asyncpg.Record]:
    """These messages, whosever they are."""
    return await connection.fetch(f"SELECT {_ENTRY} {_FROM} WHERE i.message = ANY ($1)", messages)


async def unread(connection: Connection, tenant: str, person: str) -> int:
    """How many messages this person has not read; what was withdrawn needs no reading."""
    query = "SELECT count(*) FROM inbox WHERE tenant = $1 AND person = $2 AND read_at IS NULL AND withdrawn_at IS NULL"
    return int(await connection.fetchval(query, tenant, person))


async def mark_read(connection: Connection, tenant: str, person: str, message: str) -> bool:
    """Read now, or before; False if it isn't this person's."""
    row = await connection.fetchrow(
        f"""
        UPDATE inbox SET read_at = coalesce(read_at, now()), change = CASE WHEN withdrawn_at IS NULL THEN 'read' ELSE change END, {_CHANGED}
        WHERE tenant = $1 AND person = $2 AND message = $3 RETURNING 1
        """,  # noqa: S608 - a constant
        tenant,
        person,
        message,
    )
    return row is not None


async def mark_all_read(connection: Connection, tenant: str, person: str, until: str | None) -> int:
    """Read now: all that are unread, or those of them that are no newer than the message `until`. Returns how many."""
    rows = await connection.fetch(
        f"""
        UPDATE inbox AS i SET read_at = now(), change = 'read', {_CHANGED} FROM messages AS m
        WHERE m.id = i.message AND i.tenant = $1 AND i.person = $2 AND i.read_at IS NULL AND i.withdrawn_at IS NULL
          AND ($3::text IS NULL OR (i.created_at, m.sequence) <= (
                SELECT i.created_at, m.sequence FROM inbox AS i JOIN messages AS m ON m.id = i.message
                WHERE i.message = $3 AND i.tenant = $1 AND i.person = $2))
        RETURNING 1
        """,  # noqa: S608 - a constant
        tenant,
        person,
        until,
    )
    return len(rows)


async def mark_unread(connection: Connection, tenant: str, person: str, message: str) -> bool:
    """Not read after all; False if it isn't this person's."""
    row = await connection.fetchrow(
        f"""
        UPDATE inbox SET read_at = NULL, change = CASE WHEN withdrawn_at IS NULL THEN 'unread' ELSE change END, {_CHANGED}
        WHERE tenant = $1 AND person = $2 AND message = $3 RETURNING 1
        """,  # noqa: S608 - a constant
        tenant,
        person,
        message,
    )
    return row is not None


async def forwards(connection: Connection, messages: Sequence[str]) -> list[asyncpg.Record]:
    """To whom these were passed on, oldest first."""
    return await connection.fetch(
        'SELECT message, "to", note, forwarded_at FROM forwards WHERE message = ANY ($1) ORDER BY forwarded_at, id', messages
    )


async def add_forward(connection: Connection, forward: str, message: str, tenant: str, person: str, to: Sequence[str], note: str) -> None:
    """Note that this person passed the message on."""
    await connection.execute(
        'INSERT INTO forwards (id, message, tenant, person, "to", note) VALUES ($1, $2, $3, $4, $5, $6)',
        forward,
        message,
        tenant,
        person,
        to,
        note,
    )


async def horizon(connection: Connection) -> int:
    """The oldest transaction that is still running, or the next: all changes of earlier ones can be seen now."""
    return int(await connection.fetchval("SELECT pg_snapshot_xmin(pg_current_snapshot())::text::bigint"))


async def changes(connection: Connection, readers: Sequence[tuple[str, str, int]], limit: int) -> list[asyncpg.Record]:
    """What has changed for these (tenant, person, since which transaction), the newest `limit` each, oldest first; see `entries`."""
    return await connection.fetch(
        """
        SELECT p.tenant AS of_tenant, p.person AS of_person, c.*
        FROM unnest($1::text[], $2::text[], $3::bigint[]) AS p (tenant, person, since), LATERAL (
            SELECT m.id, i.changed::text::bigint AS changed, i.change, i.withdrawn_reason, m.sequence
            FROM inbox AS i JOIN messages AS m ON m.id = i.message
            WHERE i.tenant = p.tenant AND i.person = p.person
              -- Beyond the snapshot's end lies nothing but rows of another server's backup.
              AND i.changed >= p.since::text::xid8 AND i.changed < pg_snapshot_xmax(pg_current_snapshot())
            ORDER BY i.changed DESC, m.sequence DESC LIMIT $4
        ) AS c ORDER BY c.changed, c.sequence
        """,
        *zip(*readers, strict=True),
        limit,
    )


async def unread_of(connection: Connection, readers: Sequence[tuple[str, str]]) -> dict[tuple[str, str], Any]:
    """How many unread messages each of these (tenant, person) has."""
    if not readers:
        return {}
    rows = await connection.fetch(
        """
        SELECT p.tenant, p.person, count(i.message) AS n FROM unnest($1::text[], $2::text[]) AS p (tenant, person)
        LEFT JOIN inbox AS i ON i.tenant = p.tenant AND i.person = p.person AND i.read_at IS NULL AND i.withdrawn_at IS NULL
        GROUP BY p.tenant, p.person
        """,
        *zip(*readers, strict=True),
    )
    return {(row["tenant"], row["person"]): row["n"] for row in rows}
