"""Budgets, and which of them a check looks at."""

from collections.abc import Sequence
from datetime import date

from po_service.domain.budgets import Budget
from po_service.store import rows
from postroom.db import Connection

Key = tuple[str, str]


async def put(connection: Connection, budget: Budget) -> None:
    """Write a budget as it now is."""
    await connection.execute(
        """
        INSERT INTO budgets SELECT * FROM jsonb_populate_record(NULL::budgets, $1)
        ON CONFLICT (tenant, id) DO UPDATE SET
            company = excluded.company, name = excluded.name, kind = excluded.kind, scope = excluded.scope,
            period_start = excluded.period_start, period_end = excluded.period_end, start_value = excluded.start_value,
            current_value = excluded.current_value, currency = excluded.currency, owner = excluded.owner, manager = excluded.manager
        """,
        rows.plain(budget),
    )


async def get(connection: Connection, tenant: str, id_: str) -> Budget | None:
    """One budget."""
    row = await connection.fetchrow("SELECT * FROM budgets WHERE tenant = $1 AND id = $2", tenant, id_)
    return rows.of(Budget, row) if row else None


async def candidates(connection: Connection, tenant: str | None, last_day: date) -> list[Key]:
    """(tenant, id) of budgets that may have run out by this day, sorted."""
    found = await connection.fetch(
        """
        SELECT b.tenant, b.id FROM budgets b
        WHERE ($1::text IS NULL OR b.tenant = $1) AND (b.period_end < $2 OR b.current_value <= 0)
          AND (SELECT count(*) FROM raised r WHERE r.tenant = b.tenant AND r.fact = 'BudgetExpired.v1'
               AND r.key IN (ARRAY[b.id, b.period_start::text, 'date'], ARRAY[b.id, b.period_start::text, 'exhausted'])) < 2
        ORDER BY b.tenant, b.id
        """,
        tenant,
        last_day,
    )
    return [(row["tenant"], row["id"]) for row in found]


async def locked(connection: Connection, keys: Sequence[Key]) -> list[Budget]:
    """These (tenant, id) with their company's zone, locked, so that a change waits for the check."""
    found = await connection.fetch(
        """
        SELECT b.*, coalesce(c.zone, 'UTC') AS zone FROM budgets b LEFT JOIN companies c ON (c.tenant, c.id) = (b.tenant, b.company)
        WHERE (b.tenant, b.id) IN (SELECT * FROM unnest($1::text[], $2::text[])) ORDER BY b.tenant, b.id FOR UPDATE OF b
        """,
        *zip(*keys, strict=True),
    )
    return [rows.of(Budget, row) for row in found]
