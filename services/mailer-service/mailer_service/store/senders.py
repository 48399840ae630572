"""Who is sending: leases, and taking over from a sender that is gone."""

from datetime import datetime, timedelta
from uuid import UUID

import asyncpg

from postroom.db import Connection


async def register(connection: Connection, sender: UUID, lease: timedelta) -> None:
    """A new sender, alive for this long."""
    await connection.execute("INSERT INTO senders (id, expires_at) VALUES ($1, now() + $2)", sender, lease)


async def beat(connection: Connection, sender: UUID, lease: timedelta, relay: str, detail: str) -> tuple[datetime, bool]:
    """Stay alive; (the database's time, whether we do): a sender that was marked gone, or whose time was up, must take a new id."""
    row = await connection.fetchrow(
        """
        WITH alive AS (
            UPDATE senders SET expires_at = now() + $2, relay = $3, relay_detail = $4 WHERE id = $1 AND expires_at > now() RETURNING true
        )
        SELECT now() AS now, EXISTS (SELECT FROM alive) AS alive
        """,
        sender,
        lease,
        relay,
        detail,
    )
    assert row  # noqa: S101 - a SELECT without a table
    return row["now"], row["alive"]


async def leave(connection: Connection, sender: UUID) -> None:
    """A sender that stops by itself; what it still has open, a take-over finds by its lease."""
    await connection.execute(
        """
        DELETE FROM senders WHERE id = $1
        AND NOT EXISTS (SELECT FROM envelopes WHERE sender_id = $1)
        """,
        sender,
    )


async def shorten(connection: Connection, lease: timedelta) -> None:
    """Nobody has more than a lease from now on: who seems to, got it from a clock that was ahead, and may be gone."""
    await connection.execute("UPDATE senders SET expires_at = now() + $1 WHERE expires_at > now() + $1", lease)


async def expired(connection: Connection) -> list[UUID]:
    """The senders whose time is up, locked until the transaction ends; those that another process takes over from are left out."""
    rows = await connection.fetch("SELECT id FROM senders WHERE expires_at < now() FOR UPDATE SKIP LOCKED")
    return [row["id"] for row in rows]


async def take_over(connection: Connection, gone: list[UUID], unknown_resend: timedelta, limit: int) -> list[asyncpg.Record]:
    """Give back what they had leased, and call unknown what they were sending; at most `limit` of them, each with its new state.

    What they were sending is `sent` if an earlier attempt was accepted meanwhile; `attempts` is that one then.
    What a stopped process has locked in an open transaction is passed over: it comes with a later round, and holds up nothing else.
    """
    return await connection.fetch(
        """
        WITH due AS MATERIALIZED (
            SELECT id FROM envelopes WHERE sender_id = ANY ($1) LIMIT $3 FOR UPDATE SKIP LOCKED
        ), taken AS (
            UPDATE envelopes AS e
            SET state = CASE WHEN e.state = 'leased' THEN 'pending' WHEN e.accepted_attempt IS NULL THEN 'unknown' ELSE 'sent' END,
                sender_id = NULL,
                due_at = CASE WHEN e.state = 'leased' THEN now() WHEN NOT e.resent AND e.accepted_attempt IS NULL THEN now() + $2 END,
                resent = e.resent OR e.state = 'sending',
                detail = CASE WHEN e.state = 'leased' THEN e.detail
                              WHEN e.accepted_attempt IS NULL THEN 'the sender went away before the reply was recorded'
                              ELSE format('attempt %s was accepted', e.accepted_attempt) END
            FROM due WHERE e.id = due.id
            RETURNING e.id, e.message, e.address, e.person, e.attempts, e.accepted_attempt, e.state, e.detail
        ), lost AS (
            UPDATE attempts AS a
            SET settled_at = now(), result = 'unknown', detail = 'the sender went away before the reply was recorded'
            FROM taken AS t WHERE t.state <> 'pending' AND a.envelope = t.id AND a.number = t.attempts
        )
        SELECT taken.id, taken.state, taken.address, taken.person, coalesce(taken.accepted_attempt, taken.attempts) AS attempts,
               taken.detail, taken.message, m.tenant, m.key, m.cause, m.correspondence, m.order_id, coalesce(r.sha256, '') AS sha256
        FROM taken
        LEFT JOIN messages AS m ON taken.state <> 'pending' AND m.id = taken.message
        LEFT JOIN rendered AS r ON r.message = m.id
        """,
        gone,
        unknown_resend,
        limit,
    )


async def bury(connection: Connection, gone: list[UUID]) -> None:
    """Forget those of them that have nothing in hand any more."""
    await connection.execute(
        "DELETE FROM senders AS s WHERE id = ANY ($1) AND NOT EXISTS (SELECT FROM envelopes WHERE sender_id = s.id)", gone
    )
