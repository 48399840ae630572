"""What lists and pages show; under row-level security, so a supplier finds its own orders only."""

from dataclasses import dataclass
from datetime import date
from typing import Any

from po_service.domain.orders import Standing
from postroom.db import Connection

# A total is counted up to here: a list of more has "more", and costs no more.
MOST_COUNTED = 1_000
# `tenant` and `supplier` are what the policy says as well; said here in plain columns, they choose the index.
_LISTED = """
    o.tenant = $1 AND ($2::text IS NULL OR o.supplier = $2)
    AND ($3::text IS NULL OR o.number_key ^@ $3)
    AND ($4::date IS NULL OR o.issue_date >= $4) AND ($5::date IS NULL OR o.issue_date <= $5)
    AND ($6::boolean IS NULL OR o.backorder = $6)
    AND ($7::boolean IS NULL OR o.cancelled = $7) AND ($8::boolean IS NULL OR o.fully_delivered = $8)
    AND ($9::date IS NULL OR o.estimated_delivery >= $9 OR ($11 AND o.estimated_delivery IS NULL))
    AND ($10::date IS NULL OR o.estimated_delivery <= $10)
"""
# In a statement of its own: beside an OR, Postgres would read all orders and look each up among the notes.
_SHIPPED = """
    AND o.id IN (SELECT n.order_id FROM delivery_notes n
                 WHERE n.tenant = $1 AND ($2::text IS NULL OR n.supplier = $2) AND n.number_key ^@ $12)
"""


@dataclass(frozen=True, slots=True)
class Wanted:
    """The filters of a list; None: all. `number` and `shipment` are case-folded beginnings."""

    tenant: str
    supplier: str | None = None
    number: str | None = None
    shipment: str | None = None
    issued_from: date | None = None
    issued_to: date | None = None
    backorder: bool | None = None
    standing: Standing | None = None

    @property
    def condition(self) -> str:
        return _LISTED + (_SHIPPED if self.shipment else "")

    @property
    def values(self) -> list[Any]:
        """Those of $1 to $12."""
        columns = [self.tenant, self.supplier, self.number, self.issued_from, self.issued_to, self.backorder]
        stand = self.standing
        standing = [stand.cancelled, stand.delivered, stand.first, stand.last, stand.undated] if stand else [None] * 4 + [False]
        return [*columns, *standing, *([self.shipment] if self.shipment else [])]


async def orders(connection: Connection, wanted: Wanted, limit: int, offset: int) -> list[Any]:
    """The orders, the newest first, each with `shipments`: the numbers of its delivery notes, the newest first."""
    values = wanted.values
    return await connection.fetch(
        f"""
        SELECT page.*, ARRAY(SELECT number FROM (SELECT DISTINCT position, number FROM delivery_notes n WHERE n.order_id = page.id) AS notes
                             ORDER BY position DESC) AS shipments
        FROM (SELECT * FROM orders o WHERE {wanted.condition} ORDER BY issue_date DESC, number, id
              LIMIT ${len(values) + 1} OFFSET ${len(values) + 2}) AS page
        ORDER BY issue_date DESC, number, id
        """,  # noqa: S608 - constants
        *values,
        limit,
        offset,
    )


async def count(connection: Connection, wanted: Wanted) -> int:
    """How many there are, counted to one more than MOST_COUNTED."""
    return int(
        await connection.fetchval(
            # In the list's order, so that it walks the list's index and stops; without one, whole tables look cheaper than they are.
            f"""
            SELECT count(*) FROM (SELECT FROM orders o WHERE {wanted.condition}
                                  ORDER BY issue_date DESC, number, id LIMIT {MOST_COUNTED + 1}) AS found
            """,  # noqa: S608 - constants
            *wanted.values,
        )
    )


async def key_of(connection: Connection, order: str) -> tuple[str, str] | None:
    """(tenant, order number) of an order that the caller may see."""
    row = await connection.fetchrow("SELECT tenant, number FROM orders WHERE id = $1", order)
    return (row["tenant"], row["number"]) if row else None


async def parties(connection: Connection, order: str) -> dict[str, Any] | None:
    """Whose order it is: number, companies, contract; None where the caller may not see it."""
    row = await connection.fetchrow(
        "SELECT id, number, tenant, supplier, supplier_name, buyer, buyer_name, contract FROM orders WHERE id = $1", order
    )
    return dict(row) if row else None


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
