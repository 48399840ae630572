"""A quantity request is released by its purchaser and replied to by its requesters."""

import asyncio
from typing import Any

import pytest
from tests.integration.po.door import CLIENT, OPERATOR, SUPPLIER, Door
from tests.integration.po.told import ACME, at, told

FACT = "QuantityRequestReplied"
PIA, OLGA, OTTO = ({"person": name, "side": "client", "company": "acme"} for name in ("pia", "olga", "otto"))
REQUEST = {
    "kind": "quantity-request",
    "name": "Salt for the winter",
    "company": "acme",
    "owner": "pia",
    "items": [{"item": "S-1", "name": "Road salt 25 kg", "unit": "BG"}, {"item": "S-2", "name": "Grit"}],
    "assigned": [{"person": "olga", "role": "requester"}, {"person": "otto", "role": "requester"}],
    "valid_from": "2026-11-01",
    "valid_until": "2026-11-30",
}
LINES = [{"item": "S-1", "quantity": "120"}, {"item": "S-2", "quantity": "3.5", "unit": "TNE"}]


@pytest.fixture(autouse=True)
async def request_(door: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    """Noon in Vienna on 23 November 2026."""
    at(monkeypatch, "2026-11-23T11:00:00")
    await door.put("/companies/acme", ACME)
    await door.put("/people/olga", {"name": "Olga Orderer", "company": "acme"})
    await door.put("/demand-templates/Q1", REQUEST)


async def release(door: Door, who: dict[str, Any] = PIA) -> Any:
    answer = await door.ask(who, "POST", "/quantity-requests/Q1/release")
    assert answer.status_code == 200, answer.text
    return answer.json()


async def reply(door: Door, who: dict[str, Any] = OLGA, lines: Any = LINES, **more: Any) -> Any:
    answer = await door.ask(who, "POST", "/quantity-requests/Q1/replies", json={"lines": lines}, **more)
    assert answer.status_code == 201, answer.text
    return answer.json()


async def test_the_purchaser_who_released_it_is_told_of_a_reply(door: Door) -> None:
    released = await release(door)
    assert (released["outcome"], released["released_by"], (await release(door))["outcome"]) == ("released", "pia", "unchanged")
    assert (await reply(door))["outcome"] == "recorded"
    (fact,) = await told(door, FACT)
    expected = {
        "request": "Q1",
        "name": "Salt for the winter",
        "revision": 1,
        "requester": "olga",
        "requester_name": "Olga Orderer",
        "purchaser": "pia",
        "replied_on": "2026-11-23",
        "valid_from": "2026-11-01",
        "valid_until": "2026-11-30",
        "ce_actor": "olga",
        "ce_company": "acme",
        "ce_subject": "Q1",
        "lines": [
            {"item": "S-1", "name": "Road salt 25 kg", "quantity": "120", "unit": "BG"},
            {"item": "S-2", "name": "Grit", "quantity": "3.5", "unit": "TNE"},
        ],
    }
    assert {name: fact[name] for name in expected} == expected


async def test_the_same_again_is_unchanged_and_a_changed_one_the_next_revision(door: Door) -> None:
    await release(door)
    same = [{"item": "S-2", "quantity": "3.50", "unit": "TNE"}, {"item": "S-1", "quantity": "120.0", "unit": "BG"}]
    answers = [await reply(door, lines=lines) for lines in (LINES, same, LINES[:1], LINES)]
    assert [(one["outcome"], one["revision"]) for one in answers] == [("recorded", 1), ("unchanged", 1), ("recorded", 2), ("recorded", 3)]
    await reply(door, OTTO)
    facts = await told(door, FACT)
    assert [(fact["requester"], fact["revision"]) for fact in facts] == [("olga", 1), ("olga", 2), ("olga", 3), ("otto", 1)]
    assert len({fact["reply"] for fact in facts}) == 2
    kept = (await door.get(PIA, "/quantity-requests/Q1/replies"))["replies"]
    assert [(one["requester"], one["revision"], len(one["lines"])) for one in kept] == [("olga", 3, 2), ("otto", 1, 2)]


async def test_a_double_click_is_one_reply(door: Door) -> None:
    await release(door)
    answers = await asyncio.gather(*(reply(door) for _ in range(4)))
    assert sorted(one["outcome"] for one in answers) == ["recorded", "unchanged", "unchanged", "unchanged"]
    key = {"headers": {"idempotency-key": "click"}}
    first, second = [await reply(door, lines=LINES[:1], **key) for _ in range(2)]
    assert (first, first["revision"]) == (second, 2)
    assert len(await told(door, FACT)) == 2


async def test_who_releases_it_later_is_told_from_then_on(door: Door) -> None:
    await release(door)
    await reply(door)
    await release(door, CLIENT)
    await reply(door, OTTO)
    assert [fact["purchaser"] for fact in await told(door, FACT)] == ["pia", "karin"]


@pytest.mark.parametrize(
    ("moment", "said"),
    [
        ("2026-10-31T22:59:30", "outside_validity"),
        ("2026-10-31T23:00:30", None),
        ("2026-11-30T22:59:30", None),
        ("2026-11-30T23:00:30", "outside_validity"),
    ],
)
async def test_it_is_replied_to_on_the_days_of_its_validity_where_the_company_is(
    door: Door, monkeypatch: pytest.MonkeyPatch, moment: str, said: str | None
) -> None:
    await release(door)
    at(monkeypatch, moment)
    answer = await door.ask(OLGA, "POST", "/quantity-requests/Q1/replies", json={"lines": LINES})
    assert answer.json().get("code") == said
    assert len(await told(door, FACT)) == (0 if said else 1)


async def test_a_reply_that_comes_too_late_leaves_the_earlier_one(door: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    await release(door)
    await reply(door)
    at(monkeypatch, "2026-12-02T11:00:00")
    late = await door.ask(OLGA, "POST", "/quantity-requests/Q1/replies", json={"lines": LINES[:1]})
    assert (late.status_code, late.json()["code"]) == (409, "outside_validity")
    assert "2026-11-30" in late.json()["detail"]
    assert [len(one["lines"]) for one in (await door.get(OLGA, "/quantity-requests/Q1/replies"))["replies"]] == [2]
    assert (await door.ask(PIA, "POST", "/quantity-requests/Q1/release")).json()["code"] == "outside_validity"
    await door.put("/demand-templates/Q1", {**REQUEST, "valid_until": "2026-12-31"})
    assert (await reply(door, lines=LINES[:1]))["revision"] == 2


@pytest.mark.parametrize(("changes", "code"), [({"active": False}, "request_inactive"), (None, "request_withdrawn"), ({}, "not_released")])
async def test_what_is_not_open_takes_no_reply(door: Door, changes: dict[str, Any] | None, code: str) -> None:
    if changes is None:
        await door.ask(PIA, "POST", "/demand-templates/Q1/withdraw")
    else:
        await door.put("/demand-templates/Q1", {**REQUEST, **changes})
    answer = await door.ask(OLGA, "POST", "/quantity-requests/Q1/replies", json={"lines": LINES})
    assert (answer.status_code, answer.json()["code"]) == (409, code)
    assert await told(door, FACT) == []


REFUSED: list[tuple[dict[str, Any], list[dict[str, str]], int, str, str | None]] = [
    (OLGA, [{"item": "S-9", "quantity": "1"}], 422, "item_unknown", "lines.0.item"),
    (OLGA, [*LINES, LINES[0]], 422, "item_twice", "lines.2.item"),
    (OLGA, [], 422, "invalid", "lines"),
    (OLGA, [{"item": "S-1"}], 422, "invalid", "lines.0.quantity"),
    (OLGA, [{"item": "S-1", "quantity": "-1"}], 422, "invalid", "lines.0.quantity"),
    (PIA, LINES, 403, "not_assigned", None),
    (SUPPLIER, LINES, 403, "forbidden", None),
    ({**OLGA, "tenant": "other"}, LINES, 404, "template_unknown", None),
]


async def test_what_is_no_reply_says_why(door: Door) -> None:
    await release(door)
    for who, lines, status, code, field in REFUSED:
        answer = await door.ask(who, "POST", "/quantity-requests/Q1/replies", json={"lines": lines})
        assert (answer.status_code, answer.json()["code"], answer.json()["field"]) == (status, code, field), answer.text
    assert await told(door, FACT) == []


async def test_a_template_is_neither_released_nor_replied_to(door: Door) -> None:
    await door.put("/demand-templates/T1", {**REQUEST, "kind": "template"})
    for path, body in (("release", None), ("replies", {"lines": LINES})):
        answer = await door.ask(PIA, "POST", f"/quantity-requests/T1/{path}", json=body)
        assert (answer.status_code, answer.json()["code"]) == (409, "no_quantity_request")
    assert (await door.ask(SUPPLIER, "POST", "/quantity-requests/Q1/release")).status_code == 403
    assert (await door.ask(SUPPLIER, "GET", "/quantity-requests/Q1/replies")).status_code == 404
    assert (await door.ask(OPERATOR, "GET", "/quantity-requests/none/replies")).status_code == 404
