"""Ten thousand orders and a hundred thousand logs, the same in po-service's and commlog-service's databases, written by COPY."""

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import asyncpg
import orjson

Row = dict[str, Any]
Tables = dict[str, Iterator[Row]]
Told = Callable[[str, int], None]
TENANT, BUYER, BUYERS = "demo", "bulk-buyer", 40
LINES = 3
_BEGAN = date(2024, 1, 1)
_AT = datetime(2026, 1, 1, tzinfo=UTC)
_TOLD_EACH = 1_000


@dataclass(frozen=True, slots=True)
class Shape:
    """How much: the first supplier has half of the orders, the first order a tenth of the logs, each fifth order a send."""

    orders: int
    logs: int
    suppliers: int = 20
    tenant: str = TENANT

    def supplier(self, number: int) -> str:
        """The company that this order goes to."""
        return "bulk-supplier-00" if number % 2 == 0 else f"bulk-supplier-{1 + number // 2 % (self.suppliers - 1):02d}"

    def order(self, number: int) -> str:
        """Its id."""
        return f"bulk-{number:06d}"

    def owned(self, number: int) -> Row:
        """What every row of an order says."""
        return {"tenant": self.tenant, "order_id": self.order(number), "supplier": self.supplier(number)}

    @property
    def companies(self) -> list[str]:
        return sorted({self.supplier(number) for number in range(self.orders)})


@dataclass(frozen=True, slots=True)
class _Kind:
    delivered: int
    cancelled: bool
    estimated: date | None


def po_tables(shape: Shape, today: date) -> Tables:
    """po-service's: directory, orders, lines, contacts, delivery notes, documents."""
    chance, numbers = random.Random(5), range(shape.orders)  # noqa: S311 - the same rows each time
    kinds = [_kind(chance, today) for _ in numbers]
    return {
        "companies": _companies(shape),
        "people": _people(shape),
        "orders": (_order(shape, number, kinds[number]) for number in numbers),
        "order_lines": (_line(shape, number, line, kinds[number]) for number in numbers for line in range(LINES)),
        "order_contacts": _contacts(shape),
        "acquaintances": _acquaintances(shape),
        "delivery_notes": (_note(shape, number) for number in numbers if kinds[number].delivered),
        "order_documents": (_document(shape, number) for number in numbers),
    }


def commlog_tables(shape: Shape) -> Tables:
    """commlog-service's: the orders as po-service told them, their logs, windows, sends and recipients."""
    sent = range(0, shape.orders, 5)
    return {
        "order_refs": (_ref(shape, number) for number in range(shape.orders)),
        "logs": _logs(shape),
        "correspondences": (_window(shape, number) for number in sent),
        "sends": (_send(shape, number) for number in sent),
        "recipients": (_recipient(shape, number) for number in sent),
    }


async def fill(dsn: str, tables: Tables, told: Told | None = None) -> None:
    """Write the tables as the database's owner, and have them analysed; `told` hears of each thousand rows."""
    connection = await asyncpg.connect(dsn)
    await connection.set_type_codec(
        "jsonb", schema="pg_catalog", format="binary", encoder=lambda value: b"\x01" + orjson.dumps(value), decoder=bytes
    )
    try:
        async with connection.transaction():
            for table, rows in tables.items():
                first = next(rows)
                records = _records(table, first, rows, told)
                await connection.copy_records_to_table(table, columns=tuple(first), records=records)
        # All: what triggers wrote as well.
        await connection.execute("VACUUM ANALYZE")
    finally:
        await connection.close()


def _records(table: str, first: Row, rows: Iterator[Row], told: Told | None) -> Iterator[tuple[Any, ...]]:
    yield tuple(first.values())
    for number, row in enumerate(rows, 2):
        yield tuple(row.values())
        if told and number % _TOLD_EACH == 0:
            told(table, _TOLD_EACH)


def _kind(chance: random.Random, today: date) -> _Kind:
    """Most orders are done; some are open, late or on backorder."""
    drawn = chance.random()
    delivered = 10 if drawn < 0.7 else chance.choice([0, 0, 4])
    undated = chance.random() < 0.02
    return _Kind(delivered, chance.random() < 0.03, None if undated else today + timedelta(days=chance.randrange(-60, 90)))


def _companies(shape: Shape) -> Iterator[Row]:
    yield {"tenant": shape.tenant, "id": BUYER, "side": "client", "name": "Bulk Buyer", "zone": "Europe/Vienna"}
    for company in shape.companies:
        yield {"tenant": shape.tenant, "id": company, "side": "supplier", "name": company.title(), "zone": "Europe/Oslo"}


def _people(shape: Shape) -> Iterator[Row]:
    buyers = [(f"bulk-buyer-{number:02d}", BUYER) for number in range(BUYERS)]
    for person, company in (*buyers, *((f"{company}-sales", company) for company in shape.companies)):
        yield {"tenant": shape.tenant, "id": person, "name": person.title(), "email": f"{person}@bulk.example", "company": company}


def _buyer(number: int) -> str:
    return f"bulk-buyer-{number % BUYERS:02d}"


def _order(shape: Shape, number: int, kind: _Kind) -> Row:
    supplier, name = shape.supplier(number), f"PO-{number:06d}"
    open_ = kind.delivered < 10 and not kind.cancelled
    return {
        "id": shape.order(number),
        "tenant": shape.tenant,
        "number": name,
        "number_key": name.lower(),
        "issue_date": _BEGAN + timedelta(days=number * 1_000 // shape.orders),
        "buyer": BUYER,
        "buyer_name": "Bulk Buyer",
        "buyer_endpoint": "0088:1",
        "buyer_contact": _buyer(number),
        "supplier": supplier,
        "supplier_name": supplier.title(),
        "supplier_endpoint": "0088:2",
        "currency": "EUR",
        "contract_number": "",
        "reference": "",
        "note": "",
        "response_code": "",
        "sequence": 0,
        "version": 1,
        "requested_end": kind.estimated,
        "estimated_delivery": kind.estimated,
        "cancelled": kind.cancelled,
        "fully_delivered": kind.delivered == 10,
        "backorder": open_ and kind.delivered > 0,
        "next_date": kind.estimated if open_ else None,
        "net_total": Decimal("37.50") * LINES,
    }


def _line(shape: Shape, number: int, line: int, kind: _Kind) -> Row:
    return {
        "order_id": shape.order(number),
        "line": str(line + 1),
        "position": line,
        "item": f"Fuse 16 A, type {line}",
        "description": "",
        "sellers_item": f"F{line}",
        "buyers_item": "",
        "quantity": Decimal(10),
        "unit": "C62",
        "price": Decimal("3.75"),
        "base_quantity": Decimal(1),
        "net": Decimal("37.50"),
        "ordered_by": _buyer(number),
        "requested_end": kind.estimated,
        "response_code": "",
        "cancelled": False,
        "noted": False,
    }


def _contacts(shape: Shape) -> Iterator[Row]:
    for number in range(shape.orders):
        yield {"order_id": shape.order(number), "person": _buyer(number), "role": "buyer", "position": 0}
        yield {"order_id": shape.order(number), "person": f"{shape.supplier(number)}-sales", "role": "supplier", "position": 1}


def _acquaintances(shape: Shape) -> Iterator[Row]:
    for supplier, person in sorted({(shape.supplier(number), _buyer(number)) for number in range(shape.orders)}):
        yield {"tenant": shape.tenant, "supplier": supplier, "person": person}


def _note(shape: Shape, number: int) -> Row:
    name = f"DN-{number:06d}"
    line = {"line": "1", "quantity": "4", "unit": "C62", "item": "", "outstanding": None}
    return {
        **shape.owned(number),
        "id": f"note-{number}",
        "version": 1,
        "number": name,
        "number_key": name.lower(),
        "position": 1,
        "origin": "despatch-advice",
        "partial_announced": False,
        "delivery_date": None,
        "recorded_at": _AT,
        "lines": [line],
    }


def _document(shape: Shape, number: int) -> Row:
    return {
        "id": f"bulk-document-{number}",
        "order_id": shape.order(number),
        "filename": "terms.pdf",
        "media_type": "application/pdf",
        "size": 1000,
        "sha256": "0" * 64,
        "uri": "",
        "kind": "uploaded",
        "added_at": _AT,
    }


def _ref(shape: Shape, number: int) -> Row:
    supplier = shape.supplier(number)
    return {
        "tenant": shape.tenant,
        "id": shape.order(number),
        "number": f"PO-{number:06d}",
        "supplier": supplier,
        "supplier_name": supplier.title(),
        "buyer": BUYER,
        "buyer_name": "Bulk Buyer",
        "people": [],
    }


def _logs(shape: Shape) -> Iterator[Row]:
    """A tenth of them on the first order, the others evenly."""
    for n in range(shape.logs):
        number = 0 if n < shape.logs // 10 else n % shape.orders
        supplier = shape.supplier(number)
        author = {"person": f"{supplier}-sales", "name": "Sales", "company": supplier.title(), "side": "supplier"}
        yield {
            "id": f"bulk-log-{n}",
            **shape.owned(number),
            "entry": n + 1,
            "log_type": "Delivery",
            "message": f"The rest follows on Friday ({n}).",
            "author": author,
            "side": "supplier",
            "created_at": _AT + timedelta(seconds=n),
        }


def _newest(shape: Shape, number: int) -> str:
    """The newest log of this order, for the last ones go round evenly."""
    return f"bulk-log-{shape.logs - shape.orders + number}"


def _window(shape: Shape, number: int) -> Row:
    return {
        "id": f"bulk-window-{number}",
        **shape.owned(number),
        "side": "supplier",
        "person": f"{shape.supplier(number)}-sales",
        "scope": "latest",
        "logs": [_newest(shape, number)],
        "subject": "About the order",
        "contacts": [],
        "documents": [],
        "opened_at": _AT,
    }


def _send(shape: Shape, number: int) -> Row:
    sender = {"person": f"{shape.supplier(number)}-sales", "name": "Sales", "company": "Bulk", "side": "supplier"}
    return {
        "id": f"bulk-send-{number}",
        "correspondence": f"bulk-window-{number}",
        **shape.owned(number),
        "entry": 1_000_000,
        "sender": sender,
        "subject": "About the order",
        "scope": "latest",
        "logs": [_newest(shape, number)],
        "frozen": {},
        "documents": [],
        "attach_pdf": False,
        "fingerprint": f"f{number}",
        "requested_at": _AT,
    }


def _recipient(shape: Shape, number: int) -> Row:
    address = "buyer@bulk.example"
    return {
        "send": f"bulk-send-{number}",
        "tenant": shape.tenant,
        "supplier": shape.supplier(number),
        "mailbox": address,
        "address": address,
        "name": "Buyer",
        "kind": "typed",
        "state": "sent",
        "changed_at": _AT,
    }
