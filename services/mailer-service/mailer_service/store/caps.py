"""The counters of the caps; whoever counts holds their locks until its commit."""

from collections.abc import Collection, Mapping
from datetime import timedelta

from mailer_service.domain.caps import Caps, Key, Used
from postroom.db import Connection

# A period that lies further ahead than the next one was written by a clock that was wrong.
_CURRENT = "c.period BETWEEN date_bin($1, now(), 'epoch') AND date_bin($1, now(), 'epoch') + $1"
_LIMIT = """
    coalesce(nullif(CASE scope WHEN 'recipient' THEN $2 WHEN 'order' THEN $3 ELSE coalesce(($5::jsonb ->> tenant)::int, $4) END, 0),
             2147483647)
"""


async def count(connection: Connection, wanted: Mapping[Key, int], period: timedelta) -> dict[Key, Used]:
    """Add to these counters, each begun anew if its period is over; sorted, so that two mailers can't deadlock."""
    rows = await connection.fetch(
        f"""
        INSERT INTO caps AS c (scope, tenant, key, period, used)
        SELECT scope, tenant, key, date_bin($1, now(), 'epoch'), used
        FROM unnest($2::text[], $3::text[], $4::text[], $5::int[]) WITH ORDINALITY AS t (scope, tenant, key, used, n) ORDER BY n
        ON CONFLICT (scope, tenant, key) DO UPDATE
        SET period = CASE WHEN {_CURRENT} THEN c.period ELSE excluded.period END,
            used = CASE WHEN {_CURRENT} THEN c.used ELSE 0 END + excluded.used
        RETURNING scope, tenant, key, period, used, waiting
        """,  # noqa: S608 - a constant
        period,
        *zip(*((*key, wanted[key]) for key in sorted(wanted)), strict=True),
    )
    return {Key(row["scope"], row["tenant"], row["key"]): Used(row["used"], row["waiting"], row["period"]) for row in rows}


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
