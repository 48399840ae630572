"""The scan for delivery-note reminders over HTTP: options, zones and holidays, outages, notes and moved dates."""

import asyncio
from datetime import date
from importlib.resources import files
from typing import Any

import asyncpg
import pytest
from tests.integration.po.door import CLIENT, OPERATOR, SUPPLIER, Door
from tests.integration.po.support import response, sample
from tests.integration.po.told import at, run, told

from po_service.tasks.reminders import remind_delivery_notes
from postroom import db

TASK, OVERDUE = "remind-delivery-notes", "DeliveryNoteOverdue"
ALL: dict[str, Any] = {"first": {}, "second": {}, "third": {}}
BUYER = {"name": "IYT", "side": "client", "endpoints": ["0088:7398000000124"]}


async def ordered(door: Door, reminders: dict[str, Any] | None, due: str = "2013-03-16", **company: Any) -> str:
    """An order of two lines due on this day, under a contract with these options, for a company that works on these days."""
    await door.put("/companies/iyt", {**BUYER, "zone": "Europe/Stockholm", **company})
    head, first, second, *_ = sample("order-4321.xml", **{"2013-03-16": due}).decode().split("<cac:OrderLine>")
    two_lines = f"{head}<cac:OrderLine>{first}<cac:OrderLine>{second}</Order>"
    order = str((await door.hand_in(two_lines.encode()))["order"])
    if reminders is not None:
        await door.put("/contracts/C-4321", {"reminders": reminders})
    return order


async def levels(door: Door) -> list[tuple[int, list[str]]]:
    """(level, lines) of each reminder raised."""
    return [(fact["level"], [one["line"] for one in fact["lines"]]) for fact in await told(door, OVERDUE)]


async def note(door: Door, order: str, number: str, *lines: str) -> None:
    body = {"number": number, "lines": [{"line": line, "quantity": "1"} for line in lines]}
    answer = await door.ask(CLIENT, "POST", f"/orders/{order}/delivery-notes", json=body)
    assert answer.status_code == 201, answer.text


async def test_three_levels_each_in_its_time_and_once(door: Door) -> None:
    order = await ordered(door, ALL, "2026-11-18")
    raised = [await run(door, TASK, f"2026-{day}") for day in ("11-18", "11-19", "11-19", "11-25", "11-26", "12-02", "12-03", "12-31")]
    assert raised == [0, 1, 0, 0, 1, 0, 1, 0]
    assert await levels(door) == [(1, ["1", "2"]), (2, ["1", "2"]), (3, ["1", "2"])]
    first = (await told(door, OVERDUE))[0]
    assert (first["order"]["id"], first["order"]["contract_number"], first["as_of"]) == (order, "C-4321", "2026-11-19")
    assert (first["reminders"], first["calendar"]) == ({"first": 0, "second": 5, "third": 10}, "working-days")
    assert {one["due_on"] for one in first["lines"]} == {"2026-11-19"}
    orderers = {one["line"]: one["ordered_by"]["person"] for one in (await door.get(CLIENT, f"/orders/{order}"))["lines"]}
    assert {one["line"]: one["ordered_by"] for one in first["lines"]} == orderers


async def test_after_an_outage_of_weeks_the_first_and_of_the_others_only_the_third(door: Door) -> None:
    await ordered(door, ALL)
    assert await run(door, TASK, "2026-11-23") == 2
    assert await levels(door) == [(1, ["1", "2"]), (3, ["1", "2"])]
    assert await run(door, TASK, "2026-11-24") == 0


async def test_an_option_that_is_not_activated_reminds_nobody(door: Door) -> None:
    """Each is put in turn, when all three are long due."""
    table: list[tuple[dict[str, Any] | None, list[int]]] = [(None, []), ({}, []), ({"second": {"days": 1}}, [2]), ({"first": {}}, [2, 1])]
    await ordered(door, None)
    for reminders, expected in table:
        await door.put("/contracts/C-4321", {} if reminders is None else {"reminders": reminders})
        await run(door, TASK, "2026-11-23")
        assert [level for level, _ in await levels(door)] == expected


async def test_an_option_that_cannot_be_is_named(door: Door) -> None:
    await ordered(door, None)
    table: list[tuple[dict[str, Any], str]] = [
        ({"first": {"days": 6_000}}, "reminders.first.days"),
        ({"second": {"days": -1}}, "reminders.second.days"),
        ({"third": 10}, "reminders.third"),
        ({"fourth": {}}, "reminders.fourth"),
        ({"calendar": "lunar"}, "reminders.calendar"),
    ]
    for wrong, field in table:
        answer = await door.ask(OPERATOR, "PUT", "/contracts/C-4321", json={"reminders": wrong})
        assert (answer.status_code, answer.json()["field"]) == (422, field), wrong


async def test_an_option_that_is_switched_on_later_finds_what_is_due(door: Door) -> None:
    await ordered(door, {"third": {}})
    await run(door, TASK, "2026-11-23")
    await door.put("/contracts/C-4321", {"reminders": ALL})
    assert await run(door, TASK, "2026-11-23") == 1
    assert [level for level, _ in await levels(door)] == [3, 1]


async def test_the_requesters_note_stops_it_for_the_lines_that_it_names_and_a_despatch_advice_does_not(door: Door) -> None:
    order = await ordered(door, ALL)
    await door.hand_in(sample("despatch-4321.xml"))
    await note(door, order, "N1", "1")
    await run(door, TASK, "2013-03-17")
    assert await levels(door) == [(1, ["2"])]
    await note(door, order, "N2", "2")
    assert await run(door, TASK, "2026-11-23") == 0
    # The correction takes line 2 back: it is awaited again, and what was said of it isn't said twice.
    await note(door, order, "N2", "1")
    await run(door, TASK, "2026-11-23")
    assert await levels(door) == [(1, ["2"]), (3, ["2"])]


async def test_a_new_delivery_date_arms_it_anew_and_is_told_at_once(door: Door) -> None:
    await ordered(door, ALL)
    await run(door, TASK, "2013-04-30")
    await door.hand_in(response(l1="2026-11-18", l2="2013-03-16"))
    (changed,) = await told(door, "OrderChanged")
    assert changed["lines"] == [{"line": "1", "delivery_date": "2026-11-18", "cancelled": False}]
    assert await run(door, TASK, "2026-11-18") == 0
    await run(door, TASK, "2026-11-19")
    assert await levels(door) == [(1, ["1", "2"]), (3, ["1", "2"]), (1, ["1"])]
    # The same promise again, in another answer, moves nothing.
    await door.hand_in(response(l1="2026-11-18"))
    assert len(await told(door, "OrderChanged")) == 1


async def test_what_the_buyer_cancels_is_told_and_nobody_is_reminded_of_it(door: Door) -> None:
    await ordered(door, ALL)
    await door.hand_in(sample("change-1.xml", **{"<cbc:LineStatusCode>3": "<cbc:LineStatusCode>2"}))
    (changed,) = await told(door, "OrderChanged")
    assert [(one["line"], one["cancelled"]) for one in changed["lines"]] == [("1", True)]
    assert (changed["cancelled"], changed["order"]["number"]) == (False, "4321")
    await run(door, TASK, "2013-03-17")
    assert await levels(door) == [(1, ["2"])]


async def test_a_change_that_moves_and_cancels_nothing_is_no_change_of_dates(door: Door) -> None:
    await ordered(door, ALL)
    await door.hand_in(sample("change-1.xml"))
    assert await told(door, "OrderChanged") == []


@pytest.mark.parametrize(
    ("company", "first_day"),
    [
        # Friday 23 October 2026 and one working day: the Monday is a holiday in Austria, in Germany it is not.
        ({"country": "AT"}, "2026-10-28"),
        ({"country": "AT", "subdivision": "9", "extra_working_days": ["2026-10-26"]}, "2026-10-27"),
        ({"country": "DE"}, "2026-10-27"),
    ],
)
async def test_the_companys_calendar_says_what_a_working_day_is(door: Door, company: dict[str, Any], first_day: str) -> None:
    await ordered(door, {"first": {"days": 1}}, "2026-10-23", **company)
    day_before = date.fromordinal(date.fromisoformat(first_day).toordinal() - 1)
    assert await run(door, TASK, str(day_before)) == 0
    assert await run(door, TASK, first_day) == 1


async def test_calendar_days_ask_no_calendar(door: Door) -> None:
    await ordered(door, {"second": {"days": 3}, "calendar": "calendar-days"}, "2026-10-23", country="AT")
    assert [await run(door, TASK, day) for day in ("2026-10-26", "2026-10-27")] == [0, 1]


@pytest.mark.parametrize(
    ("zone", "before", "after"),
    [
        # The delivery date is 28 March 2026; in the night after it summer time begins in Vienna.
        ("Europe/Vienna", "2026-03-28T22:59:00", "2026-03-28T23:01:00"),
        ("Pacific/Kiritimati", "2026-03-28T09:59:00", "2026-03-28T10:01:00"),
        ("Pacific/Pago_Pago", "2026-03-29T10:59:00", "2026-03-29T11:01:00"),
    ],
)
async def test_the_day_is_that_of_the_company(door: Door, monkeypatch: pytest.MonkeyPatch, zone: str, before: str, after: str) -> None:
    await ordered(door, ALL, "2026-03-28", zone=zone)
    at(monkeypatch, before)
    assert await run(door, TASK) == 0
    at(monkeypatch, after)
    assert await run(door, TASK) == 1
    assert (await told(door, OVERDUE))[0]["as_of"] == "2026-03-29"


async def test_two_scans_at_once_raise_once(door: Door) -> None:
    await ordered(door, ALL)
    assert sorted(await asyncio.gather(*(run(door, TASK, "2026-11-23") for _ in range(3)))) == [0, 0, 2]


async def test_a_note_that_is_recorded_meanwhile_is_told_after_the_reminder(door: Door) -> None:
    """So that it withdraws it: the note waits for the scan, and its event follows the reminder's."""
    order = await ordered(door, ALL)
    pool = await db.open_pool(door.settings, "worker", 1)
    async with pool.acquire() as connection:
        async with connection.transaction():
            assert await remind_delivery_notes(connection, None, date(2013, 3, 17)) == 1
            noted = asyncio.create_task(note(door, order, "N1", "1"))
            done, _ = await asyncio.wait([noted], timeout=0.3)
            assert not done
        await noted
        types = [
            row["type"] for row in await connection.fetch("SELECT headers::text AS type FROM outbox WHERE topic = 'purchasing' ORDER BY id")
        ]
    await pool.close()
    assert ["DeliveryNoteOverdue" in one for one in types] == [True, False]
    assert "DeliveryNoteRecorded" in types[1]


async def test_a_calendar_that_cannot_be_is_named(door: Door) -> None:
    both = ["2026-12-24"]
    table: list[tuple[dict[str, Any], str]] = [
        ({"country": "XX"}, "country"),
        ({"country": "AT", "subdivision": "BY"}, "subdivision"),
        ({"subdivision": "9"}, "country"),
        ({"extra_holidays": both, "extra_working_days": both}, "extra_working_days"),
        ({"extra_holidays": ["24.12.2026"]}, "extra_holidays.0"),
    ]
    for wrong, field in table:
        answer = await door.ask(OPERATOR, "PUT", "/companies/iyt", json={**BUYER, **wrong})
        assert (answer.status_code, answer.json()["field"]) == (422, field), wrong


async def test_a_calendar_is_shown_as_it_was_put(door: Door) -> None:
    calendar = {"country": "AT", "subdivision": "9", "extra_holidays": ["2026-12-24"], "extra_working_days": ["2026-12-05"]}
    assert (await door.put("/companies/iyt", {**BUYER, **calendar}))["changed"]
    assert not (await door.put("/companies/iyt", {**BUYER, **calendar}))["changed"]
    shown = await door.get(OPERATOR, "/companies/iyt")
    assert {name: shown[name] for name in calendar} == calendar


async def test_a_contract_shows_its_reminders_and_keeps_the_orders_supplier(door: Door) -> None:
    order = await ordered(door, {"first": {}, "third": {"days": 12}, "calendar": "calendar-days"})
    shown = await door.get(OPERATOR, "/contracts/C-4321")
    reminders = {"first": {"days": 0}, "second": None, "third": {"days": 12}, "calendar": "calendar-days"}
    assert shown["reminders"] == reminders
    page = await door.get(CLIENT, f"/orders/{order}")
    assert page["contract"]["reminders"] == reminders
    assert shown["supplier"] == page["supplier"]["id"]
    assert "reminders" not in (await door.get({**SUPPLIER, "company": shown["supplier"]}, f"/orders/{order}"))["contract"]
    refused = await door.ask(OPERATOR, "PUT", "/contracts/C-4321", json={"supplier": "iyt"})
    assert (refused.status_code, refused.json()["field"]) == (422, "supplier")


async def test_what_was_there_before_the_reminders_is_awaited_too(door: Door) -> None:
    """The migration derives what the code derives."""
    order = await ordered(door, ALL)
    await note(door, order, "N1", "1")
    connection = await asyncpg.connect(door.settings.dsn)
    query = "SELECT line, noted, awaited FROM order_lines ORDER BY line"
    derived = await connection.fetch(query)
    supplier = await connection.fetchval("SELECT supplier FROM contracts")
    await connection.execute("UPDATE order_lines SET noted = false, awaited = NULL")
    await connection.execute("UPDATE contracts SET supplier = NULL")
    sql = (files("po_service") / "migrations" / "0006_reminders.sql").read_text()
    for statement in sql.split(";"):
        if "UPDATE order_lines" in statement or "UPDATE contracts" in statement:
            await connection.execute(statement)
    assert await connection.fetch(query) == derived
    assert supplier
    assert await connection.fetchval("SELECT supplier FROM contracts") == supplier
    assert [(row["noted"], row["awaited"]) for row in derived] == [(True, None), (False, date(2013, 3, 16))]
    await connection.close()
