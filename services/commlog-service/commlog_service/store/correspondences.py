"""Correspondences, their sends and the recipients' outcomes."""

from typing import Any

from commlog_service.domain.addresses import mailbox
from commlog_service.domain.correspondences import Correspondence, Send
from postroom.contracts.commlog import Attachment
from postroom.db import Connection

_SHOWN = """
    SELECT sends.id AS send, correspondence, sends.order_id AS "order", sends.tenant, sender, subject, scope, logs, documents, attach_pdf,
           requested_at, erased,
           (SELECT jsonb_agg(jsonb_build_object('address', address, 'name', name, 'kind', kind, 'person', person, 'state', state,
                                                'code', code, 'detail', detail, 'changed_at', changed_at) ORDER BY address)
            FROM recipients WHERE recipients.send = sends.id) AS recipients, sends.entry
    FROM sends
"""


async def open_(connection: Connection, supplier: str, one: Correspondence) -> None:
    """Keep a window that opened, with what it froze."""
    await connection.execute(
        """
        INSERT INTO correspondences (id, tenant, order_id, supplier, side, person, scope, logs, subject, contacts, documents, opened_at)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
        """,
        one.id,
        one.tenant,
        one.order_id,
        supplier,
        one.side,
        one.person,
        one.scope,
        one.logs,
        one.subject,
        [contact.model_dump() for contact in one.contacts],
        one.documents,
        one.opened_at,
    )


async def find(connection: Connection, correspondence_id: str) -> Correspondence | None:
    """A window, if this caller's side opened it."""
    row = await connection.fetchrow(
        """
        SELECT id, tenant, order_id, side, person, scope, logs, subject, contacts, documents, opened_at FROM correspondences WHERE id = $1
        """,
        correspondence_id,
    )
    return Correspondence.model_validate(dict(row)) if row else None


async def identical(connection: Connection, send: Send) -> str | None:
    """An earlier send on this order that said the same to the same people; the order's row must be locked."""
    found = await connection.fetchval(
        "SELECT id FROM sends WHERE tenant = $1 AND order_id = $2 AND fingerprint = $3 ORDER BY entry DESC LIMIT 1",
        send.order.tenant,
        send.order.id,
        send.fingerprint,
    )
    return str(found) if found else None


async def insert_send(connection: Connection, send: Send) -> None:
    """Keep a click on Send."""
    await connection.execute(
        """
        INSERT INTO sends (id, correspondence, tenant, order_id, supplier, entry, sender, subject, scope, logs, frozen, documents,
                           attach_pdf, fingerprint, requested_at)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)
        """,
        send.id,
        send.correspondence.id,
        send.order.tenant,
        send.order.id,
        send.order.supplier,
        send.entry,
        send.sender.model_dump(),
        send.subject,
        send.correspondence.scope,
        send.correspondence.logs,
        send.frozen.model_dump(),
        [document.model_dump() for document in send.documents],
        send.attach_pdf,
        send.fingerprint,
        send.requested_at,
    )


async def insert_recipients(connection: Connection, send: Send) -> None:
    """Keep who gets it, queued."""
    rows = [(mailbox(one.address), one.address, one.name, one.kind, one.person) for one in send.recipients]
    await connection.execute(
        """
        INSERT INTO recipients (send, tenant, supplier, changed_at, mailbox, address, name, kind, person)
        SELECT $1, $2, $3, $4, * FROM unnest($5::text[], $6::text[], $7::text[], $8::text[], $9::text[])
        """,
        send.id,
        send.order.tenant,
        send.order.supplier,
        send.requested_at,
        *zip(*rows, strict=True),
    )


async def sends_of(connection: Connection, correspondence_id: str) -> list[dict[str, Any]]:
    """The clicks on Send of one window, each with its recipients."""
    return [dict(row) for row in await connection.fetch(f"{_SHOWN} WHERE correspondence = $1 ORDER BY entry", correspondence_id)]


async def sends_on(connection: Connection, tenant: str, order_id: str, limit: int, before: int | None = None) -> list[dict[str, Any]]:
    """The newest sends of the order (before an entry), the oldest first."""
    found = await connection.fetch(
        f"""
        SELECT * FROM ({_SHOWN} WHERE tenant = $1 AND order_id = $2 AND ($3::bigint IS NULL OR entry < $3)
                       ORDER BY entry DESC LIMIT $4) AS page ORDER BY entry
        """,  # noqa: S608 - constants
        tenant,
        order_id,
        before,
        limit,
    )
    return [dict(row) for row in found]


async def count_on(connection: Connection, tenant: str, order_id: str) -> int:
    """How many sends the order has in all."""
    return int(await connection.fetchval("SELECT count(*) FROM sends WHERE tenant = $1 AND order_id = $2", tenant, order_id))


async def sent_document(connection: Connection, send: str, document: str) -> tuple[str, Attachment] | None:
    """(order, document) of a send, if this caller may see it."""
    row = await connection.fetchrow(
        """
        SELECT order_id, pinned FROM sends, jsonb_array_elements(documents) AS pinned WHERE id = $1 AND pinned->>'document' = $2
        """,
        send,
        document,
    )
    return (row["order_id"], Attachment.model_validate(row["pinned"])) if row else None


async def by_ref(connection: Connection, ref: str, limit: int) -> list[dict[str, Any]]:
    """The newest sends by their id, their window's, a log's, or their order's id or number, oldest first: for the operators' `explain`."""
    rows = await connection.fetch(
        f"""
        SELECT shown.*, number AS order_number FROM ({_SHOWN}) AS shown
        JOIN order_refs ON order_refs.tenant = shown.tenant AND order_refs.id = shown."order"
        WHERE send = $1 OR correspondence = $1 OR $1 = ANY(logs) OR shown."order" = $1 OR number = $1
        ORDER BY requested_at DESC LIMIT $2
        """,  # noqa: S608 - a constant
        ref,
        limit,
    )
    return [dict(row) for row in reversed(rows)]
