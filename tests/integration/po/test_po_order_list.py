"""The list of orders: its filters, its pages, and that no page reads a whole table."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from importlib.resources import files
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from tests.benchmarks.filling import BUYER, Shape, fill, po_tables
from tests.conftest import FreshDatabase
from tests.integration.po.door import CLIENT, OPERATOR, RIVAL, SUPPLIER, Door, opened
from tests.integration.po.support import sample
from tests.plans import watched

from embedded.issuer import ensure_issuer
from po_service.settings import Settings
from postroom import clock, db
from postroom.auth import Principal
from postroom.db import Pool

SHAPE = Shape(orders=4_000, logs=0)
BIG = {"person": "bulk-supplier-00-sales", "side": "supplier", "company": "bulk-supplier-00"}
SMALL = {"person": "bulk-supplier-07-sales", "side": "supplier", "company": "bulk-supplier-07"}
BUYING = {"person": "bulk-buyer-01", "side": "client", "company": BUYER}
LARGE_TABLES = {"orders", "order_lines", "order_contacts", "delivery_notes", "order_documents"}


async def _placed(door: Door) -> str:
    await door.put("/companies/iyt", {"name": "IYT", "side": "client", "zone": "Europe/Stockholm", "endpoints": ["0088:7398000000124"]})
    await door.put("/companies/consortial", {"name": "Consortial", "side": "supplier", "endpoints": ["0088:7385000000124"]})
    return str((await door.hand_in(sample("order-4321.xml")))["order"])


async def _note(door: Door, order: str, number: str, **quantities: str) -> None:
    lines = [{"line": line[1:], "quantity": quantity} for line, quantity in quantities.items()]
    answer = await door.ask(CLIENT, "POST", f"/orders/{order}/delivery-notes", json={"number": number, "lines": lines})
    assert answer.status_code == 201, answer.text


async def _totals(door: Door, who: dict[str, Any], *queries: dict[str, Any]) -> list[int]:
    return [(await door.get(who, "/orders", **query))["total"] for query in queries]


@pytest.mark.parametrize("who", [CLIENT, SUPPLIER, OPERATOR], ids=["client", "supplier", "operator"])
async def test_each_filter_finds_the_order_and_its_opposite_does_not(door: Door, who: dict[str, Any]) -> None:
    order = await _placed(door)
    await _note(door, order, "LS-77", l1="4")
    issued = (await door.get(who, f"/orders/{order}"))["issue_date"]
    before, after = (str(date.fromisoformat(issued) + timedelta(days=days)) for days in (-1, 1))
    found: list[dict[str, Any]] = [
        {"number": "43"},
        {"shipment": "ls-7"},
        {"issued_from": issued},
        {"issued_to": issued},
        {"backorder": True},
        {"status": "overdue"},
    ]
    missed: list[dict[str, Any]] = [
        {"number": "321"},
        {"shipment": "77"},
        {"issued_from": after},
        {"issued_to": before},
        {"backorder": False},
        {"status": "active"},
    ]
    assert await _totals(door, who, *found) == [1] * len(found)
    assert await _totals(door, who, *missed) == [0] * len(missed)
    assert await _totals(door, who, {name: value for query in found for name, value in query.items()}) == [1]
    for stranger in (RIVAL, {**who, "tenant": "other"}):
        assert await _totals(door, stranger, *found) == [0] * len(found)


async def test_a_backorder_is_what_came_in_part_and_neither_what_is_complete_nor_what_was_not_begun(door: Door) -> None:
    order = await _placed(door)
    whole = {f"l{line['line']}": line["quantity"] for line in (await door.get(CLIENT, f"/orders/{order}"))["lines"]}
    notes: list[dict[str, str]] = [{}, {"l1": "4"}, {**whole, "l1": "4"}, whole]
    seen = []
    for note in notes:
        if note:
            await _note(door, order, "N1", **note)
        page = await door.get(CLIENT, f"/orders/{order}")
        (listed,) = (await door.get(CLIENT, "/orders"))["orders"]
        assert [page[name] for name in ("backorder", "next_date")] == [listed[name] for name in ("backorder", "next_date")]
        assert await _totals(door, CLIENT, {"backorder": listed["backorder"]}, {"backorder": not listed["backorder"]}) == [1, 0]
        seen.append((listed["backorder"], listed["next_date"], listed["status"]))
    day = "2013-03-16"
    assert seen == [(False, day, "overdue"), (True, day, "overdue"), (True, day, "overdue"), (False, None, "delivered")]


async def test_the_status_is_of_the_readers_day(door: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    order = await _placed(door)
    # The 17th in Auckland, and still the 16th, the day of delivery, in Honolulu.
    monkeypatch.setattr(clock, "now", lambda: datetime(2013, 3, 16, 20, tzinfo=UTC))
    for zone, state in (("Pacific/Auckland", "overdue"), ("Pacific/Honolulu", "expiring-soon")):
        assert (await door.get(CLIENT, f"/orders/{order}", zone=zone))["status"] == state
        assert await _totals(door, CLIENT, {"status": state, "zone": zone}) == [1]


async def test_the_list_shows_the_numbers_of_its_newest_delivery_notes(door: Door) -> None:
    order = await _placed(door)
    for number in range(7):
        await _note(door, order, f"LS-{number}", l1="1")
    await _note(door, order, "LS-6", l1="2")
    (listed,) = (await door.get(SUPPLIER, "/orders"))["orders"]
    assert (listed["shipments"], listed["shipment_count"]) == (["LS-6", "LS-5", "LS-4", "LS-3", "LS-2"], 7)
    assert len((await door.get(SUPPLIER, f"/orders/{order}"))["shipments"]) == 7


@pytest.mark.parametrize(
    ("query", "field", "named"),
    [
        ({"status": "late"}, "status", "'expiring-soon'"),
        ({"issued_from": "2026-02-02", "issued_to": "2026-02-01"}, "issued_from", "issued_to (2026-02-01)"),
        ({"issued_to": "yesterday"}, "issued_to", "date"),
        ({"backorder": "perhaps"}, "backorder", "boolean"),
        ({"zone": "Mars/Olympus"}, "zone", "Europe/Vienna"),
        ({"limit": "501"}, "limit", "500"),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
async def test_a_wrong_filter_is_named(door: Door, query: dict[str, Any], field: str, named: str) -> None:
    answer = await door.ask(CLIENT, "GET", "/orders", params=query)
    assert (answer.status_code, answer.json()["field"], named in answer.json()["detail"]) == (422, field, True), answer.text


async def test_what_the_migration_derives_for_orders_that_are_there_is_what_saving_them_derives(door: Door) -> None:
    order = await _placed(door)
    await _note(door, order, "N1", l1="4")
    await door.ask(CLIENT, "POST", f"/orders/{order}/goods-receipts", json={"lines": [{"line": "2", "quantity": "3"}]})
    connection = await asyncpg.connect(door.settings.dsn)
    before = await connection.fetchrow("SELECT backorder, next_date, net_total, number_key FROM orders")
    await connection.execute("UPDATE orders SET backorder = false, next_date = NULL, net_total = NULL, number_key = ''")
    migration = (files("po_service") / "migrations" / "0008_lists.sql").read_text("utf-8")
    derived = migration[migration.index("WITH counted") : migration.index("DROP INDEX")]
    await connection.execute("UPDATE orders SET number_key = lower(number)")
    await connection.execute(derived)
    after = await connection.fetchrow("SELECT backorder, next_date, net_total, number_key FROM orders")
    await connection.close()
    assert before is not None
    assert after is not None
    assert (tuple(after), after["backorder"], after["net_total"] is not None) == (tuple(before), True, True)


async def test_a_supplier_knows_the_people_of_its_own_orders_alone(door: Door) -> None:
    await _placed(door)
    known = [one["id"] for one in (await door.get(SUPPLIER, "/people"))["people"]]
    assert len(known) == 2
    assert (await door.get({**SUPPLIER, "company": "rival"}, "/people"))["people"] == []


@dataclass(frozen=True)
class Full:
    """A service with thousands of orders, and the pool of one connection by which it answers."""

    door: Door
    pool: Pool


@pytest.fixture
async def full(fresh_database: FreshDatabase, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Full]:
    keys = ensure_issuer(tmp_path / "issuer")
    settings = await fresh_database(Settings, "po_service", kafka="127.0.0.1:9", issuer_public=keys.public, task_seconds=86_400)
    await fill(settings.dsn, po_tables(SHAPE, clock.today("UTC")))
    pools: dict[str, Pool] = {}
    really = db.open_pool

    async def open_pool(settings: Settings, role: db.Role, size: int | None = None) -> Pool:
        pools[role] = await really(settings, role, 1 if role == "api" else size)
        return pools[role]

    monkeypatch.setattr(db, "open_pool", open_pool)
    async with opened(settings, keys.private.read_bytes()) as service:
        yield Full(service, pools["api"])


PAGES = (
    "/orders",
    "/orders?offset=1900",
    "/orders?number=po-0012",
    "/orders?shipment=dn-0012",
    "/orders?shipment=dn-0012&offset=50",
    "/orders?issued_from=2025-01-01&issued_to=2025-02-01",
    "/orders?backorder=true",
    "/orders?backorder=false",
    *(f"/orders?status={status}" for status in ("active", "expiring-soon", "overdue", "delivered", "cancelled")),
    "/orders?status=overdue&shipment=dn-001&backorder=true",
    "/orders/bulk-000014",
    "/orders/bulk-000014/contacts",
    "/orders/bulk-000014/parties",
    "/orders/bulk-000014/documents",
)


async def test_no_page_reads_a_whole_table_and_the_total_is_bounded(full: Full) -> None:
    read_whole: dict[tuple[str, str], set[str]] = {}
    async with watched(full.pool) as asked:
        for who in (BIG, SMALL, BUYING, {**OPERATOR, "person": "operator"}):
            for page in PAGES:
                asked.forget()
                answer = await full.door.ask(who, "GET", page)
                # bulk-000014 is the big supplier's.
                assert answer.status_code == (404 if who is SMALL and page.startswith("/orders/") else 200), (page, answer.text)
                principal = Principal.model_validate({"tenant": "demo", **who})
                if scanned := (await asked.scanned(principal)) & LARGE_TABLES:
                    read_whole[page, str(who["person"])] = scanned
    assert read_whole == {}
    mine = [await full.door.get(who, "/orders", limit=1) for who in (BIG, SMALL, BUYING)]
    assert [(one["total"], one["more"]) for one in mine] == [(1000, True), (105, False), (1000, True)]


async def test_pages_follow_one_another_without_gap_or_repetition(full: Full) -> None:
    found = [one for offset in range(0, 2_000, 500) for one in (await full.door.get(BIG, "/orders", limit=500, offset=offset))["orders"]]
    assert len({one["id"] for one in found}) == 2_000
    assert [one["issue_date"] for one in found] == sorted((one["issue_date"] for one in found), reverse=True)
    assert (await full.door.get(BIG, "/orders", offset=2_000))["orders"] == []
