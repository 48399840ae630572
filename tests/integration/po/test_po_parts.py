"""However much is due: tasks commit in parts, go on after a crash where they were, and tell each thing once."""

import asyncio
from collections.abc import Sequence
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
from tests.integration.po.support import COMPANY, Room, orders_of

from po_service.domain.receipts import goods_received
from po_service.tasks import budgets, prices, receipts, reminders, structures, templates
from po_service.tasks.parts import in_parts
from po_service.tasks.schedule import Schedule
from postroom import outbox
from postroom.contracts.errors import Refused
from postroom.db import DATABASE_AWAY, Connection

CONTRACT = """
    INSERT INTO contracts (tenant, id, number, buyer, first_reminder, automatic_receipt, receipt_days) VALUES ('demo', 'c', 'C', 'b', {})
"""
ORDERS = orders_of(5, "2020-01-01")
LINES = """
    INSERT INTO order_lines (order_id, line, position, item, description, sellers_item, buyers_item, quantity, unit, base_quantity,
                             ordered_by, response_code, cancelled, estimated, awaited)
    SELECT 'o' || i, '1', 1, 'item', '', '', '', 1, 'EA', 1, 'p', '', false, '2020-01-05', '2020-01-05' FROM generate_series(1, 5) AS i
"""
NOTES = """
    INSERT INTO delivery_notes (order_id, id, version, number, position, origin, partial_announced, delivery_date, recorded_at, lines,
                                tenant, supplier, number_key)
    SELECT 'o' || i, 'd' || i, 1, 'D', 1, 'requester', false, '2020-01-05', now(),
           '[{"line": "1", "quantity": "1", "unit": "EA", "item": "item", "outstanding": null}]', 'demo', 's', 'd'
    FROM generate_series(1, 5) AS i
"""
BUDGETS = """
    INSERT INTO budgets SELECT 'demo', 'b' || i, 'b', 'Travel', 'user', '', '2020-01-01', '2020-06-30', 100, 5, 'EUR'
    FROM generate_series(1, 5) AS i
"""
STRUCTURES = """
    INSERT INTO control_structures SELECT 'demo', 'k' || i, 'cost-code', 'b', '4400', 'Workshop', '2020-01-01'
    FROM generate_series(1, 5) AS i
"""
TEMPLATES = """
    INSERT INTO templates (tenant, id, kind, name, company, schedule, active, next_due)
    SELECT 'demo', 't' || i, 'template', 'Paper', 'b', '{"first_day": "2020-01-01", "every": "once", "interval": 1}', true, '2020-01-01'
    FROM generate_series(1, 5) AS i
"""
CATALOGS = "INSERT INTO catalogs (tenant, id, name, company) SELECT 'demo', 'k' || i, 'Tools', 'b' FROM generate_series(1, 5) AS i"
ITEMS = """
    INSERT INTO catalog_items (tenant, catalog, item, name, description, price, currency, unit, valid_until, code, standard)
    SELECT 'demo', 'k' || i, 'D-18', 'Drill', '', 129, 'EUR', 'EA', '2020-12-31', '', '' FROM generate_series(1, 5) AS i
"""
RECEIPTS = (CONTRACT.format("NULL, true, 3"), ORDERS, LINES, NOTES)
# Of each, five are due, with one event each.
CASES = {
    "check-budgets": (budgets, "BUDGETS_AT_ONCE", (BUDGETS,)),
    "book-receipts": (receipts, "ORDERS_AT_ONCE", RECEIPTS),
    "refresh-control-structures": (structures, "STRUCTURES_AT_ONCE", (STRUCTURES,)),
    "due-templates": (templates, "TEMPLATES_AT_ONCE", (TEMPLATES,)),
    "remind-delivery-notes": (reminders, "ORDERS_AT_ONCE", (CONTRACT.format("0, false, NULL"), ORDERS, LINES)),
    "check-price-validity": (prices, "ITEMS_AT_ONCE", (CATALOGS, ITEMS)),
}
add = outbox.add


async def _five_due(room: Room, statements: tuple[str, ...]) -> None:
    for statement in (COMPANY, *statements):
        await room.pool.execute(statement)


async def _run(room: Room, task: str) -> None:
    await Schedule(room.pool, 10**9)._run_slot(task)


async def _events(room: Room) -> list[str]:
    """The ids of those in the outbox, however often each is there."""
    return [dict(headers)["ce_id"] for headers in await room.column("SELECT headers FROM outbox ORDER BY id")]


@pytest.mark.parametrize(("task", "module", "size", "statements"), [(task, *case) for task, case in CASES.items()], ids=CASES)
async def test_what_was_done_before_a_crash_is_done_and_the_rest_follows(
    room: Room, monkeypatch: pytest.MonkeyPatch, task: str, module: ModuleType, size: str, statements: tuple[str, ...]
) -> None:
    await _five_due(room, statements)
    parts: list[int] = []

    async def second_fails(connection: Connection, events: Any) -> None:
        await add(connection, events)
        if not events:
            return  # of budgets: a part whose end was told already, and which may still be exhausted
        parts.append(len(events))
        if len(parts) == 2:
            raise ConnectionError("the process dies here")

    monkeypatch.setattr(module, size, 2)
    monkeypatch.setattr(outbox, "add", second_fails)
    with pytest.raises(ConnectionError):
        await _run(room, task)
    # Prices are told together from the beginning.
    first = 2 if task == "check-price-validity" else 1
    assert (parts, len(await _events(room))) == ([first, 2], first)
    assert await room.column("SELECT slot FROM task_slots") == []

    await _run(room, task)
    assert (sum(parts[2:]), max(parts)) == (5 - first, 2)
    assert len(set(await _events(room))) == len(await _events(room)) == 5
    assert await room.column("SELECT raised FROM task_slots") == [5 - first]
    await _run(room, task)
    assert sum(parts) == 7, "the slot is done"


@pytest.mark.parametrize("task", ["remind-delivery-notes", "book-receipts"])
async def test_a_part_that_runs_out_of_time_is_not_tried_whole_again(room: Room, monkeypatch: pytest.MonkeyPatch, task: str) -> None:
    """Found by reading: of large orders it failed at every run, and all behind it waited. The server ends its connection with it."""
    await _five_due(room, CASES[task][2])

    async def slow_for_several(connection: Connection, events: Any) -> None:
        if len(events) > 1:
            await connection.execute("SET LOCAL idle_in_transaction_session_timeout = '10ms'")
            await asyncio.sleep(0.2)
        await add(connection, events)

    monkeypatch.setattr(outbox, "add", slow_for_several)
    for done in (1, 2, 3):
        with pytest.raises(DATABASE_AWAY):
            await _run(room, task)
        assert len(await _events(room)) == done
    await _run(room, task)
    assert len(set(await _events(room))) == len(await _events(room)) == 5


async def test_parts_grow_while_they_are_quick(room: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each is to take two seconds: no more than what is twice as many as went well."""
    now, parts = 0.0, list[int]()
    monkeypatch.setattr("po_service.tasks.parts.time", SimpleNamespace(monotonic=lambda: now))

    async def takes_its_time(part: Sequence[int]) -> int:
        nonlocal now
        parts.append(len(part))
        now += sum(part) / 10
        return len(part)

    async with room.pool.acquire() as connection:
        assert await in_parts(connection, [1] * 80 + [20] * 20, 50, takes_its_time) == 100
    assert parts == [1, 2, 4, 8, 16, 20, 20, 20, 1, 1, 1, 1, 1, 1, 1, 1, 1]


async def test_a_part_holds_no_more_locks_than_it_has_orders(room: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each takes room in a table that all databases of the server share."""
    await _five_due(room, RECEIPTS)
    held: list[int] = []

    async def count(connection: Connection, events: Any) -> None:
        # Those of order numbers have two keys (objsubid 2).
        held.append(
            await connection.fetchval(
                "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND objsubid = 2 AND pid = pg_backend_pid()"
            )
        )
        await add(connection, events)

    monkeypatch.setattr(receipts, "ORDERS_AT_ONCE", 2)
    monkeypatch.setattr(outbox, "add", count)
    await _run(room, "book-receipts")
    assert held == [1, 2, 2]
    assert await room.column("SELECT version FROM orders") == [2] * 5


async def test_a_part_that_is_too_much_is_done_by_halves(room: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    await _five_due(room, CASES["check-price-validity"][2])
    monkeypatch.setattr(outbox, "MOST_BYTES", 800)
    await _run(room, "check-price-validity")
    assert len(set(await _events(room))) == len(await _events(room)) == 5


async def test_one_order_that_fails_by_itself_holds_up_no_other(room: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    """Found by reading: one whose event was too large ended the task at every run, for all that came behind it."""
    await _five_due(room, RECEIPTS)
    told = goods_received

    def fails_for_one(order: Any, *rest: Any) -> Any:
        if order.id == "o2":
            raise Refused("too_large", "its event has 400,000 bytes")
        return told(order, *rest)

    monkeypatch.setattr("po_service.domain.receipts.goods_received", fails_for_one)
    await _run(room, "book-receipts")
    assert await room.column("SELECT order_id FROM goods_receipts ORDER BY 1") == ["o1", "o3", "o4", "o5"]
    assert len(await _events(room)) == 4


async def test_where_everything_fails_the_task_does(room: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    await _five_due(room, RECEIPTS)
    monkeypatch.setattr("po_service.tasks.parts.PASSED_OVER", 3)
    monkeypatch.setattr("po_service.domain.receipts.due_receipts", lambda *_: [].pop())
    with pytest.raises(IndexError):
        await _run(room, "book-receipts")


async def test_a_receipt_of_very_long_names_is_told_with_shorter_ones(room: Room) -> None:
    """An order change may have given the lines longer names than those that the note came with; a person is told of a receipt once."""
    await _five_due(room, RECEIPTS)
    await room.pool.execute("DELETE FROM order_lines WHERE order_id = 'o1'")
    lines = [{"line": str(n), "quantity": "1", "unit": "EA", "item": "item", "outstanding": None} for n in range(100)]
    await room.pool.execute("UPDATE delivery_notes SET lines = $1::jsonb WHERE order_id = 'o1'", lines)
    copied = LINES.replace("'1', 1, 'item'", "i::text, i, repeat('x', 3900)").replace("'o' || i", "'o1'").replace("(1, 5)", "(0, 99)")
    await room.pool.execute(copied)
    await _run(room, "book-receipts")
    [told] = [one for one in await room.published() if one["order"]["id"] == "o1"]
    assert {(len(line["item"]), line["item"][-2:]) for line in told["lines"]} == {(1950, "x…")}
    assert len(told["lines"]) == 100
