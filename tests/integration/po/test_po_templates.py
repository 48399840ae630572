"""Templates and quantity requests over HTTP, and the scan *due-templates*."""

import asyncio
from typing import Any

import pytest
from tests.integration.po.door import CLIENT, OPERATOR, SUPPLIER, Door
from tests.integration.po.told import ACME, at, run, told

TASK, DUE, GONE = "due-templates", "TemplateDue", "TemplateWithdrawn"
DAILY = {"first_day": "2026-11-01", "every": "day"}
TEMPLATE = {
    "name": "Monthly paper",
    "company": "acme",
    "owner": "karin",
    "items": [{"item": "P-80", "name": "Copy paper", "quantity": "40", "unit": "BX"}],
    "assigned": [{"person": "otto", "role": "requester"}, {"person": "pia", "role": "buyer"}],
    "schedule": DAILY,
}
REQUEST = {**TEMPLATE, "kind": "quantity-request", "name": "Salt", "items": [{"item": "S-1", "name": "Salt"}, {"item": "S-2"}]}


@pytest.fixture(autouse=True)
async def acme(door: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    """Noon in Vienna on 20 November 2026."""
    await door.put("/companies/acme", ACME)
    at(monkeypatch, "2026-11-20T11:00:00")


async def put(door: Door, template: str = "T1", **changes: Any) -> Any:
    return await door.put(f"/demand-templates/{template}", {**TEMPLATE, **changes})


async def post(door: Door, path: str, who: dict[str, Any] = OPERATOR, **more: Any) -> Any:
    answer = await door.ask(who, "POST", path, **more)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def days(door: Door) -> list[str]:
    """The occurrences that were told, in their order."""
    return [fact["occurrence"] for fact in await told(door, DUE)]


@pytest.mark.parametrize(("kind", "given"), [("template", TEMPLATE), ("quantity-request", REQUEST)])
async def test_it_is_told_when_it_is_due_with_all_that_a_mail_needs(door: Door, kind: str, given: dict[str, Any]) -> None:
    await door.put("/demand-templates/T1", {**given, "valid_from": "2026-11-21", "valid_until": "2026-12-31"})
    assert [await run(door, TASK, f"2026-11-{day}") for day in (20, 21, 21, 20)] == [0, 1, 0, 0]
    (fact,) = await told(door, DUE)
    expected = {
        "template": "T1",
        "kind": kind,
        "name": given["name"],
        "owner": "karin",
        "assigned": given["assigned"],
        "as_of": "2026-11-21",
        "occurrence": "2026-11-21",
        "valid_from": "2026-11-21",
        "valid_until": "2026-12-31",
        "active": True,
        "withdrawn": False,
        "ce_company": "acme",
        "ce_subject": "T1",
        "ce_tenant": "demo",
    }
    assert {name: fact[name] for name in expected} == expected
    assert [(one["item"], one["quantity"]) for one in fact["items"]] == [(one["item"], one.get("quantity")) for one in given["items"]]


async def test_days_without_a_scan_delay_it_and_lose_nothing(door: Door) -> None:
    assert (await put(door))["next_due"] == "2026-11-20"
    assert [await run(door, TASK, f"2026-11-{day}") for day in (20, 24, 24, 25)] == [1, 4, 0, 1]
    assert [(fact["occurrence"][-2:], fact["as_of"][-2:]) for fact in await told(door, DUE)] == [
        *(("20", "20"), ("21", "24"), ("22", "24"), ("23", "24"), ("24", "24"), ("25", "25")),
    ]
    assert (await door.get(CLIENT, "/demand-templates/T1"))["next_due"] == "2026-11-26"


async def test_what_is_not_due(door: Door) -> None:
    """Up to 4 December."""
    given: dict[str, dict[str, Any]] = {
        "switched off": {"active": False},
        "without a schedule": {"schedule": None},
        "begins later": {"schedule": {"first_day": "2026-12-05", "every": "day"}},
        "was due once before it was made": {"schedule": {"first_day": "2026-11-19", "every": "once"}},
        "was due this month before it was made": {"schedule": {"first_day": "2026-11-19", "every": "month"}},
        "not yet valid": {"valid_from": "2026-12-05"},
        "valid no more": {"valid_until": "2026-11-19"},
    }
    for name, changes in given.items():
        await put(door, name, **changes)
    await put(door, "due", schedule={"first_day": "2026-12-04", "every": "once"})
    await run(door, TASK, "2026-12-04")
    assert [fact["template"] for fact in await told(door, DUE)] == ["due"]


async def test_it_is_due_up_to_the_last_day_of_its_validity_also_if_the_scan_comes_later(door: Door) -> None:
    await put(door, valid_until="2026-11-22")
    assert await run(door, TASK, "2026-12-04") == 3
    assert await days(door) == ["2026-11-20", "2026-11-21", "2026-11-22"]


async def test_each_kind_of_schedule(door: Door) -> None:
    expected = {
        "once": ({"first_day": "2026-11-25", "every": "once"}, ["11-25"]),
        "each 20th day": ({"first_day": "2026-11-21", "every": "day", "interval": 20}, ["11-21", "12-11", "12-31"]),
        "each third week": ({"first_day": "2026-11-02", "every": "week", "interval": 3}, ["11-23", "12-14"]),
        "at each month's end": ({"first_day": "2026-10-31", "every": "month"}, ["11-30", "12-31"]),
    }
    for name, (schedule, _) in expected.items():
        await put(door, name, schedule=schedule)
    for day in ("2026-11-22", "2026-12-01", "2026-12-31"):
        await run(door, TASK, day)
    found = await told(door, DUE)
    for name, (_, days_of) in expected.items():
        assert [fact["occurrence"][5:] for fact in found if fact["template"] == name] == days_of, name


async def test_another_schedule_counts_from_its_day_on(door: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the scan had missed before is told with the change; the day of the change is the new schedule's, and told once."""
    await put(door)
    await run(door, TASK)
    at(monkeypatch, "2026-11-23T11:00:00")
    changed = await put(door, schedule={"first_day": "2026-11-03", "every": "day", "interval": 2})
    assert (changed["next_due"], await days(door)) == ("2026-11-23", ["2026-11-20", "2026-11-21", "2026-11-22"])
    assert [await run(door, TASK, f"2026-11-{day}") for day in (23, 24, 25)] == [1, 0, 1]
    await put(door)
    assert await run(door, TASK, "2026-11-25") == 1
    assert (await days(door))[3:] == ["2026-11-23", "2026-11-25", "2026-11-24"]


async def test_another_name_keeps_its_days_and_the_same_again_changes_nothing(door: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    await put(door)
    at(monkeypatch, "2026-11-22T11:00:00")
    renamed = await put(door, name="Paper")
    assert (renamed["changed"], renamed["next_due"], renamed["version"]) == (True, "2026-11-20", 2)
    again = await put(door, name="Paper")
    assert (again["changed"], again["version"]) == (False, 2)
    assert await run(door, TASK) == 3
    assert {fact["name"] for fact in await told(door, DUE)} == {"Paper"}


async def test_switched_off_it_is_withdrawn_and_on_again_due_from_that_day(door: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    await put(door)
    await run(door, TASK)
    at(monkeypatch, "2026-11-23T11:00:00")
    await put(door, active=False)
    await put(door, active=False)
    (gone,) = await told(door, GONE)
    assert (gone["template"], gone["kind"], gone["name"], gone["ce_company"]) == ("T1", "template", "Monthly paper", "acme")
    assert await run(door, TASK, "2026-11-26") == 0
    at(monkeypatch, "2026-11-27T11:00:00")
    await put(door)
    assert await run(door, TASK) == 1
    assert await days(door) == ["2026-11-20", "2026-11-27"]


async def test_withdrawn_it_is_due_no_more_for_good(door: Door) -> None:
    await door.put("/demand-templates/Q1", REQUEST)
    one_click = {"headers": {"idempotency-key": "click"}}
    first = await post(door, "/demand-templates/Q1/withdraw", CLIENT, **one_click)
    assert await post(door, "/demand-templates/Q1/withdraw", CLIENT, **one_click) == first
    assert (first["outcome"], (await post(door, "/demand-templates/Q1/withdraw"))["outcome"]) == ("withdrawn", "unchanged")
    (gone,) = await told(door, GONE)
    assert (gone["template"], gone["kind"], gone["ce_actor"]) == ("Q1", "quantity-request", "karin")
    assert await run(door, TASK, "2026-12-01") == 0
    again = await door.ask(OPERATOR, "PUT", "/demand-templates/Q1", json=REQUEST)
    assert (again.status_code, again.json()["code"]) == (409, "template_withdrawn")


@pytest.mark.parametrize(
    ("zone", "before", "midnight"),
    [
        ("Pacific/Kiritimati", "2026-11-24T09:59:30", "2026-11-24T10:00:30"),
        ("America/Los_Angeles", "2026-11-25T07:59:30", "2026-11-25T08:00:30"),
    ],
)
async def test_the_day_begins_where_the_company_is(
    door: Door, monkeypatch: pytest.MonkeyPatch, zone: str, before: str, midnight: str
) -> None:
    await door.put("/companies/acme", {**ACME, "zone": zone})
    await put(door, schedule={"first_day": "2026-11-25", "every": "once"})
    at(monkeypatch, before)
    assert await run(door, TASK) == 0
    at(monkeypatch, midnight)
    assert await run(door, TASK) == 1


async def test_summer_time_takes_no_day_and_gives_none(door: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    """Scans about midnight and noon of the days of 25 and 23 hours, and of their neighbours: each day is found on that day, once."""
    for month, first in (("2026-10", 24), ("2027-03", 27)):
        at(monkeypatch, f"{month}-{first}T11:00:00")
        await put(door, f"T{month}", schedule={**DAILY, "first_day": "2026-10-01"}, valid_until=f"{month}-{first + 2}")
        for day in range(first, first + 4):
            for hour in (0, 1, 2, 11, 21, 22, 23):
                at(monkeypatch, f"{month}-{day}T{hour:02}:30:00")
                await run(door, TASK)
    found = await told(door, DUE)
    assert [fact["occurrence"] for fact in found] == [f"2026-10-{day}" for day in (24, 25, 26)] + [f"2027-03-{day}" for day in (27, 28, 29)]
    assert [fact["as_of"] for fact in found] == [fact["occurrence"] for fact in found]


async def test_scans_at_once_tell_each_day_once(door: Door) -> None:
    for number in range(10):
        await put(door, f"T{number}")
    raised = await asyncio.gather(*(run(door, TASK, "2026-11-21") for _ in range(4)))
    assert (sum(raised), len(await told(door, DUE))) == (20, 20)


async def test_a_change_during_a_scan_tells_each_day_once(door: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    await put(door)
    at(monkeypatch, "2026-11-22T11:00:00")
    other = {"first_day": "2026-11-22", "every": "week"}
    await asyncio.gather(run(door, TASK), put(door, schedule=other), run(door, TASK), put(door, schedule=other))
    await run(door, TASK)
    assert sorted(await days(door)) == ["2026-11-20", "2026-11-21", "2026-11-22"]


async def test_what_would_be_too_large_to_tell_is_refused_when_it_is_kept(door: Door) -> None:
    items = [{"item": f"{number:04}", "name": "ä" * 90, "unit": "BX"} for number in range(1_000)]
    await put(door, items=items)
    assert await run(door, TASK, "2026-11-20") == 1
    answer = await door.ask(
        OPERATOR, "PUT", "/demand-templates/T1", json={**TEMPLATE, "items": [{**one, "name": "ä" * 100} for one in items]}
    )
    assert (answer.status_code, answer.json()["code"], answer.json()["field"]) == (422, "too_large", "items")


REFUSED: list[tuple[dict[str, Any], str, str]] = [
    ({"company": "nowhere"}, "company_unknown", "company"),
    ({"schedule": {**DAILY, "every": "year"}}, "invalid", "schedule.every"),
    ({"schedule": {**DAILY, "interval": 0}}, "invalid", "schedule.interval"),
    ({"valid_from": "2026-11-02", "valid_until": "2026-11-01"}, "invalid", "valid_until"),
    ({"items": [{"item": "P", "quantity": "-1"}]}, "invalid", "items.0.quantity"),
    ({"kind": "quantity-request", "items": []}, "invalid", "items"),
    ({"kind": "quantity-request", "items": [{"item": "S"}, {"item": "S"}]}, "invalid", "items"),
    ({"assigned": [{"person": "otto"}]}, "invalid", "assigned.0.role"),
    ({"kind": "quantity-request"}, "kind_fixed", "kind"),
]


async def test_what_can_not_be_kept_names_the_field(door: Door) -> None:
    await put(door)
    for changes, code, field in REFUSED:
        answer = await door.ask(OPERATOR, "PUT", "/demand-templates/T1", json={**TEMPLATE, **changes})
        assert (answer.status_code, answer.json()["code"], answer.json()["field"]) == (422, code, field), answer.text


async def test_its_owner_keeps_it_and_nobody_else_but_operators(door: Door) -> None:
    assert (await door.ask(CLIENT, "PUT", "/demand-templates/T1", json=TEMPLATE)).status_code == 200
    other = {**CLIENT, "person": "otto"}
    for given in (TEMPLATE, {**TEMPLATE, "owner": "otto"}):
        assert (await door.ask(other, "PUT", "/demand-templates/T1", json=given)).json()["field"] == "owner"
    assert (await door.ask(other, "POST", "/demand-templates/T1/withdraw")).status_code == 403
    assert (await door.ask(SUPPLIER, "PUT", "/demand-templates/T2", json={**TEMPLATE, "owner": "john"})).status_code == 403
    assert (await door.ask(SUPPLIER, "GET", "/demand-templates/T1")).status_code == 404
    assert (await door.get(SUPPLIER, "/demand-templates"))["templates"] == []
    assert (await door.ask({**OPERATOR, "tenant": "other"}, "GET", "/demand-templates/T1")).status_code == 404


async def test_lists_are_by_kind_company_and_person(door: Door) -> None:
    await put(door)
    await door.put("/demand-templates/Q1", {**REQUEST, "assigned": [{"person": "olga", "role": "requester"}]})

    async def listed(**query: Any) -> list[str]:
        return [one["template"] for one in (await door.get(CLIENT, "/demand-templates", **query))["templates"]]

    assert await listed() == ["T1", "Q1"]
    assert (await listed(kind="quantity-request"), await listed(company="other"), await listed(assigned="otto")) == (["Q1"], [], ["T1"])
