"""After an older copy was restored: what is known to be out, what may be, and how it is decided (docs/restoring.md)."""

from collections.abc import Sequence
from datetime import datetime

import asyncpg

from postroom.db import Connection
from postroom.older_copy import TO_BE_READ_AGAIN

Sent = tuple[str, int, int | None, str, datetime]
"""Envelope, attempt, the server's code and reply, when."""
# What goes out without a person's doing, at once or once its cap or template lets it; so it may have, after the copy was taken.
_OPEN = """
    (e.state IN ('pending', 'leased', 'sending', 'deferred', 'unknown')
     OR e.hold_reason IN ('template', 'render') OR starts_with(e.hold_reason, 'cap_'))
"""
# Those of $1, an older copy: it is not new, and no outcome says what became of it.
_DOUBTFUL = f"""
    (e.hold_reason = 'restored' OR {_OPEN} AND EXISTS (
        SELECT FROM doubts AS d JOIN messages AS m ON m.id = e.message
        WHERE d.older_copy = $1 AND m.sequence <= coalesce(d.last_sequence, m.sequence)))
"""


async def add_sent(connection: Connection, sent: Sequence[Sent]) -> None:
    """Keep what outcomes say was sent."""
    await connection.execute(
        """
        INSERT INTO sent_elsewhere (envelope, attempt, code, detail, at)
        SELECT DISTINCT ON (envelope) * FROM unnest($1::text[], $2::int[], $3::int[], $4::text[], $5::timestamptz[])
                                          AS t (envelope, attempt, code, detail, at) ORDER BY envelope, attempt DESC
        ON CONFLICT (envelope) DO UPDATE SET attempt = excluded.attempt, code = excluded.code, detail = excluded.detail, at = excluded.at
        """,
        *zip(*sent, strict=True),
    )


async def settle(connection: Connection) -> int:
    """Record as sent what is known to be; → how many. A sender that holds one of them can't open an attempt any more.

    Also what a withdrawal has cancelled: read again from Kafka, it finds its mail unsent, though it had come too late.
    """
    rows = await connection.fetch(
        """
        WITH settled AS (
            UPDATE envelopes AS e
            SET state = 'sent', sender_id = NULL, due_at = NULL, hold_reason = NULL, attempts = greatest(e.attempts, s.attempt),
                detail = s.detail
            FROM sent_elsewhere AS s
            WHERE e.id = s.envelope AND e.state IN ('pending', 'leased', 'sending', 'unknown', 'deferred', 'held', 'dead', 'cancelled')
            RETURNING e.id
        ), noted AS (
            INSERT INTO attempts AS a (envelope, number, token, opened_at, settled_at, result, code, detail)
            SELECT envelope, attempt, gen_random_uuid(), at, at, 'sent', code, detail
            FROM sent_elsewhere WHERE envelope IN (SELECT id FROM settled)
            ON CONFLICT (envelope, number) DO UPDATE
            SET settled_at = excluded.settled_at, result = 'sent', code = excluded.code, detail = excluded.detail
            WHERE a.result IS NULL OR a.result = 'unknown'
        ), done AS (
            DELETE FROM sent_elsewhere AS s USING envelopes AS e
            WHERE e.id = s.envelope AND (e.state = 'sent' OR e.id IN (SELECT id FROM settled))
        )
        SELECT id FROM settled
        """
    )
    return len(rows)


async def begin(connection: Connection, older_copy: int, last_outcome: datetime | None, sent: int) -> None:
    """The outcomes are read."""
    await connection.execute(
        "INSERT INTO doubts (older_copy, last_outcome, sent) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING", older_copy, last_outcome, sent
    )


async def progress(connection: Connection, older_copy: int) -> asyncpg.Record | None:
    """How far it is known; None before the outcomes were read."""
    return await connection.fetchrow("SELECT read_at, last_outcome, sent, last_sequence FROM doubts WHERE older_copy = $1", older_copy)


async def end(connection: Connection, older_copy: int) -> bool:
    """Once all that lay in Kafka is read again and its digests are made: what comes from now on is new. → Whether it is so."""
    ended = await connection.fetchval(
        f"""
        UPDATE doubts SET last_sequence = (SELECT coalesce(max(sequence), 0) FROM messages)
        WHERE older_copy = $1 AND last_sequence IS NULL
          AND NOT EXISTS ({TO_BE_READ_AGAIN})
          AND NOT EXISTS (SELECT FROM digests WHERE made_at IS NULL AND moment <= now())
        RETURNING true
        """,  # noqa: S608 - constants
        older_copy,
    )
    return ended is True


async def doubtful(connection: Connection, older_copy: int, tenant: str, limit: int) -> list[asyncpg.Record]:
    """Envelopes of this tenant that may be out already, oldest first."""
    return await connection.fetch(
        f"""
        SELECT e.id AS envelope, e.message, m.message_type, m.order_number, m.name, e.address, e.state, e.attempts, e.detail, m.created_at
        FROM envelopes AS e JOIN messages AS m ON m.id = e.message
        WHERE e.tenant = $2 AND {_DOUBTFUL} ORDER BY m.sequence, e.sequence LIMIT $3
        """,  # noqa: S608 - a constant
        older_copy,
        tenant,
        limit,
    )


async def count_doubtful(connection: Connection, older_copy: int) -> int:
    """How many there are, of all tenants."""
    return int(await connection.fetchval(f"SELECT count(*) FROM envelopes AS e WHERE {_DOUBTFUL}", older_copy))  # noqa: S608 - a constant


async def hold_doubtful(connection: Connection, older_copy: int) -> int:
    """Keep these back, each for a person; what was being sent, or is unknown, stays unknown and goes nowhere by itself. → How many."""
    rows = await connection.fetch(
        f"""
        UPDATE envelopes AS e
        SET state = CASE WHEN e.state IN ('sending', 'unknown') THEN 'unknown' ELSE 'held' END, sender_id = NULL, due_at = NULL,
            hold_reason = CASE WHEN e.state NOT IN ('sending', 'unknown') THEN 'restored' END, hold_key = '', resent = true,
            detail = 'may have been sent before the database was restored from an older copy'
        WHERE e.hold_reason IS DISTINCT FROM 'restored' AND {_DOUBTFUL} RETURNING 1
        """,  # noqa: S608 - a constant
        older_copy,
    )
    return len(rows)


async def queue_held(connection: Connection) -> int:
    """Send what was kept back for a person to decide; → how many."""
    rows = await connection.fetch(
        """
        UPDATE envelopes SET state = 'pending', hold_reason = NULL, detail = '', due_at = now() WHERE hold_reason = 'restored' RETURNING 1
        """
    )
    return len(rows)
