"""What the scan for delivery-note reminders looks at."""

from collections.abc import Iterable, Sequence
from datetime import date

from po_service.domain.calendars import Calendar
from po_service.domain.contracts import Contract
from po_service.domain.reminders import Option
from po_service.store import rows
from postroom.db import Connection

Cutoff = tuple[str, str, int, date]
"""(tenant, contract, level, the latest delivery date that is due)"""


async def options(connection: Connection, tenant: str | None) -> list[Option]:
    """The contracts with a reminder activated, each with its buying company's working days and zone."""
    found = await connection.fetch(
        """
        SELECT c.*, coalesce(o.zone, 'UTC') AS zone, coalesce(o.country, '') AS country, coalesce(o.subdivision, '') AS subdivision,
               coalesce(o.extra_holidays, '{}') AS extra_holidays, coalesce(o.extra_working_days, '{}') AS extra_working_days
        FROM contracts c LEFT JOIN companies o ON (o.tenant, o.id) = (c.tenant, c.buyer)
        WHERE ($1::text IS NULL OR c.tenant = $1) AND num_nonnulls(c.first_reminder, c.second_reminder, c.third_reminder) > 0
        ORDER BY c.tenant, c.id
        """,
        tenant,
    )
    return [Option(rows.of(Contract, row), rows.of(Calendar, row), row["zone"]) for row in found]


async def orders_due(connection: Connection, cutoffs: Iterable[Cutoff]) -> list[tuple[str, str, str]]:
    """(id, tenant, number) of orders with a line that is due and not yet raised, sorted by id."""
    found = await connection.fetch(
        """
        SELECT o.id, o.tenant, o.number
        FROM jsonb_to_recordset($1::jsonb) AS due (tenant text, contract text, level int, until date)
        JOIN orders o ON (o.tenant, o.contract) = (due.tenant, due.contract)
        JOIN order_lines l ON l.order_id = o.id AND l.awaited <= due.until
        WHERE NOT EXISTS (SELECT FROM raised r WHERE r.tenant = o.tenant AND r.fact = 'DeliveryNoteOverdue.v1'
                          AND r.key = ARRAY[o.id, l.line, due.level::text, l.awaited::text])
          -- The third level settles the second.
          AND NOT EXISTS (SELECT FROM raised r WHERE due.level = 2 AND r.tenant = o.tenant AND r.fact = 'DeliveryNoteOverdue.v1'
                          AND r.key = ARRAY[o.id, l.line, '3', l.awaited::text])
        GROUP BY o.id ORDER BY o.id
        """,
        [{"tenant": tenant, "contract": contract, "level": level, "until": str(until)} for tenant, contract, level, until in cutoffs],
    )
    return [(row["id"], row["tenant"], row["number"]) for row in found]


async def lock(connection: Connection, ids: Sequence[str]) -> None:
    """Wait for whoever changes these orders, and let none of them go on before this transaction ends.

    Row locks, since a scan may hold more orders than Postgres has room for advisory ones: orders are saved before their events are written,
    so that a note recorded meanwhile is either seen here, or told after what is told here.
    """
    await connection.execute("SELECT FROM orders WHERE id = ANY($1) ORDER BY id FOR NO KEY UPDATE", ids)
