"""What was told before, by which messages."""

from collections.abc import Collection

from notification_rules.domain.deciding import ClaimKey
from postroom.db import Connection


async def told(connection: Connection, keys: Collection[ClaimKey]) -> dict[ClaimKey, list[str]]:
    """Of these claims those that are taken, each with its messages."""
    rows = await connection.fetch(
        """
        SELECT tenant, message_type, key, messages FROM claims
        WHERE (tenant, message_type, key) IN (SELECT * FROM unnest($1::text[], $2::text[], $3::text[]))
        """,
        *([key[n] for key in keys] for n in range(3)),
    )
    return {(row["tenant"], row["message_type"], row["key"]): row["messages"] for row in rows}


async def told_about(connection: Connection, tenant: str, things: Collection[tuple[str, str]]) -> dict[tuple[str, str], list[str]]:
    """(message type, about) → the messages that have told of it and were not withdrawn."""
    rows = await connection.fetch(
        """
        SELECT message_type, about, array_agg(DISTINCT message) AS messages FROM claims, unnest(messages) AS message
        WHERE tenant = $1 AND withdrawn_at IS NULL AND (message_type, about) IN (SELECT * FROM unnest($2::text[], $3::text[]))
        GROUP BY message_type, about
        """,
        tenant,
        [type_ for type_, _ in things],
        [about for _, about in things],
    )
    return {(row["message_type"], row["about"]): row["messages"] for row in rows}


async def messages_of(connection: Connection, event: tuple[str, str, str]) -> frozenset[str]:
    """The messages that this event (emitter, source, id) has led to."""
    rows = await connection.fetch(
        "SELECT message FROM decisions WHERE (emitter, source, event_id) = ($1, $2, $3) AND outcome = 'message'", *event
    )
    return frozenset(row["message"] for row in rows)
