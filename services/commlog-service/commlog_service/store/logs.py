"""Logs: written once, read in their order."""

from commlog_service.domain.logs import Log
from commlog_service.domain.orders import Order
from postroom.db import Connection

# A log is sent when a correspondence has carried it.
_FROM = "logs LEFT JOIN sent_logs ON (sent_logs.tenant, sent_logs.order_id, sent_logs.log) = (logs.tenant, logs.order_id, logs.id)"
_SELECT = f"""
    SELECT logs.id AS log, log_type, message, author, created_at, logs.entry, logs.erased, origin, attachments, accepted_by,
           sent_logs.log IS NOT NULL AS sent
    FROM {_FROM}
"""  # noqa: S608 - a constant
# Of the side $3, only those that were sent, or came by mail.
_OF_ORDER = """
    logs.tenant = $1 AND logs.order_id = $2
    AND ($3::text IS NULL OR logs.side <> $3 OR logs.origin = 'e-mail' OR sent_logs.log IS NOT NULL)
"""


async def insert(connection: Connection, order: Order, log: Log) -> None:
    """Keep a log, for good."""
    await connection.execute(
        """
        INSERT INTO logs (id, tenant, order_id, supplier, entry, log_type, message, author, side, created_at, origin, attachments,
                          accepted_by)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)
        """,
        log.log,
        order.tenant,
        order.id,
        order.supplier,
        log.entry,
        log.log_type,
        log.message,
        log.author.model_dump(),
        log.author.side,
        log.created_at,
        log.origin,
        [one.model_dump() for one in log.attachments],
        log.accepted_by.model_dump() if log.accepted_by else None,
    )


async def of_order(
    connection: Connection,
    tenant: str,
    order_id: str,
    *,
    sent_only_of: str | None = None,
    limit: int | None = None,
    before: int | None = None,
) -> list[Log]:
    """The order's logs, the oldest first; of the side `sent_only_of`, only those that were sent; the newest `limit` before an entry."""
    rows = await connection.fetch(
        f"""
        SELECT * FROM ({_SELECT} WHERE {_OF_ORDER} AND ($4::bigint IS NULL OR logs.entry < $4) ORDER BY logs.entry DESC LIMIT $5) AS page
        ORDER BY entry
        """,  # noqa: S608 - constants
        tenant,
        order_id,
        sent_only_of,
        before,
        limit,
    )
    return [Log.model_validate(dict(row)) for row in rows]


async def count_of_order(connection: Connection, tenant: str, order_id: str, *, sent_only_of: str | None = None) -> int:
    """How many `of_order` has in all."""
    return int(
        await connection.fetchval(
            f"SELECT count(*) FROM {_FROM} WHERE {_OF_ORDER}",  # noqa: S608 - constants
            tenant,
            order_id,
            sent_only_of,
        )
    )


async def by_ids(connection: Connection, ids: list[str]) -> list[Log]:
    """These logs, the oldest first."""
    rows = await connection.fetch(f"{_SELECT} WHERE logs.id = ANY($1::text[]) ORDER BY logs.entry", ids)
    return [Log.model_validate(dict(row)) for row in rows]


async def by_ref(connection: Connection, ref: str, limit: int) -> list[dict[str, object]]:
    """The newest logs by their own id, their order's id or its number, oldest first: for the operators' `explain`."""
    rows = await connection.fetch(
        """
        SELECT logs.id AS log, logs.tenant, order_refs.id AS "order", number AS order_number, log_type, author, created_at
        FROM logs JOIN order_refs ON order_refs.tenant = logs.tenant AND order_refs.id = logs.order_id
        WHERE logs.id = $1 OR order_refs.id = $1 OR number = $1 ORDER BY created_at DESC LIMIT $2
        """,
        ref,
        limit,
    )
    return [dict(row) for row in reversed(rows)]
