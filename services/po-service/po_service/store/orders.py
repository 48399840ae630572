"""Orders and what hangs on them."""

from collections.abc import Iterable, Sequence
from datetime import date
from decimal import Decimal
from typing import Any

from po_service.domain.orders import Line, Note, Order, Quantity, Receipt, key
from po_service.store import rows
from postroom.db import Connection

Key = tuple[str, str]
# Kept beside what they follow from, so that lists can be sorted and filtered by them.
_DERIVED = ("estimated_delivery", "fully_delivered", "backorder", "next_date", "net_total")


async def lock(connection: Connection, keys: Iterable[Key]) -> None:
    """Wait until nobody else works on these (tenant, order number)s; sorted, so that two batches can't wait for one another.

    A thousand at most: beyond some thousands the server's table of locks is full, for everybody's statements. Row locks would not do: who
    saves an order has read it without one.
    """
    tenants, numbers = _arrays(keys)
    await connection.execute(
        """
        SELECT pg_advisory_xact_lock(tenant, number)
        FROM (SELECT DISTINCT hashtext(t) AS tenant, hashtext(n) AS number
              FROM unnest($1::text[], $2::text[]) AS k (t, n) ORDER BY 1, 2) AS sorted
        """,
        tenants,
        numbers,
    )


async def find(connection: Connection, keys: Iterable[Key]) -> list[tuple[Order, str]]:
    """(order with all that hangs on it, its buying company's zone) for these (tenant, order number)s."""
    heads = await _heads(connection, *_arrays(keys))
    ids = [head["id"] for head in heads]
    lines, contacts = _by_order(await _lines(connection, ids)), _by_order(await _contacts(connection, ids))
    notes, receipts = _by_order(await _notes(connection, ids)), _by_order(await _receipts(connection, ids))
    return [
        (
            rows.of(
                Order,
                head,
                lines=tuple(rows.of(Line, row) for row in lines.get(head["id"], ())),
                contacts=tuple((row["person"], row["role"]) for row in contacts.get(head["id"], ())),
                notes=tuple(rows.of(Note, row, lines=_quantities(row["lines"])) for row in notes.get(head["id"], ())),
                receipts=tuple(rows.of(Receipt, row, lines=_quantities(row["lines"])) for row in receipts.get(head["id"], ())),
            ),
            head["zone"] or "UTC",
        )
        for head in heads
    ]


def _arrays(keys: Iterable[Key]) -> tuple[list[str], list[str]]:
    pairs = list(keys)
    return [tenant for tenant, _ in pairs], [number for _, number in pairs]


def _by_order(found: Sequence[Any]) -> dict[str, list[Any]]:
    grouped: dict[str, list[Any]] = {}
    for row in found:
        grouped.setdefault(row["order_id"], []).append(row)
    return grouped


def _quantities(stored: list[dict[str, Any]]) -> tuple[Quantity, ...]:
    return tuple(
        Quantity(
            one["line"],
            Decimal(one["quantity"]),
            one["unit"],
            one["item"],
            None if one["outstanding"] is None else Decimal(one["outstanding"]),
        )
        for one in stored
    )


async def _heads(connection: Connection, tenants: list[str], numbers: list[str]) -> list[Any]:
    return await connection.fetch(
        """
        SELECT o.*, c.zone FROM orders o LEFT JOIN companies c ON (c.tenant, c.id) = (o.tenant, o.buyer)
        WHERE (o.tenant, o.number) IN (SELECT * FROM unnest($1::text[], $2::text[])) ORDER BY o.id
        """,
        tenants,
        numbers,
    )


async def _lines(connection: Connection, ids: list[str]) -> list[Any]:
    return await connection.fetch("SELECT * FROM order_lines WHERE order_id = ANY($1) ORDER BY order_id, position", ids)


async def _contacts(connection: Connection, ids: list[str]) -> list[Any]:
    return await connection.fetch("SELECT * FROM order_contacts WHERE order_id = ANY($1) ORDER BY order_id, position", ids)


async def _notes(connection: Connection, ids: list[str]) -> list[Any]:
    """The newest version of each."""
    return await connection.fetch(
        """
        SELECT DISTINCT ON (order_id, position) * FROM delivery_notes WHERE order_id = ANY($1) ORDER BY order_id, position, version DESC
        """,
        ids,
    )


async def _receipts(connection: Connection, ids: list[str]) -> list[Any]:
    return await connection.fetch("SELECT * FROM goods_receipts WHERE order_id = ANY($1) ORDER BY order_id, booked_at, id", ids)


async def save(connection: Connection, states: Sequence[Order]) -> None:
    """Write these orders; of several states of one order the last counts, and each note's each version is kept."""
    if not states:
        return
    last = {order.id: order for order in states}
    await _save_heads(connection, list(last.values()))
    await _save_lines(connection, list(last.values()))
    await _save_contacts(connection, list(last.values()))
    await _save_acquaintances(connection, list(last.values()))
    await _save_notes(connection, states)
    await _save_receipts(connection, list(last.values()))


async def _save_heads(connection: Connection, orders: Sequence[Order]) -> None:
    await connection.execute(
        """
        INSERT INTO orders SELECT * FROM jsonb_populate_recordset(NULL::orders, $1) ORDER BY id
        ON CONFLICT (id) DO UPDATE SET
            requested_start = excluded.requested_start, requested_end = excluded.requested_end, response_code = excluded.response_code,
            sequence = excluded.sequence, cancelled = excluded.cancelled, version = excluded.version,
            estimated_delivery = excluded.estimated_delivery, fully_delivered = excluded.fully_delivered,
            backorder = excluded.backorder, next_date = excluded.next_date, net_total = excluded.net_total
        """,
        [
            {
                **{name: value for name, value in rows.plain(order).items() if name not in ("lines", "notes", "receipts", "contacts")},
                **{name: rows.plain(getattr(order, name)) for name in _DERIVED},
                "number_key": key(order.number),
            }
            for order in orders
        ],
    )


async def _save_lines(connection: Connection, orders: Sequence[Order]) -> None:
    await connection.execute(
        """
        INSERT INTO order_lines SELECT * FROM jsonb_populate_recordset(NULL::order_lines, $1) ORDER BY order_id, line
        ON CONFLICT (order_id, line) DO UPDATE SET
            position = excluded.position, item = excluded.item, description = excluded.description, sellers_item = excluded.sellers_item,
            buyers_item = excluded.buyers_item, quantity = excluded.quantity, unit = excluded.unit, price = excluded.price,
            base_quantity = excluded.base_quantity, net = excluded.net, ordered_by = excluded.ordered_by,
            requested_start = excluded.requested_start, requested_end = excluded.requested_end, estimated = excluded.estimated,
            response_code = excluded.response_code, cancelled = excluded.cancelled, noted = excluded.noted, awaited = excluded.awaited
        WHERE order_lines IS DISTINCT FROM excluded
        """,
        [
            {**rows.plain(line), "order_id": order.id, "position": position, "awaited": rows.plain(order.awaited(line))}
            for order in orders
            for position, line in enumerate(order.lines)
        ],
    )


async def _save_contacts(connection: Connection, orders: Sequence[Order]) -> None:
    await connection.execute(
        """
        INSERT INTO order_contacts SELECT * FROM jsonb_populate_recordset(NULL::order_contacts, $1)
        ON CONFLICT DO NOTHING
        """,
        [
            {"order_id": order.id, "person": person, "role": role, "position": position}
            for order in orders
            for position, (person, role) in enumerate(order.contacts)
        ],
    )


async def _save_acquaintances(connection: Connection, orders: Sequence[Order]) -> None:
    """Whom the supplier now knows: without a look at all the orders on which somebody stands."""
    known = {
        (order.tenant, order.supplier, person)
        for order in orders
        for person in (*(person for person, _ in order.contacts), *(line.ordered_by for line in order.lines))
    }
    await connection.execute(
        """
        INSERT INTO acquaintances (tenant, supplier, person) SELECT * FROM unnest($1::text[], $2::text[], $3::text[]) ORDER BY 1, 2, 3
        ON CONFLICT DO NOTHING
        """,
        *([one[column] for one in known] for column in range(3)),
    )


def _note_row(order: Order, note: Note) -> dict[str, Any]:
    owner = {"order_id": order.id, "tenant": order.tenant, "supplier": order.supplier}
    return {**rows.plain(note), **owner, "number_key": key(note.number)}


async def _save_notes(connection: Connection, states: Sequence[Order]) -> None:
    versions = {(order.id, note.id, note.version): _note_row(order, note) for order in states for note in order.notes}
    await connection.execute(
        """
        INSERT INTO delivery_notes SELECT * FROM jsonb_populate_recordset(NULL::delivery_notes, $1)
        ON CONFLICT DO NOTHING
        """,
        list(versions.values()),
    )


async def _save_receipts(connection: Connection, orders: Sequence[Order]) -> None:
    await connection.execute(
        """
        INSERT INTO goods_receipts SELECT * FROM jsonb_populate_recordset(NULL::goods_receipts, $1)
        ON CONFLICT (id) DO NOTHING
        """,
        [{**rows.plain(receipt), "order_id": order.id} for order in orders for receipt in order.receipts],
    )


async def to_book(connection: Connection, tenant: str | None, last_day: date) -> list[Key]:
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
