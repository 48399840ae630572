"""All that an audit compares: each order's chain with its contents, and what the service shows of it today."""

from collections.abc import AsyncIterator
from typing import Any

from postroom.db import Connection

# Also where only one of the tables knows the order: a row that was left behind tells of what was deleted.
_PLACES = """
    SELECT id AS order_id FROM order_refs WHERE tenant = $1 AND ($2::text IS NULL OR id = $2 OR number = $2)
    UNION SELECT order_id FROM history_heads WHERE tenant = $1 AND ($2::text IS NULL OR order_id = $2)
    UNION SELECT order_id FROM history WHERE tenant = $1 AND ($2::text IS NULL OR order_id = $2)
    UNION SELECT order_id FROM history_contents WHERE tenant = $1 AND ($2::text IS NULL OR order_id = $2)
    UNION SELECT order_id FROM logs WHERE tenant = $1 AND ($2::text IS NULL OR order_id = $2)
    UNION SELECT order_id FROM sends WHERE tenant = $1 AND ($2::text IS NULL OR order_id = $2)
"""


async def beginning(connection: Connection, tenant: str, order: str | None) -> dict[str, Any]:
    """The first line: how many orders follow, and the heads that are still on their way to Kafka or to the file."""
    row = await connection.fetchrow(
        f"""
        SELECT (SELECT count(*) FROM ({_PLACES}) AS places) AS orders,
               (SELECT coalesce(jsonb_agg(jsonb_build_array(order_id, entry, hash)), '[]') FROM unfiled_heads WHERE tenant = $1) AS file,
               (SELECT coalesce(jsonb_agg(jsonb_build_array(told->'order', told->'entry', told->'hash')), '[]')
                FROM outbox, LATERAL (SELECT convert_from(value, 'UTF8')::jsonb AS told) AS value
                WHERE topic = 'history' AND published_at IS NULL
                  AND headers @> jsonb_build_array(jsonb_build_array('ce_tenant', $1::text))) AS kafka
        """,  # noqa: S608 - a constant
        tenant,
        order,
    )
    assert row is not None  # noqa: S101 - an aggregate without GROUP BY
    return {"tenant": tenant, "orders": row["orders"], "pending": {"file": row["file"], "kafka": row["kafka"]}}


async def orders(connection: Connection, tenant: str, order: str | None) -> AsyncIterator[dict[str, Any]]:
    """Each order of the tenant, or the one with this id or number; as few in memory at once as the cursor takes.

    Rows come with all their columns: the audit compares each that an entry speaks of, also one that is added later.
    """
    cursor = connection.cursor(
        f"""
        SELECT place.order_id AS "order", ref.number,
               (SELECT jsonb_build_object('entry', entry, 'hash', hash, 'supplier', supplier) FROM history_heads AS h
                WHERE h.tenant = $1 AND h.order_id = place.order_id) AS head,
               (SELECT coalesce(jsonb_agg(jsonb_build_object(
                    'entry', h.entry, 'kind', kind, 'ref', ref, 'actor', actor, 'at', moment(at), 'supplier', h.supplier,
                    'content_hash', content_hash, 'hash', hash, 'salt', encode(salt, 'hex'), 'content', content) ORDER BY h.entry), '[]')
                FROM history AS h LEFT JOIN history_contents AS c ON (c.tenant, c.order_id, c.entry) = (h.tenant, h.order_id, h.entry)
                WHERE h.tenant = $1 AND h.order_id = place.order_id) AS entries,
               (SELECT coalesce(jsonb_agg(to_jsonb(l) || jsonb_build_object(
                    'log', id, 'created_at', moment(created_at),
                    'sent', EXISTS (SELECT FROM sent_logs AS s WHERE (s.tenant, s.order_id, s.log) = (l.tenant, l.order_id, l.id)))
                    ORDER BY entry), '[]')
                FROM logs AS l WHERE tenant = $1 AND order_id = place.order_id) AS logs,
               (SELECT coalesce(jsonb_agg(to_jsonb(s) || jsonb_build_object(
                    'send', id, 'requested_at', moment(requested_at),
                    'recipients', (
                        SELECT coalesce(jsonb_agg(
                            to_jsonb(r) || jsonb_build_object('changed_at', moment(changed_at)) ORDER BY mailbox), '[]')
                        FROM recipients AS r WHERE r.send = s.id AND r.tenant = $1)) ORDER BY entry), '[]')
                FROM sends AS s WHERE tenant = $1 AND order_id = place.order_id) AS sends
        FROM ({_PLACES}) AS place LEFT JOIN order_refs AS ref ON ref.tenant = $1 AND ref.id = place.order_id
        ORDER BY place.order_id
        """,  # noqa: S608 - a constant
        tenant,
        order,
        prefetch=20,
    )
    async for row in cursor:
        yield dict(row)
