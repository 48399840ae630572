"""Cost codes and credit cards, and which of them a scan looks at."""

from collections.abc import Sequence
from datetime import date

from po_service.domain.structures import ControlStructure
from po_service.store import rows
from postroom.db import Connection

Key = tuple[str, str]


async def put(connection: Connection, structure: ControlStructure) -> None:
    """Write a control structure as it now is."""
    await connection.execute(
        """
        INSERT INTO control_structures SELECT * FROM jsonb_populate_record(NULL::control_structures, $1)
        ON CONFLICT (tenant, id) DO UPDATE SET
            kind = excluded.kind, company = excluded.company, code = excluded.code, name = excluded.name,
            valid_until = excluded.valid_until, person_responsible = excluded.person_responsible, lead_days = excluded.lead_days
        """,
        rows.plain(structure),
    )


async def get(connection: Connection, tenant: str, id_: str) -> ControlStructure | None:
    """One control structure."""
    row = await connection.fetchrow("SELECT * FROM control_structures WHERE tenant = $1 AND id = $2", tenant, id_)
    return rows.of(ControlStructure, row) if row else None


async def some(connection: Connection, kind: str | None, company: str | None, limit: int, offset: int) -> list[ControlStructure]:
    """Those of a kind or company that the caller may see, the first to expire first."""
    found = await connection.fetch(
        """
        SELECT * FROM control_structures WHERE ($1::text IS NULL OR kind = $1) AND ($2::text IS NULL OR company = $2)
        ORDER BY valid_until, id LIMIT $3 OFFSET $4
        """,
        kind,
        company,
        limit,
        offset,
    )
    return [rows.of(ControlStructure, row) for row in found]


async def candidates(connection: Connection, tenant: str | None, last_day: date) -> list[Key]:
    """(tenant, id) of those not yet raised that may have expired by this day, sorted."""
    found = await connection.fetch(
        """
        SELECT s.tenant, s.id FROM control_structures s
        WHERE ($1::text IS NULL OR s.tenant = $1) AND s.valid_until - s.lead_days < $2
          -- A scalar, looked up by key: an anti-join over tables that were never analysed compares all with all.
          AND (SELECT true FROM raised r WHERE r.tenant = s.tenant AND r.fact = 'ControlStructureExpired.v1'
               AND r.key = ARRAY[s.kind, s.id, s.valid_until::text]) IS NULL
        ORDER BY s.tenant, s.id
        """,
        tenant,
        last_day,
    )
    return [(row["tenant"], row["id"]) for row in found]


async def locked(connection: Connection, keys: Sequence[Key]) -> list[ControlStructure]:
    """These (tenant, id) with their company's zone, locked until the transaction ends."""
    found = await connection.fetch(
        """
        SELECT s.*, coalesce(c.zone, 'UTC') AS zone
        FROM control_structures s LEFT JOIN companies c ON (c.tenant, c.id) = (s.tenant, s.company)
        WHERE (s.tenant, s.id) IN (SELECT * FROM unnest($1::text[], $2::text[])) ORDER BY s.tenant, s.id FOR UPDATE OF s
        """,
        *zip(*keys, strict=True),
    )
    return [rows.of(ControlStructure, row) for row in found]
