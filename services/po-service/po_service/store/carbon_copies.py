"""Carbon-copy users, and who logged on with them."""

from datetime import datetime

from po_service.domain.carbon_copies import CarbonCopyUser
from po_service.store import rows
from postroom.db import Connection


async def put(connection: Connection, user: CarbonCopyUser) -> None:
    """Write a carbon-copy user as it now is."""
    await connection.execute(
        """
        INSERT INTO carbon_copy_users SELECT * FROM jsonb_populate_record(NULL::carbon_copy_users, $1)
        ON CONFLICT (tenant, id) DO UPDATE SET
            name = excluded.name, company = excluded.company, blocked = excluded.blocked, roles = excluded.roles,
            language = excluded.language
        """,
        rows.plain(user),
    )


async def get(connection: Connection, tenant: str, id_: str) -> CarbonCopyUser | None:
    """One carbon-copy user."""
    row = await connection.fetchrow("SELECT * FROM carbon_copy_users WHERE tenant = $1 AND id = $2", tenant, id_)
    return rows.of(CarbonCopyUser, row) if row else None


async def add_log_on(connection: Connection, user: CarbonCopyUser, person: str, at: datetime) -> bool:
    """Whether this is the first log-on of this person; a concurrent twin waits here until the first has committed."""
    fresh = await connection.fetchval(
        """
        INSERT INTO carbon_copy_log_ons (tenant, person, carbon_copy_user, logged_on_at) VALUES ($1, $2, $3, $4)
        ON CONFLICT DO NOTHING RETURNING true
        """,
        user.tenant,
        person,
        user.id,
        at,
    )
    return fresh is not None
