"""What was told and is void now."""

from collections.abc import Collection

from notification_rules.domain.withdrawing import Thing, Told
from postroom.db import Connection


async def void_claims(connection: Connection, things: Collection[Thing]) -> list[tuple[Thing, list[str]]]:
    """Withdraw what was claimed of these, each claim once. Returns what it was, with the messages that told it."""
    rows = await connection.fetch(
        """
        UPDATE claims SET withdrawn_at = now()
        FROM unnest($1::text[], $2::text[], $3::text[]) AS t (tenant, message_type, about)
        WHERE (claims.tenant, claims.message_type, claims.about) = (t.tenant, t.message_type, t.about) AND withdrawn_at IS NULL
        RETURNING claims.tenant, claims.message_type, claims.about, messages
        """,
        *zip(*things, strict=True),
    )
    return [((row["tenant"], row["message_type"], row["about"]), row["messages"]) for row in rows]


async def told(connection: Connection, messages: Collection[str]) -> dict[str, Told]:
    """Who got these messages; of an event from before events were kept whole, the key is its subject."""
    rows = await connection.fetch(
        """
        SELECT d.message, d.message_type, d.person, d.hop, coalesce(p.language, 'en') AS language,
               coalesce(e.document ->> 'key', e.subject) AS key
        FROM decisions d
        JOIN events e ON (e.emitter, e.source, e.id) = (d.emitter, d.source, d.event_id)
        LEFT JOIN people p ON (p.tenant, p.person) = (d.tenant, d.person)
        WHERE d.message = ANY($1) AND d.outcome = 'message'
        """,
        list(messages),
    )
    return {row["message"]: Told(row["message_type"], row["person"], row["hop"], row["language"], row["key"]) for row in rows}
