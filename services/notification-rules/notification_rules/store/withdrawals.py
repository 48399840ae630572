"""What was told and is void now."""

from collections.abc import Collection, Sequence

from notification_rules.domain.deciding import ClaimKey
from notification_rules.domain.withdrawing import Claimed, Thing, Told
from postroom.db import Connection


async def claimed(connection: Connection, things: Collection[Thing]) -> list[Claimed]:
    """What was claimed of these and is not withdrawn yet, for this transaction alone."""
    rows = await connection.fetch(
        """
        SELECT claims.tenant, claims.message_type, claims.key, claims.about, claims.messages
        FROM unnest($1::text[], $2::text[], $3::text[]) AS t (tenant, message_type, about)
        JOIN claims ON (claims.tenant, claims.message_type, claims.about) = (t.tenant, t.message_type, t.about)
        WHERE claims.withdrawn_at IS NULL
        FOR UPDATE OF claims
        """,
        *zip(*things, strict=True),
    )
    return [Claimed((row["tenant"], row["message_type"], row["key"]), row["about"], row["messages"]) for row in rows]


async def void_claims(connection: Connection, keys: Sequence[ClaimKey]) -> None:
    """Withdraw these."""
    await connection.execute(
        """
        UPDATE claims SET withdrawn_at = now()
        WHERE (tenant, message_type, key) IN (SELECT * FROM unnest($1::text[], $2::text[], $3::text[]))
        """,
        *zip(*keys, strict=True),
    )


async def told(connection: Connection, messages: Collection[str]) -> dict[str, Told]:
    """Who got these messages; of an event from before events were kept whole, the key is its subject."""
    rows = await connection.fetch(
        """
        SELECT d.message, d.message_type, d.person, d.hop, coalesce(p.language, 'en') AS language,
               coalesce(e.document ->> 'key', e.subject) AS key, e.written_at
        FROM decisions d
        JOIN events e ON (e.emitter, e.source, e.id) = (d.emitter, d.source, d.event_id)
        LEFT JOIN people p ON (p.tenant, p.person) = (d.tenant, d.person)
        WHERE d.message = ANY($1) AND d.outcome = 'message'
        """,
        list(messages),
    )
    return {
        row["message"]: Told(row["message_type"], row["person"], row["hop"], row["language"], row["key"], row["written_at"]) for row in rows
    }
