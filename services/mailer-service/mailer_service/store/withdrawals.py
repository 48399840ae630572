"""What became void of messages, and its effects on envelopes, digests and the inbox."""

from collections.abc import Collection, Sequence
from dataclasses import astuple

import asyncpg

from mailer_service.domain.withdrawals import Withdrawal
from postroom.db import Connection

_LOCK = 7_066_618


async def meet(connection: Connection, *, withdrawing: bool) -> None:
    """Let a message and its withdrawal, in two instances' batches, not miss each other; batches without one go side by side."""
    function = "pg_advisory_xact_lock" if withdrawing else "pg_advisory_xact_lock_shared"
    await connection.execute(f"SELECT {function}($1)", _LOCK)


async def add(connection: Connection, withdrawals: Sequence[Withdrawal]) -> None:
    """Note these; the first reason stays."""
    await connection.execute(
        """
        INSERT INTO withdrawals (message, about, reason, cause)
        SELECT DISTINCT ON (message, about) * FROM unnest($1::text[], $2::text[], $3::text[], $4::jsonb[])
            AS t (message, about, reason, cause)
        ORDER BY message, about
        ON CONFLICT DO NOTHING
        """,
        *zip(*map(astuple, withdrawals), strict=True),
    )


async def touched(connection: Connection, messages: Collection[str]) -> list[asyncpg.Record]:
    """Those of the messages that are there and of which something was withdrawn, with the names of what is void and the latest reason."""
    return await connection.fetch(
        """
        SELECT m.id AS message, m.tenant, m.key, m.correspondence, m.order_id, m.email, m.person, m.facts, m.lines, m.about,
               w.void, w.reason, w.cause
        FROM messages AS m
        JOIN (
            SELECT message, array_agg(about) AS void, (array_agg(reason ORDER BY withdrawn_at DESC, about))[1] AS reason,
                   (jsonb_agg(cause ORDER BY withdrawn_at DESC, about)) -> 0 AS cause
            FROM withdrawals WHERE message = ANY ($1) GROUP BY message
        ) AS w ON w.message = m.id
        """,
        list(messages),
    )


async def cancel_envelopes(connection: Connection, messages: Sequence[str], details: Sequence[str]) -> list[asyncpg.Record]:
    """Stop what is not on its way: what is sending goes on, and what was sent was sent. Returns the envelopes that stopped."""
    return await connection.fetch(
        """
        UPDATE envelopes AS e SET state = 'cancelled', sender_id = NULL, due_at = NULL, hold_reason = NULL, detail = t.detail
        FROM unnest($1::text[], $2::text[]) AS t (message, detail)
        WHERE e.message = t.message AND e.state IN ('pending', 'deferred', 'held', 'leased', 'unknown')
        RETURNING e.id, e.message, e.address, e.person, e.attempts, e.detail
        """,
        messages,
        details,
    )


async def cancel_digest_entries(connection: Connection, messages: Sequence[str]) -> list[str]:
    """Leave these out of digests that are still to be made; returns those that waited for one."""
    rows = await connection.fetch(
        "UPDATE digest_entries SET cancelled = true WHERE message = ANY ($1) AND digest IS NULL AND NOT cancelled RETURNING message",
        messages,
    )
    return [row["message"] for row in rows]


async def mark_inbox(connection: Connection, messages: Sequence[str], reasons: Sequence[str]) -> None:
    """Show these as withdrawn."""
    await connection.execute(
        """
        UPDATE inbox AS i
        SET withdrawn_at = now(), withdrawn_reason = t.reason, change = 'withdrawn', changed = pg_current_xact_id()
        FROM unnest($1::text[], $2::text[]) AS t (message, reason) WHERE i.message = t.message AND i.withdrawn_at IS NULL
        """,
        messages,
        reasons,
    )
