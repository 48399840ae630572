"""The counters of the caps; whoever counts holds their locks until its commit."""

from collections.abc import Collection, Mapping
from datetime import datetime, timedelta

from mailer_service.domain.caps import BY_PEOPLE, Caps, Key, OfTenant, Used
from postroom.db import Connection

# A period that lies further ahead than the next one was written by a clock that was wrong.
_CURRENT = "c.period BETWEEN date_bin($1, now(), 'epoch') AND date_bin($1, now(), 'epoch') + $1"
_LIMIT = """
    coalesce(nullif(CASE scope WHEN 'recipient' THEN $2 WHEN 'order' THEN $3 ELSE coalesce(($5::jsonb ->> tenant)::int, $4) END, 0),
             2147483647)
"""


async def count(connection: Connection, wanted: Mapping[Key, int], period: timedelta) -> dict[Key, OfTenant]:
    """Add to these counters, each begun anew if its period is over; sorted, so that two mailers can't deadlock."""
    rows = await connection.fetch(
        f"""
        INSERT INTO caps AS c (scope, tenant, key, period, used)
        SELECT scope, tenant, key, date_bin($1, now(), 'epoch'), used
        FROM unnest($2::text[], $3::text[], $4::text[], $5::int[]) WITH ORDINALITY AS t (scope, tenant, key, used, n) ORDER BY n
        ON CONFLICT (scope, tenant, key) DO UPDATE
        SET period = CASE WHEN {_CURRENT} THEN c.period ELSE excluded.period END,
            used = CASE WHEN {_CURRENT} THEN c.used ELSE 0 END + excluded.used,
            sieve = CASE WHEN {_CURRENT} THEN c.sieve ELSE '' END
        RETURNING scope, tenant, key, period, used, waiting, sieve,
                  scope = 'tenant' AND EXISTS (SELECT FROM caps AS other WHERE other.waiting AND other.tenant = c.tenant) AS anybody
        """,  # noqa: S608 - a constant
        period,
        *zip(*((*key, wanted[key]) for key in sorted(wanted)), strict=True),
    )
    return {
        Key(row["scope"], row["tenant"], row["key"]): OfTenant(
            Used(row["used"], row["waiting"], row["period"]), row["sieve"], row["anybody"]
        )
        for row in rows
    }


async def waiting(connection: Connection, keys: Collection[Key]) -> set[Key]:
    """Those of the keys at which somebody waits."""
    rows = await connection.fetch(
        """
        SELECT scope, tenant, key FROM caps
        WHERE waiting AND (scope, tenant, key) IN (SELECT * FROM unnest($1::text[], $2::text[], $3::text[]))
        """,
        *zip(*keys, strict=True),
    )
    return {Key(*row) for row in rows}


async def keep_sieves(connection: Connection, sieves: Mapping[Key, bytes]) -> None:
    """Of tenants whose rows are locked."""
    await connection.execute(
        """
        UPDATE caps AS c SET sieve = t.sieve FROM unnest($1::text[], $2::text[], $3::text[], $4::bytea[]) AS t (scope, tenant, key, sieve)
        WHERE (c.scope, c.tenant, c.key) = (t.scope, t.tenant, t.key)
        """,
        *zip(*((*key, sums) for key, sums in sieves.items()), strict=True),
    )


async def count_exactly(connection: Connection, of: Key, scope: str, bucket: int, began: datetime, period: timedelta) -> None:
    """The recipients or orders of one place in a tenant's sieve, from what set out in this period: from now on each has its own counter."""
    await connection.execute(
        """
        INSERT INTO caps (scope, tenant, key, period, used)
        SELECT $1, $2, $3 || key, $4, count(*) FROM (
            SELECT CASE $1 WHEN 'recipient' THEN address ELSE order_id END AS key FROM envelopes
            WHERE tenant = $2 AND admitted_at >= $4 AND admitted_at < $4 + $5::interval AND (message_type = ANY ($6)) = ($3 <> '')
        ) AS admitted WHERE key IS NOT NULL AND get_byte(decode(md5(key), 'hex'), 0) % 128 = $7 GROUP BY key
        ON CONFLICT (scope, tenant, key) DO UPDATE SET period = excluded.period, used = excluded.used
        """,
        scope,
        of.tenant,
        of.key,
        began,
        period,
        list(BY_PEOPLE),
        bucket,
    )


async def settle(connection: Connection, refunds: Mapping[Key, int], looked_at: Collection[Key]) -> None:
    """Give back what was counted and doesn't set out, and note where somebody waits: `looked_at` are those where that may have changed."""
    keys = sorted(refunds.keys() | set(looked_at))
    await connection.execute(
        """
        UPDATE caps AS c SET used = c.used - t.refund,
            waiting = CASE WHEN t.look THEN EXISTS (
                SELECT FROM envelopes WHERE hold_reason = 'cap_' || c.scope AND tenant = c.tenant AND hold_key = c.key) ELSE c.waiting END
        FROM unnest($1::text[], $2::text[], $3::text[], $4::int[], $5::bool[]) AS t (scope, tenant, key, refund, look)
        WHERE (c.scope, c.tenant, c.key) = (t.scope, t.tenant, t.key)
        """,
        *zip(*((*key, refunds.get(key, 0), key in looked_at) for key in keys), strict=True),
    )


async def released(connection: Connection, caps: Caps, limit: int) -> list[Key]:
    """Where somebody waits and there is room: the period is over, or the cap is higher than it was."""
    rows = await connection.fetch(
        f"""
        SELECT scope, tenant, key FROM caps AS c WHERE waiting AND (NOT ({_CURRENT}) OR used < {_LIMIT})
        ORDER BY period, scope, tenant, key LIMIT $6
        """,  # noqa: S608 - constants
        caps.period,
        caps.recipient,
        caps.order,
        caps.tenant,
        dict(caps.tenants),
        limit,
    )
    return [Key(*row) for row in rows]


async def forget(connection: Connection, period: timedelta, limit: int) -> int:
    """Remove counters of periods that are long over, some at a time; returns how many."""
    rows = await connection.fetch(
        """
        DELETE FROM caps WHERE ctid = ANY (ARRAY(
            SELECT ctid FROM caps WHERE NOT waiting AND period < now() - 2 * $1::interval LIMIT $2 FOR UPDATE SKIP LOCKED)) RETURNING 1
        """,
        period,
        limit,
    )
    return len(rows)
