"""Catalogs and their items over HTTP, and the prices that end."""

import asyncio
from typing import Any

import pytest
from tests.integration.po.door import CLIENT, OPERATOR, SUPPLIER, Door
from tests.integration.po.support import sample
from tests.integration.po.told import ACME, at, run, told

from postroom import db
from postroom.auth import Principal

FACT, TASK = "CatalogItemsChanged", "check-price-validity"
PIA = {"person": "pia", "side": "client", "company": "acme", "roles": ["catalog-manager"]}
OTTO = {"person": "otto", "side": "client", "company": "acme", "roles": ["buyer"]}
DRILL = {"item": "D-18", "name": "Drill", "price": "129.00", "currency": "EUR", "unit": "EA", "valid_until": "2026-12-31"}
BITS = {"item": "D-19", "name": "Bits", "price": "19.90", "currency": "EUR"}


async def catalog(door: Door, **head: Any) -> Any:
    await door.put("/companies/acme", ACME)
    await door.put("/companies/nordwind", {"name": "Nordwind", "side": "supplier"})
    await door.put("/people/pia", {"name": "Pia", "company": "acme"})
    return await door.put("/catalogs/CAT-9", {"name": "Tools", "company": "acme", "supplier": "nordwind", **head})


async def items(door: Door, *given: dict[str, Any], who: dict[str, Any] = OPERATOR, **more: Any) -> Any:
    answer = await door.ask(who, "PUT", "/catalogs/CAT-9/items", json={"items": given, **more})
    assert answer.status_code == 200, answer.text
    return answer.json()


async def test_items_are_compared_with_what_was_there(door: Door) -> None:
    await catalog(door, managers=["pia"], notify_on=["price", "removed"])
    first = await items(door, DRILL, BITS, who=PIA)
    assert (first["outcome"], first["version"], first["counts"]) == ("changed", 1, {"added": 2})
    assert (await items(door, DRILL, {**BITS, "price": "19.9"}))["outcome"] == "unchanged"
    second = await items(door, {**DRILL, "price": "139.00"})
    assert (second["version"], second["counts"]) == (2, {"removed": 1, "price": 1})
    imported, changed = await told(door, FACT)
    assert (imported["ce_actor"], imported["ce_company"], imported["ce_subject"], imported["cause"]) == ("pia", "acme", "CAT-9", "changed")
    assert (changed["supplier"], changed["managers"], changed["notify_on"]) == ("Nordwind", ["pia"], ["price", "removed"])
    assert [(one["kind"], one["item"], one["old"], one["new"]) for one in changed["changes"]] == [
        ("price", "D-18", "129.00", "139.00"),
        ("removed", "D-19", "Bits", ""),
    ]
    assert (changed["ce_actor"], changed["version"], changed["ce_aggregateversion"]) == ("operator", 2, "2")


async def test_a_part_leaves_the_rest_alone(door: Door) -> None:
    await catalog(door)
    await items(door, DRILL, BITS)
    answer = await items(door, {**DRILL, "name": "Big drill"}, {**BITS, "item": "D-20"}, whole=False, remove=["D-19", "unheard-of"])
    assert answer["counts"] == {"added": 1, "removed": 1, "description": 1}
    page = await door.get(CLIENT, "/catalogs/CAT-9/items", limit=1, offset=1)
    assert (page["total"], page["version"], [one["item"] for one in page["items"]]) == (2, 2, ["D-20"])
    assert (await items(door, whole=False))["outcome"] == "unchanged"
    assert (await items(door))["counts"] == {"removed": 2}


async def test_the_head_changes_without_a_version(door: Door) -> None:
    await catalog(door)
    await items(door, DRILL)
    head = await catalog(door, name="Tools 2027", managers=["pia", "pia"])
    assert (head["catalog"], head["version"], head["name"], head["managers"]) == ("CAT-9", 1, "Tools 2027", ["pia"])
    assert len(await told(door, FACT)) == 1
    assert [one["name"] for one in (await door.get(CLIENT, "/catalogs"))["catalogs"]] == ["Tools 2027"]
    assert (await items(door, BITS))["version"] == 2
    assert (await told(door, FACT))[1]["managers"] == ["pia"]


async def test_two_at_once_count_on_from_one_another(door: Door) -> None:
    await catalog(door)
    await items(door, DRILL)
    prices = [items(door, {**DRILL, "price": f"{price}.00"}, whole=False) for price in (130, 131, 132, 133)]
    assert sorted(answer["version"] for answer in await asyncio.gather(*prices)) == [2, 3, 4, 5]
    changes = [one["changes"][0] for one in await told(door, FACT)]
    assert [one["old"] for one in changes[2:]] == [one["new"] for one in changes[1:-1]]


WRONG: list[tuple[str, dict[str, Any], str | None]] = [
    ("", {"name": "Tools", "company": "nobody"}, "company"),
    ("", {"name": "Tools", "company": "acme", "supplier": "nobody"}, "supplier"),
    ("", {"name": "Tools", "company": "acme", "managers": ["pia", "nobody"]}, "managers.1"),
    ("", {"name": "Tools", "company": "acme", "notify_on": ["prices"]}, "notify_on.0"),
    ("", {"company": "acme"}, "name"),
    ("/items", {"items": [DRILL, DRILL]}, "items.1.item"),
    ("/items", {"items": [{**DRILL, "price": 129.0}]}, "items.0.price"),
    ("/items", {"items": [{**DRILL, "price": "-1"}]}, "items.0.price"),
    ("/items", {"items": [{**DRILL, "currency": ""}]}, "items.0"),
    ("/items", {"items": [{**DRILL, "valid_from": "2027-01-01"}]}, "items.0"),
    ("/items", {"items": [DRILL], "remove": ["D-19"]}, "body"),
    ("/items", {"items": [{"item": "a\x00b", "name": "x"}]}, None),
]


async def test_what_is_wrong_is_named(door: Door) -> None:
    await catalog(door)
    for path, body, field in WRONG:
        answer = await door.ask(OPERATOR, "PUT", f"/catalogs/CAT-9{path}", json=body)
        assert (answer.status_code, answer.json()["field"]) == (422, field), answer.text
    assert (await door.get(OPERATOR, "/catalogs/CAT-9"))["version"] == 0


@pytest.mark.parametrize("who", [OTTO, SUPPLIER], ids=["a buyer", "a supplier"])
async def test_others_may_not_change_it(door: Door, who: dict[str, Any]) -> None:
    await catalog(door)
    answer = await door.ask(who, "PUT", "/catalogs/CAT-9/items", json={"items": []})
    assert answer.status_code == (404 if who is SUPPLIER else 403)
    assert (await door.ask(PIA, "PUT", "/catalogs/CAT-9", json={"name": "T", "company": "acme"})).status_code == 403
    assert (await door.ask(OPERATOR, "PUT", "/catalogs/CAT-8/items", json={"items": []})).json()["code"] == "catalog_unknown"


async def test_a_manager_may_without_the_role(door: Door) -> None:
    await catalog(door, managers=["pia"])
    assert (await items(door, DRILL, who={**PIA, "roles": []}))["outcome"] == "changed"


async def test_suppliers_and_other_tenants_see_none_of_it(door: Door) -> None:
    await catalog(door)
    await items(door, DRILL)
    await door.put("/invoices/I1", {"number": "88", "company": "acme"})
    await door.ask(OPERATOR, "POST", "/invoices/I1/checks", json={"code": "PRI"})
    pool = await db.open_pool(door.settings, "api")
    seen = {}
    for name, who in {"supplier": SUPPLIER, "other": {**CLIENT, "tenant": "other"}, "client": CLIENT}.items():
        async with db.as_principal(pool, Principal.model_validate({"tenant": "demo", **who})) as connection:
            tables = ("catalogs", "catalog_items", "invoices", "invoice_checks")
            seen[name] = [await connection.fetchval(f"SELECT count(*) FROM {table}") for table in tables]  # noqa: S608 - names above
    await pool.close()
    assert seen == {"supplier": [0] * 4, "other": [0] * 4, "client": [1] * 4}


async def test_a_document_leaves_alone_what_the_buyer_decided(door: Door) -> None:
    await catalog(door)
    id_ = (await door.hand_in(sample("catalogue-1.xml")))["catalog"]
    known = await door.get(OPERATOR, f"/catalogs/{id_}")
    assert (known["name"], known["managers"], known["supplier_name"], known["version"]) == ("Tools 2027", [], "Consortial", 1)
    head = {"name": "Our tools", "company": known["company"], "supplier": known["supplier"], "managers": ["pia"], "notify_on": ["price"]}
    await door.put(f"/catalogs/{id_}", head)
    assert (await door.hand_in(sample("catalogue-2.xml")))["outcome"] == "processed"
    known = await door.get(OPERATOR, f"/catalogs/{id_}")
    assert (known["managers"], known["notify_on"], known["version"], known["document_number"]) == (["pia"], ["price"], 2, "CAT-2")
    assert (await told(door, FACT))[-1]["managers"] == ["pia"]


async def test_a_price_has_ended_once_its_last_day_is_over(door: Door) -> None:
    await catalog(door, managers=["pia"])
    await items(door, DRILL, BITS, {**DRILL, "item": "D-20", "valid_until": "2027-01-15"})
    assert [await run(door, TASK, day) for day in ("2026-12-31", "2027-01-01", "2027-01-01", "2027-01-10")] == [0, 1, 0, 0]
    (ended,) = [one for one in await told(door, FACT) if one["cause"] == "expired"]
    assert (ended["counts"], ended["managers"], ended["version"], ended["ce_company"]) == ({"expired": 1}, ["pia"], 1, "acme")
    assert "ce_actor" not in ended
    (change,) = ended["changes"]
    assert (change["kind"], change["item"], change["old"], change["valid_until"]) == ("expired", "D-18", "129.00", "2026-12-31")
    await items(door, {**DRILL, "valid_until": "2027-01-05"}, whole=False)
    assert await run(door, TASK, "2027-02-01") == 1, "the new end, and D-20's, in one event"
    last = (await told(door, FACT))[-1]
    assert [(one["item"], one["valid_until"]) for one in last["changes"]] == [("D-18", "2027-01-05"), ("D-20", "2027-01-15")]


async def test_what_is_removed_or_open_ended_does_not_end(door: Door) -> None:
    await catalog(door)
    await items(door, DRILL, BITS)
    await items(door, BITS)
    assert await run(door, TASK, "2030-01-01") == 0


@pytest.mark.parametrize(
    ("moment", "zone", "raised"),
    [
        ("2026-12-31T22:59:00", "Europe/Vienna", 0),
        ("2026-12-31T23:01:00", "Europe/Vienna", 1),
        ("2027-01-01T00:30:00", "America/New_York", 0),
        ("2026-12-31T10:30:00", "Pacific/Kiritimati", 1),
    ],
)
async def test_the_day_ends_where_the_company_is(door: Door, monkeypatch: pytest.MonkeyPatch, moment: str, zone: str, raised: int) -> None:
    await catalog(door)
    await door.put("/companies/acme", {**ACME, "zone": zone})
    await items(door, DRILL)
    at(monkeypatch, moment)
    assert await run(door, TASK) == raised


async def test_two_thousand_prices_end_in_two_events_and_each_once(door: Door) -> None:
    await catalog(door)
    await items(door, *({**DRILL, "item": f"D-{number:04}"} for number in range(2_000)))
    answers = await asyncio.gather(*(run(door, TASK, "2027-03-01") for _ in range(3)))
    assert sorted(answers) == [0, 0, 2]
    ended = [one for one in await told(door, FACT) if one["cause"] == "expired"]
    assert len({change["item"] for one in ended for change in one["changes"]}) == 2_000
