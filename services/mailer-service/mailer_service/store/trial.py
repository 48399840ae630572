"""A relay on trial: one envelope is taken to try it with; what it had refused comes when it is well."""

from collections.abc import Sequence
from uuid import UUID

from mailer_service.domain.fair import Lane
from mailer_service.store.envelopes import Row
from postroom.db import Connection

FIRST_TRIES = 3


async def due_one(connection: Connection, sender: UUID, lanes: Sequence[Lane], doubted: Sequence[str]) -> list[Row]:
    """Lock one due envelope of these lanes for this sender: one that isn't in doubt, nor to one of the `doubted` domains; else any."""
    return await connection.fetch(
        """
        WITH me AS MATERIALIZED (
            SELECT id FROM senders WHERE id = $1 AND expires_at > now() AND may_send() FOR KEY SHARE
        ), firsts AS MATERIALIZED (
            SELECT own.* FROM unnest($2::text[], $3::text[]) AS lane (tenant, message_type)
            CROSS JOIN (VALUES (false), (true)) AS doubt (there)
            CROSS JOIN LATERAL (
                SELECT id, sequence, due_at, message, tenant, address, person, message_type, order_id, attempts, waited, resent, refused_at,
                       admitted_at IS NOT NULL OR attempts > 0 AS admitted, doubt.there AS doubted
                FROM envelopes
                WHERE tenant = lane.tenant AND message_type = lane.message_type AND due_at <= now()
                  AND (refused_at IS NOT NULL OR split_part(address, '@', 2) = ANY ($4)) = doubt.there AND EXISTS (SELECT FROM me)
                ORDER BY due_at, sequence LIMIT 1 FOR UPDATE SKIP LOCKED
            ) AS own
        )
        SELECT * FROM firsts ORDER BY doubted, due_at, sequence LIMIT 1
        """,
        sender,
        *zip(*lanes, strict=True),
        doubted,
    )


async def hasten(connection: Connection) -> None:
    """Make due now what was refused while it was in doubt whether that was the relay's fault.

    A refusal in doubt has its moment from the same transaction that deferred the envelope. What the relay refused although it was well is
    counted as waited, and waits its time: after its first tries, for when something goes wrong, another sender may still call it well.
    """
    await connection.execute(
        """
        UPDATE envelopes SET due_at = now(),
            waited = CASE WHEN refused_at = changed_at THEN waited ELSE greatest(waited - (due_at - now()), '0') END
        WHERE state = 'deferred' AND due_at > now() AND (refused_at = changed_at OR refused_at IS NOT NULL AND attempts <= $1)
        """,
        FIRST_TRIES,
    )
