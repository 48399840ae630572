"""What an operator is told of an order and its documents, and that what is refused again is parked once."""

import asyncio
from typing import Any

import pytest
from tests.integration.po.door import CLIENT, OPERATOR, SUPPLIER, Door
from tests.integration.po.support import instance, sample

from po_service.store import refused

ORDER, DESPATCH = "order-4321.xml", "despatch-4321.xml"
BROKEN = {"<cbc:IssueDate>2013-03-10</cbc:IssueDate>": "<cbc:IssueDate>soon</cbc:IssueDate>"}


async def explained(door: Door, ref: str, who: dict[str, Any] = OPERATOR) -> Any:
    return await door.get(who, "/explain", ref=ref)


async def test_a_despatch_advice_that_waits_is_found_by_its_orders_number(door: Door) -> None:
    waiting = await door.hand_in(sample(DESPATCH))
    for ref in ("4321", "D-1", waiting["id"]):
        told = await explained(door, ref)
        (document,) = told["documents"]
        shown = [document[name] for name in ("kind", "number", "order_number", "order", "outcome", "reason", "emitter")]
        assert shown == ["DespatchAdvice", "D-1", "4321", None, "waiting", "for the order 4321", "http:demo/operator"]
        assert (told["orders"], told["parked"]) == ([], [])


async def test_an_order_tells_what_decides_who_is_told(door: Door) -> None:
    await door.put("/people/frida", {"name": "Frida"})
    placed = await door.hand_in(sample(ORDER))
    (order,) = (await explained(door, "4321"))["orders"]
    assert (order["supplier"]["name"], order["buyer"]["name"], order["status"]) == ("Consortial", "IYT Corporation", "overdue")
    assert (order["contract"], order["contract_provisional"], order["purchaser_contact"]["name"]) == ("C-4321", True, "Karin Berg")
    assert (order["delivery_notes"], order["goods_receipts"]) == (0, 0)
    await door.put("/contracts/C-4321", {"purchaser_contact": "frida", "automatic_receipt": True})
    await door.hand_in(sample(DESPATCH))
    (note,) = (await door.get(OPERATOR, f"/orders/{placed['order']}"))["delivery_notes"]
    for ref in ("4321", placed["order"], placed["id"], "D-1", note["id"]):
        told = await explained(door, ref)
        (order,) = told["orders"]
        assert (order["purchaser_contact"], order["contract_provisional"]) == ({"person": "frida", "name": "Frida"}, False)
        assert (order["delivery_notes"], order["goods_receipts"]) == (1, 1)
        assert [(one["kind"], one["outcome"], one["order"]) for one in told["documents"]] == [
            ("Order", "processed", placed["order"]),
            ("DespatchAdvice", "processed", placed["order"]),
        ]


@pytest.mark.parametrize(
    "raw",
    [
        sample(DESPATCH, **BROKEN),
        sample(DESPATCH)[:-40],
        sample(DESPATCH).replace(b"<cbc:ID>4321</cbc:ID>", b"<x:ID\n a='b'>\n 4321 </x:ID>"),
        sample(DESPATCH).replace(b"UTF-8", b"ISO-8859-1").replace(b"Consortial", b"\xe4\x00\\"),
    ],
    ids=["invalid", "cut off", "foreign prefix", "no UTF-8"],
)
async def test_a_refused_document_is_found_by_the_numbers_in_it(door: Door, raw: bytes) -> None:
    number = (await door.hand_in(raw))["parked"]
    for ref in ("4321", "D-1"):
        told = await explained(door, ref)
        assert [(row["id"], row["closed_by"]) for row in told["parked"]] == [(number, None)]
        assert (told["orders"], told["documents"]) == ([], [])
    assert (await explained(door, "1"))["parked"] == [], "a line's number is no order's"
    await door.ask(OPERATOR, "POST", f"/operations/parked/{number}/discard")
    assert (await explained(door, "4321"))["parked"][0]["closed_by"] == "discarded"


async def test_of_a_long_one_the_beginning_is_read(door: Door) -> None:
    raw = sample(DESPATCH, **BROKEN) + b" " * 1_000_000
    await door.hand_in(raw)
    async with instance(door.settings) as room, room.pool.acquire() as connection:
        (row,) = await refused.naming(connection, "4321")
    assert row["value"] == raw[:2_000]
    assert (await explained(door, "4321"))["parked"][0]["value"] == raw[:500].decode()


async def test_a_number_with_other_letters_is_found(door: Door) -> None:
    raw = sample(DESPATCH, **BROKEN, **{"<cbc:ID>4321</cbc:ID>": "<cbc:ID>Bü\\7</cbc:ID>"})
    await door.hand_in(raw)
    assert len((await explained(door, "Bü\\7"))["parked"]) == 1


async def test_nobody_else_is_told(door: Door) -> None:
    await door.hand_in(sample(ORDER))
    await door.hand_in(sample(DESPATCH, **BROKEN))
    for who in (CLIENT, SUPPLIER):
        assert (await door.ask(who, "GET", "/explain", params={"ref": "4321"})).status_code == 403
    told = await explained(door, "4321", {**OPERATOR, "tenant": "other"})
    assert told == {"orders": [], "catalogs": [], "invoices": [], "documents": [], "parked": []}


async def test_what_was_parked_from_kafka_is_its_tenants(door: Door) -> None:
    """That of an emitter which the register has no more is any operator's."""
    async with instance(door.settings) as room:
        await room.take(sample(DESPATCH, **BROKEN), emitter="peppol")
        await room.take(sample(DESPATCH, **BROKEN), emitter="hospital")
    seen = {}
    for tenant in ("demo", "other"):
        seen[tenant] = [row["emitter"] for row in (await explained(door, "4321", {**OPERATOR, "tenant": tenant}))["parked"]]
    assert seen == {"demo": ["peppol", "hospital"], "other": ["hospital"]}


async def test_the_same_refused_document_again_is_the_same_parked_one(door: Door) -> None:
    broken = sample(DESPATCH, **BROKEN)
    first = await door.hand_in(broken)
    assert await door.hand_in(broken) == first
    assert first["outcome"] == "parked"
    other = await door.hand_in(broken + b"\n")
    another = await door.hand_in(broken, {**CLIENT, "person": "otto"})
    assert len({first["parked"], other["parked"], another["parked"]}) == 3
    await door.ask(OPERATOR, "POST", f"/operations/parked/{first['parked']}/discard")
    fresh = await door.hand_in(broken)
    assert (fresh["outcome"], fresh["parked"] > another["parked"]) == ("parked", True)


async def test_the_same_refused_document_at_once_is_parked_once(door: Door) -> None:
    answers = await asyncio.gather(*(door.hand_in(sample(DESPATCH, **BROKEN)) for _ in range(4)))
    assert len({answer["parked"] for answer in answers}) == 1
    assert len((await door.get(OPERATOR, "/operations/parked"))["parked"]) == 1


async def test_a_parked_document_says_why_it_is_refused_now(door: Door) -> None:
    """A number that fits two orders, and then three."""
    fits = []
    for day in ("01", "02", "03"):
        await door.hand_in(sample(ORDER, **{"<cbc:IssueDate>2013-03-01<": f"<cbc:IssueDate>2013-03-{day}<"}))
        fits.append(await door.hand_in(sample(DESPATCH, **{"D-1": "D-2"} if day == "01" else {})))
    _, two, three = fits
    assert (two["reason"], two["parked"], two["detail"] == three["detail"]) == ("ambiguous", three["parked"], False)
    (row,) = (await door.get(OPERATOR, "/operations/parked"))["parked"]
    assert row["detail"] == three["detail"]


async def test_what_is_accepted_at_last_is_parked_no_more(door: Door) -> None:
    """A right that its sender did not have at first."""
    refused = await door.hand_in(sample(ORDER), {**OPERATOR, "endpoints": ["0088:1"]})
    other = await door.hand_in(sample(DESPATCH, **BROKEN))
    assert (refused["outcome"], (await door.hand_in(sample(ORDER)))["outcome"]) == ("parked", "processed")
    rows = (await door.get(OPERATOR, "/operations/parked", closed=True))["parked"]
    assert {row["id"]: row["closed_by"] for row in rows} == {refused["parked"]: "corrected", other["parked"]: None}


async def test_with_other_rights_it_is_parked_anew(door: Door) -> None:
    """A replay has the rights that the document came with; those of the first are not enough."""
    other = sample(ORDER, Item456="Item654")
    refused = await door.hand_in(other, {**OPERATOR, "endpoints": ["0088:1"]})
    await door.hand_in(sample(ORDER))
    allowed = await door.hand_in(other)
    assert (refused["reason"], allowed["reason"]) == ("forbidden", "conflict")
    assert allowed["parked"] != refused["parked"]
