"""Templates and quantity requests, and which of them a scan looks at."""

from collections.abc import Sequence
from datetime import date
from typing import Any

from po_service.domain.schedules import Schedule
from po_service.domain.templates import Template
from po_service.store import rows
from postroom.db import Connection

Key = tuple[str, str]

_WITH_ZONE = """
    SELECT t.*, coalesce(c.zone, 'UTC') AS zone FROM templates t LEFT JOIN companies c ON (c.tenant, c.id) = (t.tenant, t.company)
"""


def _of(row: Any) -> Template:
    saved = row["schedule"]
    schedule = saved and Schedule(date.fromisoformat(saved["first_day"]), saved["every"], saved["interval"])
    return rows.of(Template, row, schedule=schedule)


async def put(connection: Connection, template: Template) -> None:
    """Write a template as it now is."""
    await connection.execute(
        """
        INSERT INTO templates SELECT * FROM jsonb_populate_record(NULL::templates, $1)
        ON CONFLICT (tenant, id) DO UPDATE SET
            name = excluded.name, company = excluded.company, owner = excluded.owner, items = excluded.items,
            assigned = excluded.assigned, schedule = excluded.schedule, valid_from = excluded.valid_from,
            valid_until = excluded.valid_until, active = excluded.active, withdrawn = excluded.withdrawn,
            next_due = excluded.next_due, released_by = excluded.released_by, released_at = excluded.released_at,
            version = excluded.version
        """,
        rows.plain(template),
    )


async def get(connection: Connection, tenant: str, id_: str) -> Template | None:
    """One template, locked until the transaction ends."""
    row = await connection.fetchrow(_WITH_ZONE + "WHERE t.tenant = $1 AND t.id = $2 FOR UPDATE OF t", tenant, id_)
    return _of(row) if row else None


async def some(
    connection: Connection, kind: str | None, company: str | None, assigned: str | None, limit: int, offset: int
) -> list[Template]:
    """Those of a kind or company, or with this person assigned, that the caller may see."""
    found = await connection.fetch(
        _WITH_ZONE
        + """
        WHERE ($1::text IS NULL OR t.kind = $1) AND ($2::text IS NULL OR t.company = $2)
          AND ($3::text IS NULL OR t.assigned @> jsonb_build_array(jsonb_build_object('person', $3)))
        ORDER BY t.name, t.id LIMIT $4 OFFSET $5
        """,
        kind,
        company,
        assigned,
        limit,
        offset,
    )
    return [_of(row) for row in found]


async def candidates(connection: Connection, tenant: str | None, last_day: date) -> list[Key]:
    """(tenant, id) of those that may be due by this day, sorted."""
    found = await connection.fetch(
        "SELECT tenant, id FROM templates WHERE ($1::text IS NULL OR tenant = $1) AND next_due <= $2 ORDER BY tenant, id",
        tenant,
        last_day,
    )
    return [(row["tenant"], row["id"]) for row in found]


async def locked(connection: Connection, keys: Sequence[Key]) -> list[Template]:
    """These (tenant, id) with their company's zone, locked until the transaction ends."""
    found = await connection.fetch(
        f"""
        {_WITH_ZONE} WHERE (t.tenant, t.id) IN (SELECT * FROM unnest($1::text[], $2::text[])) ORDER BY t.tenant, t.id FOR UPDATE OF t
        """,  # noqa: S608 - a constant
        *zip(*keys, strict=True),
    )
    return [_of(row) for row in found]


async def save_next_due(connection: Connection, templates: Sequence[Template]) -> None:
    """Which occurrence of each of these the next scan begins with."""
    await connection.execute(
        """
        UPDATE templates SET next_due = n.next_due
        FROM unnest($1::text[], $2::text[], $3::date[]) AS n (tenant, id, next_due)
        WHERE (templates.tenant, templates.id) = (n.tenant, n.id)
        """,
        [one.tenant for one in templates],
        [one.id for one in templates],
        [one.next_due for one in templates],
    )
