"""What became void of messages, and its effects on envelopes, digests and the inbox."""

from collections.abc import Collection, Sequence
from dataclasses import astuple
from typing import Any

import asyncpg

from mailer_service.domain.withdrawals import WHOLE, Withdrawal
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


async def add_of_copies(connection: Connection, void: Sequence[tuple[str, str, dict[str, Any]]]) -> list[str]:
    """Note of all that these (message, reason, cause) were forwarded as, from person to person, that it is void; → what is so only now."""
    rows = await connection.fetch(
        """
        WITH RECURSIVE copies AS (
            SELECT * FROM unnest($1::text[], $2::text[], $3::jsonb[]) AS t (message, reason, cause)
            UNION
            SELECT m.id, copies.reason, copies.cause FROM copies
            JOIN forwards AS f ON f.message = copies.message
            JOIN messages AS m ON m.cause_id = f.id AND m.tenant = f.tenant
        )
        INSERT INTO withdrawals (message, about, reason, cause)
        SELECT DISTINCT ON (message) message, $4, reason, cause FROM copies WHERE message <> ALL ($1) ORDER BY message
        ON CONFLICT DO NOTHING RETURNING message
        """,
        *zip(*void, strict=True),
        WHOLE,
    )
    return [row["message"] for row in rows]


async def originals(connection: Connection, copies: Collection[str]) -> set[str]:
    """Whatever these messages are forwards of."""
    rows = await connection.fetch(
        "SELECT f.message FROM messages AS m JOIN forwards AS f ON f.id = m.cause_id AND f.tenant = m.tenant WHERE m.id = ANY ($1)",
        list(copies),
    )
    return {row["message"] for row in rows}


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
