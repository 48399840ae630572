"""What the scan for delivery-note reminders looks at."""

from collections.abc import Sequence
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


async def orders_due(connection: Connection, cutoffs: Sequence[Cutoff]) -> list[tuple[str, str, str]]:
    """(id, tenant, number) of orders with a line that is due and not yet raised, sorted by id."""
    found = await connection.fetch(
        """
        -- First what may be due at all, by its index: else the planner, without statistics, reads each contract's orders of all times.
        WITH l AS MATERIALIZED (SELECT o.id, o.tenant, o.number, o.contract, line, awaited
                                FROM order_lines JOIN orders o ON o.id = order_id WHERE awaited <= $2)
        SELECT id, l.tenant, number
        FROM l JOIN jsonb_to_recordset($1::jsonb) AS due (tenant text, contract text, level int, until date)
             ON (due.tenant, due.contract) = (l.tenant, l.contract) AND awaited <= until
        -- Looked up by key for each due line: as an anti-join the planner, without statistics, compares each line with all that was raised.
        WHERE (SELECT r.key FROM raised r WHERE r.tenant = l.tenant AND r.fact = 'DeliveryNoteOverdue.v1'
               AND r.key = ARRAY[id, line, level::text, awaited::text]) IS NULL
          -- The third level settles the second.
          AND (SELECT r.key FROM raised r WHERE level = 2 AND r.tenant = l.tenant AND r.fact = 'DeliveryNoteOverdue.v1'
               AND r.key = ARRAY[id, line, '3', awaited::text]) IS NULL
        GROUP BY id, l.tenant, number ORDER BY id
        """,
        [{"tenant": tenant, "contract": contract, "level": level, "until": str(until)} for tenant, contract, level, until in cutoffs],
        max((until for _, _, _, until in cutoffs), default=None),
    )
    return [(row["id"], row["tenant"], row["number"]) for row in found]


async def lock(connection: Connection, ids: Sequence[str]) -> None:
    """Wait for whoever changes these orders, and let none of them go on before this transaction ends.

    Row locks suffice, for nothing of the orders is written: they are saved before their events are, so that a note recorded meanwhile is
    either seen here, or told after what is told here.
    """
    await connection.execute("SELECT FROM orders WHERE id = ANY($1) ORDER BY id FOR NO KEY UPDATE", ids)
