"""Requisition items and order generation over HTTP: minimum order value, what is ordered, and what is told."""

import asyncio
from typing import Any

import pytest
from tests.integration.po.door import CLIENT, OPERATOR, SUPPLIER, Door
from tests.integration.po.told import ACME, run, told

from po_service.api import order_generation

NORDWIND = {"name": "Nordwind", "side": "supplier", "endpoints": ["0088:2"]}
ANNA = {"person": "anna", "side": "client", "company": "acme"}


async def contract(door: Door, number: str = "RV-77", **more: Any) -> str:
    await door.put("/companies/acme", {**ACME, "endpoints": ["0088:1"]})
    await door.put("/companies/nordwind", NORDWIND)
    for person in ("anna", "ben", "paula"):
        await door.put(f"/people/{person}", {"name": person.title(), "email": f"{person}@acme.example", "company": "acme"})
    body = {"buyer": "acme", "purchaser_contact": "paula", "currency": "EUR", "minimum_order_value": "100.00", "supplier": "nordwind"}
    return str((await door.put(f"/contracts/{number}", {**body, **more}))["contract"])


async def want(door: Door, item: str, net: str, requester: str = "anna", **more: Any) -> Any:
    body = {"contract": "RV-77", "requester": requester, "name": f"Item {item}", "quantity": "2", "unit": "EA", "net": net}
    answer = await door.ask(CLIENT, "PUT", f"/requisitions/{item}", json={**body, **more})
    assert answer.status_code == 200, answer.text
    return answer.json()


async def generate(door: Door, named: str | None = "RV-77", **more: Any) -> Any:
    answer = await door.ask(CLIENT, "POST", "/order-generation", json={"contract": named} if named else {}, **more)
    assert answer.status_code == 201, answer.text
    return answer.json()


async def test_below_the_minimum_items_stay_open_and_each_run_tells(door: Door) -> None:
    await contract(door)
    await want(door, "a", "60.00")
    await want(door, "b", "20.00", "ben")
    first, second = await generate(door), await generate(door)
    assert [one["outcome"] for one in first["contracts"] + second["contracts"]] == ["below-minimum"] * 2
    facts = await told(door, "MinimumOrderValueNotReached")
    assert [fact["run"] for fact in facts] == [first["run"], second["run"]]
    assert facts[0]["order"] == facts[1]["order"]
    assert (facts[0]["minimum"], facts[0]["total"], facts[0]["purchaser_contact"]) == ("100.00", "80.00", "paula")
    assert [(one["item"], one["requester"], one["net"]) for one in facts[0]["items"]] == [("a", "anna", "60.00"), ("b", "ben", "20.00")]
    assert {one["state"] for one in (await door.get(CLIENT, "/requisitions"))["items"]} == {"open"}
    assert (await door.get(CLIENT, "/orders"))["orders"] == []


async def test_of_many_contracts_a_call_does_some_and_says_where_to_go_on(door: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    """One below its minimum, which stays open, doesn't stand in the way of those behind it."""
    monkeypatch.setattr(order_generation, "AT_ONCE", 1)
    numbers = ("RV-77", "RV-78", "RV-79")
    for number in numbers:
        await contract(door, number)
        await want(door, f"of {number}", "1.00" if number == "RV-77" else "150.00", contract=number)
    seen: dict[str, str] = {}
    after = None
    for place in range(3):
        answer = await door.ask(CLIENT, "POST", "/order-generation", json={"after": after})
        assert answer.status_code == 201, answer.text
        after = answer.json()["next"]
        assert len(answer.json()["contracts"]) == 1
        assert (after is None) == (place == 2)
        seen |= {one["number"]: one["outcome"] for one in answer.json()["contracts"]}
    assert seen == {"RV-77": "below-minimum", "RV-78": "ordered", "RV-79": "ordered"}


async def test_once_the_minimum_is_reached_they_are_ordered_in_one_order(door: Door) -> None:
    id_ = await contract(door, reminders={"first": {}})
    await want(door, "a", "60.00", delivery_date="2026-11-18")
    await generate(door)
    await want(door, "b", "40.00", "ben")
    (ordered,) = (await generate(door))["contracts"]
    assert (ordered["outcome"], ordered["order"]["number"], ordered["items"]) == ("ordered", "RV-77-1", 2)
    page = await door.get(CLIENT, f"/orders/{ordered['order']['id']}")
    assert (page["supplier"]["id"], page["buyer"]["id"], page["currency"], page["contract"]["id"]) == ("nordwind", "acme", "EUR", id_)
    assert [(one["item"], one["ordered_by"]["person"], one["net"]) for one in page["lines"]] == [
        ("Item a", "anna", "60.00"),
        ("Item b", "ben", "40.00"),
    ]
    item = await door.get(CLIENT, "/requisitions/b")
    assert (item["state"], item["order_id"], item["line"]) == ("ordered", page["id"], "2")
    assert (await generate(door))["contracts"] == []
    # It is an order as any other: its supplier sees it, and its delivery note is awaited.
    assert (await door.get({**SUPPLIER, "company": "nordwind"}, f"/orders/{page['id']}"))["number"] == "RV-77-1"
    await run(door, "remind-delivery-notes", "2026-11-19")
    assert [one["line"] for fact in await told(door, "DeliveryNoteOverdue") for one in fact["lines"]] == ["1"]


async def test_each_order_of_a_contract_has_the_next_number(door: Door) -> None:
    await contract(door, minimum_order_value=None)
    numbers = []
    for number in range(11):
        await want(door, f"i{number}", "1.00")
        numbers += [one["order"]["number"] for one in (await generate(door))["contracts"]]
    assert numbers == [f"RV-77-{number}" for number in range(1, 12)]


async def of_two_companies(door: Door, minimum: str | None = None, endpoints: tuple[str, ...] = ()) -> list[str]:
    """A contract RV-77 of each with one supplier, and an item under each."""
    ids = [await contract(door, minimum_order_value=minimum)]
    await door.put("/companies/acme", {**ACME, "endpoints": endpoints[:1]})
    await door.put("/companies/apex", {**ACME, "name": "Apex", "endpoints": endpoints[1:]})
    terms = {"buyer": "apex", "purchaser_contact": "paula", "currency": "EUR", "minimum_order_value": minimum, "supplier": "nordwind"}
    ids.append((await door.put("/contracts/RV-77", terms))["contract"])
    for number, id_ in enumerate(ids):
        await want(door, f"i{number}", "1.00", contract=id_)
    return ids


async def numbers_and_items(door: Door) -> list[tuple[str, list[str]]]:
    """(number, its items) of each order."""
    orders = (await door.get(CLIENT, "/orders"))["orders"]
    pages = [await door.get(CLIENT, f"/orders/{one['id']}") for one in orders]
    return sorted((page["number"], [line["item"] for line in page["lines"]]) for page in pages)


@pytest.mark.parametrize("endpoints", [(), ("0088:1", "0088:3")])
async def test_contracts_of_one_number_have_an_order_each_with_a_number_of_its_own(door: Door, endpoints: tuple[str, ...]) -> None:
    """Found by reading: two companies' contracts RV-77 with one supplier both became RV-77-1, without endpoints even one order."""
    await of_two_companies(door, endpoints=endpoints)
    await generate(door, None)
    assert [number for number, _ in await numbers_and_items(door)] == ["RV-77-1", "RV-77-2"]
    assert sorted(items for _, items in await numbers_and_items(door)) == [["Item i0"], ["Item i1"]]


async def test_calls_at_once_number_their_orders_one_after_the_other(door: Door) -> None:
    """Each locks only its own contract: both took the number that was free."""
    ids = await of_two_companies(door)
    await asyncio.gather(*(generate(door, id_) for id_ in ids))
    assert [number for number, _ in await numbers_and_items(door)] == ["RV-77-1", "RV-77-2"]


async def test_without_endpoints_each_company_is_told_of_an_order_of_its_own(door: Door) -> None:
    """Found by reading: both events had one id, and the second was parked as a conflict."""
    await of_two_companies(door, "100.00")
    await generate(door, None)
    facts = await told(door, "MinimumOrderValueNotReached")
    assert len({fact["ce_id"] for fact in facts}) == len({fact["order"]["id"] for fact in facts}) == 2


async def test_without_a_name_every_contract_has_its_order_and_one_that_cannot_be_stops_no_other(door: Door) -> None:
    await contract(door, minimum_order_value=None)
    await contract(door, "RV-78", minimum_order_value=None, supplier=None)
    await want(door, "a", "1.00")
    await want(door, "b", "1.00", contract="RV-78")
    outcomes = {one["number"]: one for one in (await generate(door, None))["contracts"]}
    assert {number: one["outcome"] for number, one in outcomes.items()} == {"RV-77": "ordered", "RV-78": "refused"}
    assert (outcomes["RV-78"]["problem"]["code"], outcomes["RV-78"]["problem"]["field"]) == ("supplier_missing", "supplier")
    refused = await door.ask(CLIENT, "POST", "/order-generation", json={"contract": "RV-78"})
    assert (refused.status_code, refused.json()["field"]) == (409, "supplier")


async def test_nothing_open_and_nothing_worth_ordering_tell_nothing(door: Door) -> None:
    await contract(door)
    assert (await generate(door))["contracts"] == []
    await want(door, "a", "0")
    assert [one["outcome"] for one in (await generate(door))["contracts"]] == ["nothing"]
    assert await told(door, "MinimumOrderValueNotReached") == []


async def test_a_retry_generates_once_and_two_at_once_order_once(door: Door) -> None:
    await contract(door, minimum_order_value=None)
    await want(door, "a", "1.00")
    headers = {"Idempotency-Key": "click-1"}
    assert await generate(door, headers=headers) == await generate(door, headers=headers)
    await want(door, "b", "1.00")
    both = await asyncio.gather(generate(door), generate(door))
    assert sorted(len(one["contracts"]) for one in both) == [0, 1]
    assert (await door.get(CLIENT, "/orders"))["total"] == 2


async def test_an_item_changes_while_it_is_open_and_not_after(door: Door) -> None:
    await contract(door)
    await want(door, "a", "60.00")
    changed = await want(door, "a", "150.00")
    assert (changed["net"], changed["state"], changed["currency"]) == ("150.00", "open", "EUR")
    await generate(door)
    late = await door.ask(
        CLIENT,
        "PUT",
        "/requisitions/a",
        json={"contract": "RV-77", "requester": "anna", "name": "a", "quantity": "1", "unit": "EA", "net": "1"},
    )
    assert (late.status_code, late.json()["code"]) == (409, "item_ordered")
    states = {
        state: [one["item"] for one in (await door.get(CLIENT, "/requisitions", state=state))["items"]] for state in ("open", "ordered")
    }
    assert states == {"open": [], "ordered": ["a"]}


async def test_an_item_is_its_callers_where_it_names_nobody(door: Door) -> None:
    await contract(door)
    body = {"contract": "RV-77", "name": "a", "quantity": "1", "unit": "EA", "net": "1"}
    assert (await door.ask(ANNA, "PUT", "/requisitions/a", json=body)).json()["requester"] == "anna"


async def test_an_item_that_cannot_be_is_named(door: Door) -> None:
    await contract(door)
    body = {"contract": "RV-77", "requester": "anna", "name": "a", "quantity": "1", "unit": "EA", "net": "1.00"}
    table: list[tuple[dict[str, Any], str, str]] = [
        ({"currency": "CHF"}, "currency_differs", "currency"),
        ({"requester": "nobody"}, "person_unknown", "requester"),
        ({"contract": "RV-0"}, "contract_unknown", "contract"),
        ({"quantity": "0"}, "invalid", "quantity"),
        ({"net": "-1"}, "invalid", "net"),
        ({"net": 1.5}, "invalid", "net"),
    ]
    for more, code, field in table:
        answer = await door.ask(OPERATOR, "PUT", "/requisitions/a", json={**body, **more})
        assert (answer.status_code, answer.json()["code"], answer.json()["field"]) == (422, code, field), more


async def test_a_contract_without_a_currency_and_one_whose_currency_changed(door: Door) -> None:
    await contract(door, currency="")
    body = {"contract": "RV-77", "requester": "anna", "name": "a", "quantity": "1", "unit": "EA", "net": "1.00"}
    answer = await door.ask(OPERATOR, "PUT", "/requisitions/a", json=body)
    assert (answer.status_code, answer.json()["code"]) == (422, "currency_missing")
    await contract(door)
    await want(door, "a", "500.00")
    await contract(door, currency="CHF")
    refused = await door.ask(OPERATOR, "POST", "/order-generation", json={"contract": "RV-77"})
    assert (refused.status_code, refused.json()["code"]) == (409, "currency_differs")


async def test_who_may_ask_for_orders_and_see_them(door: Door) -> None:
    await contract(door)
    await want(door, "a", "1.00")
    body = {"contract": "RV-77", "name": "a", "quantity": "1", "unit": "EA", "net": "1.00"}
    supplier = {**SUPPLIER, "company": "nordwind"}
    assert (await door.ask(supplier, "PUT", "/requisitions/b", json=body)).status_code == 403
    assert (await door.ask(supplier, "POST", "/order-generation", json={})).status_code == 403
    assert (await door.get(supplier, "/requisitions"))["items"] == []
    assert (await door.ask(supplier, "GET", "/requisitions/a")).status_code == 404
    stranger = {**CLIENT, "tenant": "other"}
    assert (await door.get(stranger, "/requisitions"))["items"] == []
    assert (await door.ask(stranger, "POST", "/order-generation", json={})).json()["contracts"] == []
    unknown = await door.ask(CLIENT, "POST", "/order-generation", json={"contract": "RV-0"})
    assert (unknown.status_code, unknown.json()["field"]) == (422, "contract")
