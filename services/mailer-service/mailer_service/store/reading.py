"""What an operator is shown: messages with their envelopes and attempts, and the figures of operations."""

from collections.abc import Sequence
from typing import Any

import asyncpg

from mailer_service.store import tallies
from postroom import db
from postroom.db import Connection

_MESSAGE = """m.id, m.tenant, m.message_type, m.person, m.name, m.email, m.language, m.zone, m.hop, m.reason, m.order_id, m.order_number,
    m.cause, m.correspondence, m.facts, m.lines, m.about, m.opens, m.sender, m.unmailed, m.not_before, m.created_at"""


async def messages(connection: Connection, ref: str | None, causes: Sequence[str], ids: Sequence[str], limit: int) -> list[asyncpg.Record]:
    """The newest messages by their own id, order, order number, correspondence, cause, or the event that withdrew them, oldest first."""
    rows = await connection.fetch(
        f"""
        SELECT {_MESSAGE}, r.subject, r.sha256, d.moment AS digest_moment, d.digest AS digest_message,
               coalesce(w.void, '{{}}') AS void, w.reason AS void_reason, w.cause AS void_cause, w.at AS void_at
        FROM messages AS m
        LEFT JOIN rendered AS r ON r.message = m.id
        LEFT JOIN digest_entries AS d ON d.message = m.id
        LEFT JOIN LATERAL (
            SELECT array_agg(about ORDER BY about) AS void, (array_agg(reason ORDER BY withdrawn_at DESC))[1] AS reason,
                   jsonb_agg(cause ORDER BY withdrawn_at DESC) -> 0 AS cause, max(withdrawn_at) AS at
            FROM withdrawals WHERE message = m.id
        ) AS w ON true
        WHERE m.id IN (
            SELECT id FROM messages WHERE id = $1 OR id = ANY ($3)
            UNION SELECT id FROM messages WHERE order_id = $1
            UNION SELECT id FROM messages WHERE order_number = $1 AND $1 <> ''
            UNION SELECT id FROM messages WHERE correspondence = $1
            UNION SELECT id FROM messages WHERE cause_id = $1 OR cause_id = ANY ($2)
            UNION SELECT message FROM withdrawals WHERE cause ->> 'id' = $1 OR cause ->> 'id' = ANY ($2))
        ORDER BY m.sequence DESC LIMIT $4
        """,  # noqa: S608 - a constant list of columns
        ref,
        causes,
        ids,
        limit,
    )
    return rows[::-1]


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
    """What an operator sees of the mailer at a glance; it costs the same with a million envelopes."""
    senders = await connection.fetch("SELECT id, started_at, expires_at, expires_at > now() AS alive, relay, relay_detail FROM senders")
    for_a_person = await connection.fetchval("SELECT count(*) FROM envelopes WHERE unknown_since IS NOT NULL AND due_at IS NULL")
    states, held, unknown = await tallies.read(connection)
    return {
        "envelopes": states,
        "held": held,
        "leases": [{**row, "id": str(row["id"])} for row in senders],
        "unknown_attempts": unknown,
        "unknown_for_a_person": for_a_person,
        "messages": await db.rows(connection, "messages"),
    }
