"""Budgets, what of them was raised, and the slots of scheduled tasks."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any

from po_service.domain.budgets import Budget
from po_service.store import rows
from postroom.db import Connection


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


async def candidates(connection: Connection, tenant: str | None, last_day: date) -> list[Budget]:
    """Budgets that may have run out by this day, with their company's zone; locked, so that a change waits for the check."""
    found = await connection.fetch(
        """
        SELECT b.*, coalesce(c.zone, 'UTC') AS zone FROM budgets b LEFT JOIN companies c ON (c.tenant, c.id) = (b.tenant, b.company)
        WHERE ($1::text IS NULL OR b.tenant = $1) AND (b.period_end < $2 OR b.current_value <= 0)
          AND (SELECT count(*) FROM budgets_raised r WHERE (r.tenant, r.budget, r.period_start) = (b.tenant, b.id, b.period_start)) < 2
        ORDER BY b.tenant, b.id FOR UPDATE OF b
        """,
        tenant,
        last_day,
    )
    return [rows.of(Budget, row) for row in found]


async def raise_once(connection: Connection, due: Sequence[tuple[Budget, str]]) -> set[tuple[str, str, str]]:
    """Mark (budget, reason) as raised for the budget's period; returns (tenant, budget, reason) of those that weren't."""
    found = await connection.fetch(
        """
        INSERT INTO budgets_raised (tenant, budget, period_start, reason)
        SELECT * FROM unnest($1::text[], $2::text[], $3::date[], $4::text[])
        ON CONFLICT DO NOTHING RETURNING tenant, budget, reason
        """,
        [budget.tenant for budget, _ in due],
        [budget.id for budget, _ in due],
        [budget.period_start for budget, _ in due],
        [reason for _, reason in due],
    )
    return {(row["tenant"], row["budget"], row["reason"]) for row in found}


async def orders_to_book(connection: Connection, tenant: str | None, last_day: date) -> list[tuple[str, str]]:
    """(tenant, order number) of orders with a note that waits for its automatic receipt and may be due by this day."""
    found = await connection.fetch(
        """
        SELECT DISTINCT o.tenant, o.number
        FROM delivery_notes n JOIN orders o ON o.id = n.order_id JOIN contracts c ON (c.tenant, c.id) = (o.tenant, o.contract)
        WHERE ($1::text IS NULL OR o.tenant = $1) AND c.automatic_receipt AND c.receipt_days IS NOT NULL
          AND coalesce(n.delivery_date, o.estimated_delivery) + c.receipt_days <= $2
          AND NOT EXISTS (SELECT FROM goods_receipts r WHERE r.note = n.id)
        """,
        tenant,
        last_day,
    )
    return [(row["tenant"], row["number"]) for row in found]


async def take_slot(connection: Connection, task: str, slot: datetime) -> bool:
    """True for the one who runs this slot."""
    taken = await connection.fetchval(
        "INSERT INTO task_slots (task, slot) VALUES ($1, $2) ON CONFLICT DO NOTHING RETURNING true", task, slot
    )
    return bool(taken)


async def slot_done(connection: Connection, task: str, slot: datetime, raised: int) -> None:
    """Keep how much a slot raised."""
    await connection.execute("UPDATE task_slots SET raised = $3 WHERE task = $1 AND slot = $2", task, slot, raised)


async def last_slots(connection: Connection) -> list[dict[str, Any]]:
    """Each task's newest slot."""
    found = await connection.fetch("SELECT DISTINCT ON (task) task, slot, run_at, raised FROM task_slots ORDER BY task, slot DESC")
    return [dict(row) for row in found]
