"""What the API shows: inboxes, messages with their envelopes and attempts, and the figures of operations."""

from collections.abc import Sequence
from typing import Any

import asyncpg

from postroom.db import Connection

_MESSAGE = """m.id, m.tenant, m.message_type, m.person, m.name, m.email, m.language, m.zone, m.hop, m.reason, m.order_id, m.order_number,
    m.cause, m.correspondence, m.facts, m.unmailed, m.created_at"""


async def inbox(connection: Connection, tenant: str, person: str, limit: int) -> list[asyncpg.Record]:
    """A person's messages, newest first; row-level security checks the same again."""
    return await connection.fetch(
        f"""
        SELECT {_MESSAGE}, i.read_at, r.subject
        FROM inbox AS i JOIN messages AS m ON m.id = i.message LEFT JOIN rendered AS r ON r.message = m.id
        WHERE i.tenant = $1 AND i.person = $2 ORDER BY i.created_at DESC, m.sequence DESC LIMIT $3
        """,  # noqa: S608 - a constant list of columns
        tenant,
        person,
        limit,
    )


async def unread(connection: Connection, tenant: str, person: str) -> int:
    """How many messages this person has not read."""
    return int(
        await connection.fetchval("SELECT count(*) FROM inbox WHERE tenant = $1 AND person = $2 AND read_at IS NULL", tenant, person)
    )


async def mark_read(connection: Connection, tenant: str, person: str, message: str) -> bool:
    """Read now, or before; False if it isn't this person's."""
    return (
        await connection.fetchval(
            "UPDATE inbox SET read_at = coalesce(read_at, now()) WHERE tenant = $1 AND person = $2 AND message = $3 RETURNING true",
            tenant,
            person,
            message,
        )
        is True
    )


async def messages(connection: Connection, ref: str | None, causes: Sequence[str], limit: int) -> list[asyncpg.Record]:
    """Messages by their own id, order, order number, correspondence or cause, oldest first."""
    return await connection.fetch(
        f"""
        SELECT {_MESSAGE}, r.subject, r.sha256 FROM messages AS m LEFT JOIN rendered AS r ON r.message = m.id
        WHERE m.id IN (
            SELECT id FROM messages WHERE id = $1
            UNION SELECT id FROM messages WHERE order_id = $1
            UNION SELECT id FROM messages WHERE order_number = $1 AND $1 <> ''
            UNION SELECT id FROM messages WHERE correspondence = $1
            UNION SELECT id FROM messages WHERE cause_id = $1 OR cause_id = ANY ($2))
        ORDER BY m.sequence LIMIT $3
        """,  # noqa: S608 - a constant list of columns
        ref,
        causes,
        limit,
    )


async def envelopes(connection: Connection, of: Sequence[str]) -> list[asyncpg.Record]:
    """The envelopes of these messages."""
    return await connection.fetch(
        "SELECT id, message, address, state, hold_reason, due_at, detail FROM envelopes WHERE message = ANY ($1) ORDER BY sequence", of
    )


async def attempts(connection: Connection, of: Sequence[str]) -> list[asyncpg.Record]:
    """The attempts of these envelopes."""
    return await connection.fetch(
        "SELECT envelope, number, opened_at, settled_at, result, code, detail FROM attempts WHERE envelope = ANY ($1) ORDER BY number", of
    )


async def figures(connection: Connection) -> dict[str, Any]:
    """What an operator sees of the mailer at a glance."""
    states = await connection.fetch("SELECT state, count(*) AS n FROM envelopes GROUP BY state")
    holds = await connection.fetch("SELECT hold_reason, count(*) AS n FROM envelopes WHERE hold_reason IS NOT NULL GROUP BY hold_reason")
    senders = await connection.fetch("SELECT id, started_at, expires_at, expires_at > now() AS alive, relay, relay_detail FROM senders")
    ever_unknown = await connection.fetchval("SELECT count(*) FROM attempts WHERE result = 'unknown'")
    return {
        "envelopes": {row["state"]: row["n"] for row in states},
        "held": {row["hold_reason"]: row["n"] for row in holds},
        "leases": [{**row, "id": str(row["id"])} for row in senders],
        "unknown_attempts": ever_unknown,
        "messages": await connection.fetchval("SELECT count(*) FROM messages"),
    }
