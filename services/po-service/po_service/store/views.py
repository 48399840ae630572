"""What lists and pages show; under row-level security, so a supplier finds its own orders only."""

from datetime import date
from typing import Any

from postroom.db import Connection

# The words of domain.orders.status, so that a list can be filtered by what it shows.
STATUS = """
    CASE WHEN cancelled THEN 'cancelled' WHEN fully_delivered THEN 'delivered'
         WHEN estimated_delivery IS NULL OR estimated_delivery - $1::date > 7 THEN 'active'
         WHEN estimated_delivery < $1::date THEN 'overdue' ELSE 'expiring-soon' END
"""


async def orders(connection: Connection, today: date, number: str | None, status: str | None, limit: int, offset: int) -> list[Any]:
    """Orders, the newest first, each with its `status` and the `total` that fit."""
    return await connection.fetch(
        f"""
        SELECT *, count(*) OVER () AS total FROM (SELECT *, {STATUS} AS status FROM orders) AS shown
        WHERE ($2::text IS NULL OR number = $2) AND ($3::text IS NULL OR status = $3)
        ORDER BY issue_date DESC, number, id LIMIT $4 OFFSET $5
        """,  # noqa: S608 - a constant
        today,
        number,
        status,
        limit,
        offset,
    )


async def key_of(connection: Connection, order: str) -> tuple[str, str] | None:
    """(tenant, order number) of an order that the caller may see."""
    row = await connection.fetchrow("SELECT tenant, number FROM orders WHERE id = $1", order)
    return (row["tenant"], row["number"]) if row else None


async def names(connection: Connection, tenant: str, people: list[str]) -> dict[str, str]:
    """The names of these people."""
    found = await connection.fetch("SELECT id, name FROM people WHERE tenant = $1 AND id = ANY($2)", tenant, people)
    return {row["id"]: row["name"] for row in found}


async def contacts(connection: Connection, order: str) -> list[dict[str, Any]]:
    """The people on an order, buying side first, each once."""
    found = await connection.fetch(
        """
        SELECT person, name, email, side, company, array_agg(role ORDER BY role) AS roles FROM (
            SELECT c.person, p.name, p.email, c.role, p.company,
                   CASE WHEN c.role = 'supplier' THEN 'supplier' ELSE 'client' END AS side
            FROM order_contacts c JOIN orders o ON o.id = c.order_id JOIN people p ON (p.tenant, p.id) = (o.tenant, c.person)
            WHERE c.order_id = $1 AND p.active) AS people
        GROUP BY person, name, email, side, company ORDER BY side, name, person
        """,
        order,
    )
    return [dict(row) for row in found]
