"""Replies that came by mail: what they answer, and each once."""

from datetime import datetime

from mailer_service.domain.received import Answered, Received
from postroom import db
from postroom.db import Connection


async def answered(connection: Connection, message: str, now: datetime) -> Answered | None:
    """The correspondence behind a message id, if it was sent from here."""
    row = await connection.fetchrow(
        """
        SELECT id AS message, tenant, correspondence, order_id,
               (SELECT count(*) FROM received
                WHERE received.message = messages.id AND received_at > $2::timestamptz - interval '1 day') AS lately
        FROM messages WHERE id = $1 AND correspondence IS NOT NULL AND order_id IS NOT NULL
        """,
        message,
        now,
    )
    return Answered(**row) if row else None


async def add(connection: Connection, one: Received) -> bool:
    """Keep a reply; False if it came before."""
    return bool(
        await connection.fetchval(
            """
            INSERT INTO received (id, message, tenant, correspondence, order_id, message_id, return_path, from_address, subject, automatic,
                                  unclear, raw, size, received_at)
            VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)
            ON CONFLICT (id) DO NOTHING RETURNING true
            """,
            one.id,
            one.answered.message,
            one.answered.tenant,
            one.answered.correspondence,
            one.answered.order_id,
            one.found.message_id,
            one.return_path,
            one.found.from_address,
            one.found.subject,
            one.found.automatic,
            one.found.unclear,
            one.stored.raw.sha256,
            one.stored.raw.size,
            one.at,
        )
    )


async def count(connection: Connection) -> int:
    """Replies kept in all."""
    return await db.rows(connection, "received")
