"""What trying out a template reads."""

from typing import Any

from mailer_service.domain.samples import TEST
from postroom.db import Connection


async def message(connection: Connection, message: str) -> dict[str, Any] | None:
    """A past message with its facts."""
    row = await connection.fetchrow("SELECT * FROM messages WHERE id = $1", message)
    return dict(row) if row else None


async def event_of(connection: Connection, message_type: str) -> str | None:
    """The type of the event that messages of this type come from; None if there is no message yet."""
    found: str | None = await connection.fetchval(
        "SELECT cause ->> 'type' FROM messages WHERE message_type = $1 AND cause ->> 'type' <> $2 LIMIT 1", message_type, TEST
    )
    return found
