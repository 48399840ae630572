"""Cost codes and credit cards over HTTP, and the task *Refresh control structures*."""

import asyncio
from typing import Any

import pytest
from tests.integration.po.door import CLIENT, OPERATOR, SUPPLIER, Door
from tests.integration.po.told import ACME, at, run, told

TASK, FACT = "refresh-control-structures", "ControlStructureExpired"
CODE = {
    "kind": "cost-code",
    "company": "acme",
    "code": "4400",
    "name": "Workshop",
    "valid_until": "2026-11-22",
    "person_responsible": "mia",
}
CARD = {"kind": "credit-card", "company": "acme", "code": "4242", "name": "Fleet card", "valid_until": "2026-11-30", "lead_days": 14}


@pytest.fixture(autouse=True)
async def acme(door: Door) -> None:
    await door.put("/companies/acme", ACME)


async def test_an_expired_one_is_told_once_with_all_that_a_mail_needs(door: Door) -> None:
    await door.put("/control-structures/K1", CODE)
    assert [await run(door, TASK, day) for day in ("2026-11-22", "2026-11-23", "2026-11-23", "2026-12-24")] == [0, 1, 0, 0]
    (fact,) = await told(door, FACT)
    expected = {
        **{name: CODE[name] for name in ("kind", "code", "name", "valid_until", "person_responsible")},
        "structure": "K1",
        "as_of": "2026-11-23",
        "lead_days": 0,
        "ce_company": "acme",
        "ce_subject": "K1",
        "ce_tenant": "demo",
    }
    assert {name: fact[name] for name in expected} == expected


async def test_days_without_a_scan_delay_it_and_lose_nothing(door: Door) -> None:
    for number, last in enumerate(("2026-11-01", "2026-11-15", "2026-11-29")):
        await door.put(f"/control-structures/K{number}", {**CODE, "valid_until": last})
    assert await run(door, TASK, "2026-11-23") == 2
    assert [(fact["structure"], fact["as_of"]) for fact in await told(door, FACT)] == [("K0", "2026-11-23"), ("K1", "2026-11-23")]


async def test_it_is_told_some_days_ahead_where_that_is_wanted(door: Door) -> None:
    await door.put("/control-structures/C1", CARD)
    assert [await run(door, TASK, day) for day in ("2026-11-16", "2026-11-17", "2026-12-01")] == [0, 1, 0]
    (fact,) = await told(door, FACT)
    assert (fact["as_of"], fact["lead_days"], fact["code"], fact["person_responsible"]) == ("2026-12-01", 14, "4242", None)


async def test_a_renewed_one_may_expire_again_and_a_kept_end_may_not(door: Door) -> None:
    await door.put("/control-structures/K1", CODE)
    assert await run(door, TASK, "2026-11-23") == 1
    await door.put("/control-structures/K1", {**CODE, "name": "Garage", "person_responsible": "otto", "lead_days": 5})
    assert await run(door, TASK, "2026-11-24") == 0
    await door.put("/control-structures/K1", {**CODE, "valid_until": "2027-11-22"})
    assert [await run(door, TASK, day) for day in ("2027-11-22", "2027-11-23", "2027-11-24")] == [0, 1, 0]


@pytest.mark.parametrize(
    ("zone", "before", "midnight"),
    [
        ("Pacific/Kiritimati", "2026-11-22T09:59:30", "2026-11-22T10:00:30"),
        ("America/Los_Angeles", "2026-11-23T07:59:30", "2026-11-23T08:00:30"),
        ("Europe/Vienna", "2026-11-22T22:59:30", "2026-11-22T23:00:30"),
    ],
)
async def test_the_day_ends_where_the_company_is(
    door: Door, monkeypatch: pytest.MonkeyPatch, zone: str, before: str, midnight: str
) -> None:
    """Its last day, 22 November, is over at midnight there, and not at anybody else's."""
    await door.put("/companies/acme", {**ACME, "zone": zone})
    await door.put("/control-structures/K1", CODE)
    at(monkeypatch, before)
    assert await run(door, TASK) == 0
    at(monkeypatch, midnight)
    assert await run(door, TASK) == 1


@pytest.mark.parametrize(
    ("last", "before", "midnight"),
    [
        ("2026-03-28", "2026-03-28T22:59:30", "2026-03-28T23:00:30"),
        ("2026-03-29", "2026-03-29T21:59:30", "2026-03-29T22:00:30"),
        ("2026-10-24", "2026-10-24T21:59:30", "2026-10-24T22:00:30"),
        ("2026-10-25", "2026-10-25T22:59:30", "2026-10-25T23:00:30"),
    ],
)
async def test_days_of_23_and_25_hours_end_at_their_midnight(
    door: Door, monkeypatch: pytest.MonkeyPatch, last: str, before: str, midnight: str
) -> None:
    await door.put("/control-structures/K1", {**CODE, "valid_until": last})
    at(monkeypatch, before)
    assert await run(door, TASK) == 0
    at(monkeypatch, midnight)
    assert await run(door, TASK) == 1


async def test_scans_at_once_tell_it_once(door: Door) -> None:
    for number in range(20):
        await door.put(f"/control-structures/K{number}", CODE)
    raised = await asyncio.gather(*(run(door, TASK, "2026-11-23") for _ in range(4)))
    assert (sum(raised), len(await told(door, FACT))) == (20, 20)


async def test_another_tenants_are_another_runs(door: Door) -> None:
    other = {**OPERATOR, "tenant": "other"}
    await door.ask(other, "PUT", "/companies/acme", json=ACME)
    assert (await door.ask(other, "PUT", "/control-structures/K1", json=CODE)).status_code == 200
    assert await run(door, TASK, "2026-11-23") == 0
    assert (await door.ask(OPERATOR, "GET", "/control-structures/K1")).status_code == 404


REFUSED: list[tuple[str, dict[str, Any], str, str]] = [
    ("C1", {"code": "4242424242424242"}, "card_number_refused", "code"),
    ("C1", {"name": "Visa 4242 4242 4242 4242"}, "card_number_refused", "name"),
    ("4242424242424242", {}, "card_number_refused", "id"),
    ("C1", {"code": "424"}, "last_four_digits", "code"),
    ("C1", {"code": "4242424242424241"}, "last_four_digits", "code"),
    ("C1", {"code": "٤٢٤٢"}, "last_four_digits", "code"),
    ("C1", {"company": "nowhere"}, "company_unknown", "company"),
    ("C1", {"kind": "cheque"}, "invalid", "kind"),
    ("C1", {"valid_until": "soon"}, "invalid", "valid_until"),
    ("C1", {"lead_days": -1}, "invalid", "lead_days"),
]


async def test_what_can_not_be_kept_names_the_field(door: Door) -> None:
    for structure, changes, code, field in REFUSED:
        answer = await door.ask(OPERATOR, "PUT", f"/control-structures/{structure}", json={**CARD, **changes})
        assert (answer.status_code, answer.json()["code"], answer.json()["field"]) == (422, code, field), answer.text
        assert "4242424242" not in answer.text.replace(" ", ""), "an answer repeats no card's number"
    assert (await door.get(OPERATOR, "/control-structures"))["control_structures"] == []


async def test_who_sees_and_who_keeps_them(door: Door) -> None:
    kept = await door.put("/control-structures/C1", CARD)
    await door.put("/control-structures/K1", CODE)
    assert await door.get(CLIENT, "/control-structures/C1") == kept
    shown = (await door.get(CLIENT, "/control-structures"))["control_structures"]
    assert [one["control_structure"] for one in shown] == ["K1", "C1"]
    assert (await door.get(CLIENT, "/control-structures", kind="credit-card", company="acme"))["control_structures"] == [kept]
    assert (await door.get(CLIENT, "/control-structures", company="other"))["control_structures"] == []
    assert (await door.ask(CLIENT, "PUT", "/control-structures/C1", json=CARD)).status_code == 403
    assert (await door.ask(SUPPLIER, "GET", "/control-structures/C1")).status_code == 404
    assert (await door.get(SUPPLIER, "/control-structures"))["control_structures"] == []
