"""Blanking: what the role `erase` may do, inside the operator's own transaction."""

from typing import Any

from commlog_service.domain.history import OrderPlace
from postroom.db import Connection


async def entries(connection: Connection, place: OrderPlace, ref: str) -> list[dict[str, Any]]:
    """The entries about this log or send that still have their content; the order's head must be locked."""
    rows = await connection.fetch(
        """
        SELECT entry, kind FROM history JOIN history_contents USING (tenant, order_id, entry)
        WHERE tenant = $1 AND order_id = $2 AND ref = $3 AND kind <> 'erasure' AND content IS NOT NULL ORDER BY entry
        """,
        *place,
        ref,
    )
    return [dict(row) for row in rows]


async def under_way(connection: Connection, send: str) -> int:
    """How many of the send's mails have no final outcome yet."""
    return int(
        await connection.fetchval(
            "SELECT count(*) FROM recipients WHERE send = $1 AND state IN ('queued', 'deferred', 'unknown', 'held')", send
        )
    )


async def become_eraser(connection: Connection) -> None:
    """From here on, and until `serve_again`, this transaction may blank, and nothing else."""
    await connection.execute("SET LOCAL ROLE commlog_service_erase")


async def serve_again(connection: Connection) -> None:
    """Back to the role that serves."""
    await connection.execute("SET LOCAL ROLE commlog_service_api")


async def blank_contents(connection: Connection, place: OrderPlace, entries: list[int]) -> None:
    """The contents and their salts go; their hashes stay in the chain."""
    await connection.execute(
        """
        UPDATE history_contents SET salt = NULL, content = NULL
        WHERE tenant = $1 AND order_id = $2 AND entry = ANY($3::bigint[])
        """,
        *place,
        entries,
    )


async def blank_log(connection: Connection, place: OrderPlace, log: str) -> None:
    """The log keeps its place, its type, its time and its author's id; what came with a reply by mail is not shown any more."""
    await connection.execute(
        """
        UPDATE logs SET message = '', author = author || '{"name": ""}', attachments = '[]', erased = true
        WHERE tenant = $1 AND order_id = $2 AND id = $3
        """,
        *place,
        log,
    )


async def blank_review(connection: Connection, place: OrderPlace, log: str) -> None:
    """The reply as it was held, where the log was one."""
    await connection.execute(
        """
        UPDATE reviews SET reply = reply || '{"text": "", "subject": "", "from_name": "", "from_address": "", "attachments": []}'
        WHERE tenant = $1 AND order_id = $2 AND id = $3
        """,
        *place,
        log,
    )


async def blank_send(connection: Connection, place: OrderPlace, send: str) -> None:
    """The send keeps its place, its time and its sender's id."""
    await connection.execute(
        """
        UPDATE sends SET subject = '', sender = sender || '{"name": ""}', documents = '[]', erased = true
        WHERE tenant = $1 AND order_id = $2 AND id = $3
        """,
        *place,
        send,
    )


async def blank_recipients(connection: Connection, tenant: str, send: str) -> None:
    """How many there were and what became of the mails stays; who they were goes."""
    await connection.execute(
        """
        UPDATE recipients AS r SET mailbox = 'erased-' || n, address = '', name = '', person = NULL, detail = ''
        FROM (SELECT mailbox, row_number() OVER (ORDER BY mailbox) AS n FROM recipients WHERE send = $2) AS numbered
        WHERE r.tenant = $1 AND r.send = $2 AND r.mailbox = numbered.mailbox
        """,
        tenant,
        send,
    )


async def blank_answers(connection: Connection, tenant: str, ref: str) -> None:
    """What a retry of the click would be answered."""
    await connection.execute(
        """
        UPDATE idempotency SET response = response || CASE WHEN response ? 'send'
            THEN jsonb_build_object('subject', '', 'documents', '[]'::jsonb, 'recipients', '[]'::jsonb, 'sender',
                                    response->'sender' || '{"name": ""}')
            ELSE jsonb_build_object('message', '', 'author', response->'author' || '{"name": ""}') END
        WHERE tenant = $1 AND (response->>'log' = $2 OR response->>'send' = $2)
        """,
        tenant,
        ref,
    )
