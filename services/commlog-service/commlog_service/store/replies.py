"""Replies by mail: what they answer, a batch at a time, and the reviews."""

from collections.abc import Collection, Sequence
from datetime import datetime

from commlog_service.domain.logs import Acceptance
from commlog_service.domain.orders import Order
from commlog_service.domain.replies import Answered, Review
from postroom.contracts.mail import ReceivedFile
from postroom.db import Connection

_REVIEW = "SELECT id, tenant, order_id, side, reason, detail, reply, state, decided_by, decided_at FROM reviews"


async def answered(connection: Connection, sends: Collection[str]) -> dict[str, Answered]:
    """These sends, with their recipients."""
    rows = await connection.fetch(
        """
        SELECT sends.id AS send, sends.tenant, sends.order_id, sender->>'side' AS side,
               (SELECT coalesce(jsonb_agg(jsonb_build_object('mailbox', mailbox, 'name', name, 'person', person)), '[]')
                FROM recipients WHERE recipients.send = sends.id) AS recipients
        FROM sends WHERE sends.id = ANY($1::text[])
        """,
        list(sends),
    )
    return {row["send"]: Answered.model_validate(dict(row)) for row in rows}


async def orders(connection: Connection, places: Collection[tuple[str, str]]) -> dict[tuple[str, str], Order]:
    """These orders (tenant, id), as po-service told them last."""
    rows = await connection.fetch(
        """
        SELECT tenant, id, number, supplier, supplier_name, buyer, buyer_name, contract, people FROM order_refs
        WHERE (tenant, id) IN (SELECT * FROM unnest($1::text[], $2::text[]))
        """,
        [tenant for tenant, _ in places],
        [order for _, order in places],
    )
    return {(row["tenant"], row["id"]): Order.model_validate(dict(row)) for row in rows}


async def file_of(connection: Connection, order: Order, log: str, sha256: str) -> ReceivedFile | None:
    """A file of a reply on this order. Both sides see every reply, also where a tenant hides logs that weren't sent."""
    found = await connection.fetchval(
        """
        SELECT file FROM logs, jsonb_array_elements(attachments) AS file
        WHERE id = $1 AND tenant = $2 AND order_id = $3 AND origin = 'e-mail' AND file->>'sha256' = $4 LIMIT 1
        """,
        log,
        order.tenant,
        order.id,
        sha256,
    )
    return ReceivedFile.model_validate(found) if found else None


async def hold(connection: Connection, reviews: Sequence[tuple[Review, str]]) -> None:
    """Keep these reviews, each with its order's supplier."""
    await connection.execute(
        """
        INSERT INTO reviews (id, tenant, order_id, supplier, side, send, reason, detail, reply, received_at)
        SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[], $9::jsonb[],
                             $10::timestamptz[])
        ON CONFLICT (id) DO NOTHING
        """,
        [one.id for one, _ in reviews],
        [one.tenant for one, _ in reviews],
        [one.order_id for one, _ in reviews],
        [supplier for _, supplier in reviews],
        [one.side for one, _ in reviews],
        [one.reply.send for one, _ in reviews],
        [one.reason for one, _ in reviews],
        [one.detail for one, _ in reviews],
        [one.reply.model_dump(mode="json") for one, _ in reviews],
        [one.reply.received_at for one, _ in reviews],
    )


async def count_held(connection: Connection, tenant: str, order_id: str) -> int:
    """How many wait for this caller's side."""
    return int(
        await connection.fetchval("SELECT count(*) FROM reviews WHERE tenant = $1 AND order_id = $2 AND state = 'open'", tenant, order_id)
    )


async def of_order(connection: Connection, tenant: str, order_id: str) -> list[Review]:
    """The order's reviews that this caller may see, the oldest first."""
    rows = await connection.fetch(f"{_REVIEW} WHERE tenant = $1 AND order_id = $2 ORDER BY received_at, id", tenant, order_id)
    return [Review.model_validate(dict(row)) for row in rows]


async def take(connection: Connection, review: str) -> Review | None:
    """A review that this caller may see; its row stays locked until the transaction ends, so that it is decided once."""
    row = await connection.fetchrow(f"{_REVIEW} WHERE id = $1 FOR UPDATE", review)
    return Review.model_validate(dict(row)) if row else None


async def decide(connection: Connection, review: str, state: str, who: Acceptance, at: datetime) -> None:
    """Write what was decided about an open review."""
    await connection.execute(
        "UPDATE reviews SET state = $2, decided_by = $3, decided_at = $4 WHERE id = $1 AND state = 'open'",
        review,
        state,
        who.model_dump(),
        at,
    )
