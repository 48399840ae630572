"""A relay on trial: one envelope is taken to try it with; what it had refused comes when it is well."""

from uuid import UUID

from mailer_service.store.envelopes import Row
from postroom.db import Connection


async def take_one(connection: Connection, sender: UUID) -> list[Row]:
    """Lease one due envelope to this sender: the first that isn't in doubt itself, else the first of those that are."""
    return await connection.fetch(
        """
        WITH me AS MATERIALIZED (
            SELECT id FROM senders WHERE id = $1 AND expires_at > now() FOR KEY SHARE
        ), untried AS MATERIALIZED (
            SELECT id FROM envelopes WHERE due_at <= now() AND refused_at IS NULL AND EXISTS (SELECT FROM me)
            ORDER BY due_at, sequence LIMIT 1 FOR UPDATE SKIP LOCKED
        ), refused AS MATERIALIZED (
            SELECT id FROM envelopes WHERE due_at <= now() AND EXISTS (SELECT FROM me) AND NOT EXISTS (SELECT FROM untried)
            ORDER BY due_at, sequence LIMIT 1 FOR UPDATE SKIP LOCKED
        )
        UPDATE envelopes AS e SET state = 'leased', sender_id = $1, due_at = NULL
        FROM (SELECT id FROM untried UNION ALL SELECT id FROM refused) AS due WHERE e.id = due.id
        RETURNING e.id, e.sequence, e.message, e.address, e.person, e.attempts, e.waited, e.resent, e.refused_at
        """,
        sender,
    )


async def hasten(connection: Connection) -> None:
    """Make due now what was refused while it was in doubt whether that was the relay's fault."""
    await connection.execute("UPDATE envelopes SET due_at = now() WHERE state = 'deferred' AND refused_at IS NOT NULL AND due_at > now()")
