"""The hours that people's mail waits for come at once: their digests fall due, and their quiet hours end."""

import asyncpg

# A digest's moment is its key: each gets one of its own.
_DIGESTS = """
    WITH due AS (
        SELECT tenant, person, moment, now() - row_number() OVER (ORDER BY tenant, person, moment) * interval '1 microsecond' AS at
        FROM digests WHERE made_at IS NULL AND moment > now()
    ), entries AS (
        UPDATE digest_entries AS e SET moment = due.at FROM due
        WHERE (e.tenant, e.person, e.moment) = (due.tenant, due.person, due.moment) AND digest IS NULL
    )
    UPDATE digests AS d SET moment = due.at FROM due WHERE (d.tenant, d.person, d.moment) = (due.tenant, due.person, due.moment)
"""
_QUIET = "UPDATE envelopes SET due_at = now() WHERE state = 'pending' AND due_at > now() AND detail LIKE 'quiet hours%'"


async def come(postgres: str) -> None:
    """Raises what asyncpg does while the database is away."""
    connection = await asyncpg.connect(f"{postgres}/mailer_service", timeout=5)
    try:
        await connection.execute(_QUIET, timeout=20)
        async with connection.transaction():
            # Nobody adds an entry to a digest meanwhile.
            await connection.execute("LOCK TABLE digests IN SHARE ROW EXCLUSIVE MODE", timeout=20)
            await connection.execute(_DIGESTS, timeout=20)
    finally:
        await connection.close(timeout=5)
