"""Catalogue documents through the intake: what they change, what they wait for, and what is refused."""

import asyncio
from typing import Any

import pytest
from tests.integration.po.door import CLIENT, OPERATOR, SUPPLIER, Door
from tests.integration.po.support import Room, instance, sample

FIRST, SECOND = sample("catalogue-1.xml"), sample("catalogue-2.xml")


def changed(raw: bytes = SECOND, **replaced: str) -> bytes:
    text = raw.decode()
    for old, new in replaced.items():
        key = {"number": "CAT-2", "price": "139.00", "day": "2026-11-15", "version": "ID>2<", "action": "Code>Update<"}[old]
        assert key in text, key
        text = text.replace(key, new, 1)
    return text.encode()


async def kinds(room: Room) -> list[list[tuple[str, str]]]:
    """(kind, item) of each event's changes."""
    return [[(one["kind"], one["item"]) for one in event["changes"]] for event in await room.published()]


async def test_a_catalogue_brings_its_companies_and_its_change_is_compared(room: Room) -> None:
    await room.take(FIRST, SECOND)
    first, second = await room.published()
    assert (first["version"], first["counts"], first["name"], first["supplier"]) == (1, {"added": 2}, "Tools 2027", "Consortial")
    assert [(one["kind"], one["item"], one["old"], one["new"]) for one in second["changes"]] == [
        ("price", "D-18", "129.00", "139.00"),
        ("removed", "D-19", "Drill bit set", ""),
    ]
    assert (second["version"], second["name"]) == (2, "Tools 2027"), "an update without a name leaves it as it is"
    row = await room.pool.fetchrow("SELECT headers FROM outbox WHERE topic = 'purchasing' ORDER BY id DESC LIMIT 1")
    assert row is not None
    attributes = dict(row["headers"])
    assert attributes["ce_company"] == (await room.column("SELECT id FROM companies WHERE side = 'client'"))[0]
    assert "ce_actor" not in attributes
    assert await room.column("SELECT name FROM companies ORDER BY side") == ["IYT Corporation", "Consortial"]
    assert await room.column("SELECT item FROM catalog_items") == ["D-18"]


async def test_the_company_that_orders_come_from_is_the_catalogues(room: Room) -> None:
    await room.take(sample("order-4321.xml"), FIRST)
    assert len(await room.column("SELECT id FROM companies")) == 2
    assert await room.column("SELECT company FROM catalogs") == await room.column("SELECT buyer FROM orders")


async def test_the_same_again_has_no_effect_also_by_another_way(room: Room) -> None:
    await room.take(FIRST)
    again = await room.take(FIRST, FIRST)
    assert (again.processed, again.duplicates) == (0, 2)
    await room.take(FIRST, emitter="second")
    assert await room.outcomes() == [("Catalogue", "processed"), ("Catalogue", "duplicate")]
    assert len(await room.published()) == 1


async def test_content_that_says_the_same_is_no_change(room: Room) -> None:
    await room.take(FIRST)
    same = FIRST.replace(b"<cbc:ID>CAT-1<", b"<cbc:ID>CAT-3<").replace(b"2026-11-01</cbc:Issue", b"2026-11-20</cbc:Issue")
    await room.take(same.replace(b"129.00", b"129.0"))
    assert await room.outcomes() == [("Catalogue", "processed")] * 2
    assert await room.column("SELECT version FROM catalogs") == [1]
    assert len(await room.published()) == 1
    assert await room.column("SELECT document_number FROM catalogs") == ["CAT-3"]


async def test_an_update_waits_for_its_catalogue(room: Room) -> None:
    await room.take(SECOND)
    assert await room.outcomes() == [("Catalogue", "waiting")]
    assert await room.column("SELECT reason FROM ubl_documents") == ["for the catalogue C-4321 that it changes"]
    await room.take(SECOND, emitter="second")
    third = changed(number="CAT-3", version="ID>3<", day="2026-11-16", price="149.00")
    await room.take(third, FIRST)
    assert await room.outcomes() == [("Catalogue", outcome) for outcome in ("processed", "duplicate", "processed", "processed")]
    assert await kinds(room) == [[("added", "D-18"), ("added", "D-19")], [("price", "D-18"), ("removed", "D-19")], [("price", "D-18")]]


async def test_what_has_waited_too_long_is_parked_and_can_be_replayed(room: Room) -> None:
    """A full replacement is newer than the update that waits."""
    await room.take(SECOND)
    await room.take(FIRST.replace(b">Add<", b">Replace<", 1).replace(b"2026-11-01</cbc:Issue", b"2026-11-20</cbc:Issue"))
    assert await room.outcomes() == [("Catalogue", "parked"), ("Catalogue", "processed")]
    (parked,) = await room.pool.fetch("SELECT id, reason, detail, path FROM parked")
    assert (parked["reason"], parked["path"]) == ("conflict", "cbc:IssueDate")
    assert "version 2 of 2026-11-15 is older than version 1 of 2026-11-20" in parked["detail"]
    await room.intake.replay(parked["id"], changed(number="CAT-4", version="ID>2<", day="2026-11-21"))
    assert await room.column("SELECT version FROM catalogs") == [2]


@pytest.mark.parametrize(
    ("document", "reason"),
    [
        (changed(price="1.00"), "conflict"),
        (changed(number="CAT-7", version="ID>1<"), "conflict"),
        (changed(number="CAT-7", day="2026-11-14", version="ID>9<"), "conflict"),
        (changed(number="CAT-7", version="ID>two<", price="1.00"), None),
        (changed(number="CAT-7", day="2026-11-16", version="ID>2.1<", price="1.00"), None),
        (changed(version="ID>v3<", price="1.00"), None),
        (changed(day="2026-11-16", price="1.00"), None),
    ],
    ids=["other content", "older version", "older day", "another document", "next", "next version", "next day"],
)
async def test_the_older_document_is_told_from_the_newer(room: Room, document: bytes, reason: str | None) -> None:
    await room.take(FIRST, SECOND)
    await room.take(document)
    assert await room.parked() == ([reason] if reason else [])
    assert await room.column("SELECT version FROM catalogs") == [2 if reason else 3]


async def test_replace_is_the_whole_content_and_delete_takes_all(room: Room) -> None:
    await room.take(FIRST)
    await room.take(changed(action="Code>Replace<", price="129.00"))
    await room.take(changed(number="CAT-3", version="ID>3<", action="Code>Delete<"))
    await room.take(changed(number="CAT-4", version="ID>4<", action="Code>Add<"))
    assert (await kinds(room))[1:] == [[("removed", "D-19")], [("removed", "D-18")], [("added", "D-18")]]
    assert await room.column("SELECT version FROM catalogs") == [4]


async def test_an_add_to_a_catalogue_that_is_there_leaves_the_rest(room: Room) -> None:
    await room.take(FIRST)
    await room.take(changed(action="Code>Add<").replace(b">Delete<", b">Add<").replace(b"<cbc:ID>D-19<", b"<cbc:ID>D-20<"))
    assert (await kinds(room))[1] == [("price", "D-18"), ("added", "D-20")]


async def test_an_item_is_found_by_its_standard_number(room: Room) -> None:
    await room.take(FIRST)
    text = SECOND.decode().replace("SellersItem", "StandardItem").replace(">D-18<", ">09012345678904<")
    await room.take(text.encode())
    assert (await kinds(room))[1] == [("price", "D-18")], "D-19 is no standard number"


async def test_one_item_in_two_units_is_two_items(room: Room) -> None:
    box = b"".join(FIRST.partition(b"<cac:CatalogueLine>")[1:]).partition(b"</cac:CatalogueLine>")
    pallet = (box[0] + box[1]).replace(b"<cbc:ID>1<", b"<cbc:ID>3<").replace(b">EA<", b">PF<")
    both = FIRST.replace(b"</Catalogue>", pallet + b"</Catalogue>")
    await room.take(both)
    assert [item for _, item in (await kinds(room))[0]] == ["D-18 (EA)", "D-19", "D-18 (PF)"]
    await room.take(SECOND)
    assert (await kinds(room))[1] == [("price", "D-18 (EA)"), ("removed", "D-19")]
    await room.take(FIRST.replace(b"</Catalogue>", box[0] + box[1] + b"</Catalogue>").replace(b"2026-11-01</cbc:I", b"2026-12-01</cbc:I"))
    assert await room.parked() == ["invalid"], "twice in the same unit"


async def test_catalogues_of_other_contracts_receivers_and_tenants_are_others(room: Room) -> None:
    await room.take(FIRST, FIRST.replace(b"C-4321", b"C-4322"), FIRST.replace(b"7398000000124", b"1"))
    await room.take(FIRST, emitter="other")
    assert len(await room.column("SELECT DISTINCT (tenant, id) FROM catalogs")) == 4


async def test_two_instances_at_once_make_one_catalogue(room: Room) -> None:
    async with instance(room.settings) as other:
        await asyncio.gather(room.take(SECOND, FIRST), other.take(FIRST, SECOND, emitter="second"))
    assert await room.parked() == []
    assert await room.column("SELECT version FROM catalogs") == [2]
    assert await kinds(room) == [[("added", "D-18"), ("added", "D-19")], [("price", "D-18"), ("removed", "D-19")]]


async def test_a_mixed_batch_goes_each_its_own_way(room: Room) -> None:
    response = sample("invoice-response.xml")
    tally = await room.take(response, SECOND, sample("despatch-4321.xml"), b"<no/>", sample("order-4321.xml"), FIRST)
    assert (tally.processed, tally.parked) == (5, 1)
    assert dict(await room.outcomes()) == dict.fromkeys(("InvoiceResponse", "Catalogue", "DespatchAdvice", "Order"), "processed")


@pytest.mark.parametrize(
    ("who", "outcome"),
    [(SUPPLIER, "processed"), (CLIENT, "forbidden"), ({**SUPPLIER, "endpoints": ["0088:1"]}, "forbidden"), (OPERATOR, "processed")],
    ids=["seller", "buyer", "another seller", "operator"],
)
async def test_only_its_seller_may_say_it(door: Door, who: dict[str, Any], outcome: str) -> None:
    answer = await door.hand_in(FIRST, who)
    assert (answer["reason"] or answer["outcome"]) == outcome
    assert (answer["kind"], answer["order_number"], bool(answer["catalog"])) == ("Catalogue", None, outcome == "processed")
