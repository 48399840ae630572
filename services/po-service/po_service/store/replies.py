"""The replies to quantity requests, each revision."""

from po_service.domain.replies import Reply
from po_service.store import rows
from postroom.db import Connection


async def newest(connection: Connection, tenant: str, request: str, requester: str | None = None) -> list[Reply]:
    """The newest revision of each requester's reply, or of this requester's."""
    found = await connection.fetch(
        """
        SELECT DISTINCT ON (requester) * FROM quantity_replies
        WHERE tenant = $1 AND request = $2 AND ($3::text IS NULL OR requester = $3) ORDER BY requester, revision DESC
        """,
        tenant,
        request,
        requester,
    )
    return [rows.of(Reply, row) for row in found]


async def add(connection: Connection, reply: Reply) -> None:
    """The next revision."""
    await connection.execute(
        "INSERT INTO quantity_replies SELECT * FROM jsonb_populate_record(NULL::quantity_replies, $1)", rows.plain(reply)
    )
