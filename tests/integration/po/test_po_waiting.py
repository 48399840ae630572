"""What waits for an order or a catalogue that may never come costs the others nothing, and there is a bound of it."""

from collections.abc import Callable

import pytest
from tests.integration.po.door import OPERATOR, SUPPLIER, Door
from tests.integration.po.support import Room, sample

from po_service.domain import deciding, offering, waiting
from po_service.domain.ubl import reading
from po_service.store import filing
from postroom.contracts.errors import Refused
from postroom.db import TooMuch

BASE, ORDER, CHANGE_1 = sample("catalogue-1.xml"), sample("order-4321.xml"), sample("change-1.xml")


def update(number: int, contract: str = "C-4321") -> bytes:
    """The nth update of the catalogue; each has a price of its own."""
    new = {"CAT-2": f"CAT-{number}", "<cbc:VersionID>2<": f"<cbc:VersionID>{number}<", "139.00": f"{number}.00", "C-4321": contract}
    return sample("catalogue-2.xml", **new)


def despatch(number: int, order: str = "4321", seller: str = "7385000000124") -> bytes:
    return sample("despatch-4321.xml", **{">D-1<": f">D-{number}<", "<cbc:ID>4321<": f"<cbc:ID>{order}<", "7385000000124": seller})


def change(number: int) -> bytes:
    """The nth change of the order, which sets its first line to the quantity n."""
    return CHANGE_1.replace(b"ID>Change-1<", b"ID>Change-%d<" % number).replace(b"NumberID>1<", b"NumberID>%d<" % number)


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch) -> Callable[[], int]:
    """How many documents were parsed since it was last asked."""
    seen: list[bytes] = []
    parse = reading.read

    def counted(raw: bytes) -> object:
        seen.append(raw)
        return parse(raw)

    def since() -> int:
        number = len(seen)
        seen.clear()
        return number

    monkeypatch.setattr(reading, "read", counted)
    return since


def _limit(monkeypatch: pytest.MonkeyPatch, documents: int, size: int = waiting.MOST_BYTES) -> None:
    monkeypatch.setattr(waiting, "MOST", documents)
    monkeypatch.setattr(waiting, "MOST_BYTES", size)


async def test_updates_are_read_again_only_with_their_catalogue(room: Room, read: Callable[[], int]) -> None:
    await room.take(*map(update, range(2, 6)))
    read()
    await room.take(update(6))
    await room.take(update(6), emitter="second")
    assert read() == 2, "a further one, and a duplicate"
    await room.take(BASE)
    assert read() == 1 + 5
    assert await room.outcomes() == [("Catalogue", "processed")] * 5 + [("Catalogue", "duplicate"), ("Catalogue", "processed")]
    assert [event["changes"][0]["new"] for event in (await room.published())[1:]] == [f"{number}.00" for number in range(2, 7)]
    await room.take(update(7))
    assert read() == 1


async def test_a_catalogue_of_who_may_not_send_it_wakes_nothing(room: Room, read: Callable[[], int]) -> None:
    await room.take(update(2))
    read()
    await room.take(BASE, emitter="hospital")
    assert await room.parked() == ["forbidden"]
    assert read() == 1


async def test_despatches_are_read_again_only_with_their_order(room: Room, read: Callable[[], int]) -> None:
    await room.take(*map(despatch, range(1, 4)))
    read()
    await room.take(despatch(4))
    await room.take(despatch(4), emitter="second")
    await room.take(despatch(1, seller="1"))
    await room.take(ORDER.replace(b"7385000000124", b"2"))
    assert read() == 4, "a further one, a duplicate, another seller's, and another seller's order with this number"
    await room.take(ORDER)
    assert read() == 1 + 4
    assert [note["number"] for note in await room.published()] == ["D-1", "D-2", "D-3", "D-4"]
    await room.take(ORDER, emitter="second")
    await room.take(despatch(5))
    assert read() == 2, "what waits for another seller's goes on waiting"


async def test_a_fault_of_ours_in_what_waits_is_not_the_orders_or_the_catalogues(room: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    await room.take(despatch(1), update(2))

    def fails(*_: object) -> None:
        raise AttributeError("'NoneType' object has no attribute 'lines'")

    monkeypatch.setattr(deciding, "_follow", fails)
    monkeypatch.setattr(offering, "_check_newer", lambda document, _: fails() if document.version == "2" else None)
    tally = await room.take(ORDER, BASE)
    assert (tally.processed, tally.parked) == (2, 0)
    assert await room.parked() == ["failed"] * 2


async def test_what_waits_and_can_not_be_read_any_more_is_not_the_orders_fault(room: Room) -> None:
    """This release may read more strictly than the one that took it."""
    await room.take(despatch(1), despatch(2))
    await room.pool.execute("UPDATE ubl_documents SET value = '<broken' WHERE number = 'D-1'")
    tally = await room.take(ORDER)
    assert (tally.processed, tally.parked) == (1, 0)
    assert sorted(await room.outcomes()) == [("DespatchAdvice", "parked"), ("DespatchAdvice", "processed"), ("Order", "processed")]
    [number] = await room.column("SELECT id FROM parked")
    await room.intake.replay(number, despatch(1))
    assert len(await room.published()) == 2


async def test_changes_are_read_again_only_with_the_one_before(room: Room, read: Callable[[], int]) -> None:
    await room.take(ORDER, change(3), change(4))
    read()
    await room.take(change(5))
    await room.take(change(5), emitter="second")
    await room.take(despatch(1))
    assert read() == 3
    await room.take(change(2))
    assert read() == 1, "it is not the next one itself"
    await room.take(CHANGE_1)
    assert read() == 1 + 4
    assert await room.column("SELECT sequence FROM orders") == [5]
    assert await room.column("SELECT outcome FROM ubl_documents WHERE kind = 'OrderChange' AND emitter = 'second'") == ["duplicate"]


async def test_what_waits_for_an_order_that_is_generated_goes_on_with_the_next_document(door: Door) -> None:
    """Nobody hands it in as a document."""
    await door.put("/companies/acme", {"name": "Acme", "side": "client", "zone": "Europe/Vienna", "endpoints": ["0088:1"]})
    await door.put("/companies/nordwind", {"name": "Nordwind", "side": "supplier", "endpoints": ["0088:2"]})
    await door.put("/people/paula", {"name": "Paula", "email": "paula@acme.example", "company": "acme"})
    await door.put("/contracts/RV", {"buyer": "acme", "purchaser_contact": "paula", "currency": "EUR", "supplier": "nordwind"})
    item = {"contract": "RV", "requester": "paula", "name": "Item456", "quantity": "10", "unit": "EA", "net": "9.00"}
    await door.put("/requisitions/a", item)
    assert (await door.hand_in(despatch(1, "RV-1", seller="2")))["outcome"] == "waiting"
    answer = await door.ask(OPERATOR, "POST", "/order-generation", json={"contract": "RV"})
    (ordered,) = answer.json()["contracts"]
    assert (await door.hand_in(despatch(2, "RV-1", seller="2")))["outcome"] == "processed"
    order = await door.get(OPERATOR, f"/orders/{ordered['order']['id']}")
    assert [note["number"] for note in order["delivery_notes"]] == ["D-2", "D-1"]


async def test_one_too_many_is_parked_and_goes_on_by_replay(room: Room) -> None:
    tally = await room.take(*map(update, range(2, waiting.MOST + 4)))
    assert (tally.processed, tally.parked) == (waiting.MOST, 2)
    assert await room.outcomes() == [("Catalogue", "waiting")] * waiting.MOST
    first, second = await room.pool.fetch("SELECT id, reason, detail, value FROM parked ORDER BY id")
    assert (first["reason"], first["value"]) == ("too_many_waiting", update(waiting.MOST + 2))
    for told in ("for the catalogue C-4321", "0088:7385000000124", f"{waiting.MOST} documents", "Send the catalogue itself", "replay"):
        assert told in first["detail"]
    with pytest.raises(Refused, match="too_many_waiting"):
        await room.intake.replay(first["id"])
    await room.take(update(2, "C-2"), BASE)
    assert set(await room.column("SELECT outcome FROM ubl_documents WHERE number <> 'CAT-2'")) == {"processed"}
    for parked in (first, second):
        await room.intake.replay(parked["id"])
    assert await room.column("SELECT closed_by FROM parked") == ["replayed"] * 2
    assert (await room.published())[-1]["changes"][0]["new"] == f"{waiting.MOST + 3}.00"


async def test_many_bytes_are_too_many_as_well(room: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    _limit(monkeypatch, 100, len(update(2)) + len(update(3)))
    await room.take(update(2), update(3))
    await room.take(update(4), BASE.replace(b"C-4321", b"C-4322"))
    assert await room.outcomes() == [("Catalogue", outcome) for outcome in ("waiting", "waiting", "processed")]
    assert await room.parked() == ["too_many_waiting"]


async def test_one_sellers_despatches_leave_room_for_anothers(room: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    _limit(monkeypatch, 2)
    await room.take(despatch(1, seller="1"), despatch(2, seller="1"), despatch(3, seller="1"), despatch(1))
    assert await room.outcomes() == [("DespatchAdvice", "waiting")] * 3
    assert await room.parked() == ["too_many_waiting"]
    await room.take(despatch(2, seller="1"), emitter="second")
    assert await room.parked() == ["too_many_waiting"], "a duplicate needs no room"
    await room.take(despatch(9, order="4322", seller="1"))
    assert len(await room.parked()) == 1


async def test_changes_in_the_wrong_order_have_a_bound_too(room: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    _limit(monkeypatch, 2)
    await room.take(change(2), change(3), change(4), ORDER)
    (parked,) = await room.pool.fetch("SELECT id, reason FROM parked")
    assert parked["reason"] == "too_many_waiting"
    await room.take(CHANGE_1)
    assert await room.column("SELECT sequence FROM orders") == [3], "those that had waited already needed no room to go on waiting"
    await room.intake.replay(parked["id"])
    assert await room.column("SELECT sequence FROM orders") == [4]


async def test_a_batch_that_would_wake_too_much_is_done_in_pieces(room: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    """The consumer takes fewer at once; one alone has its effect."""
    await room.take(update(2), update(3), update(2, "C-2"))
    monkeypatch.setattr(filing, "MOST_BYTES", 2 * len(update(2)))
    with pytest.raises(TooMuch):
        await room.take(BASE, BASE.replace(b"C-4321", b"C-2"))
    await room.take(BASE)
    await room.take(BASE.replace(b"C-4321", b"C-2"))
    assert await room.outcomes() == [("Catalogue", "processed")] * 5


async def test_over_http_one_too_many_is_parked(door: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    _limit(monkeypatch, 1)
    assert (await door.hand_in(despatch(1), SUPPLIER))["outcome"] == "waiting"
    answer = await door.hand_in(despatch(2), SUPPLIER)
    assert (answer["kind"], answer["outcome"], answer["reason"]) == ("DespatchAdvice", "parked", "too_many_waiting")
    assert "for the order 4321" in answer["detail"]
    assert (await door.hand_in(despatch(2), SUPPLIER))["parked"] == answer["parked"]
    placed = await door.hand_in(ORDER)
    replayed = await door.ask(OPERATOR, "POST", f"/operations/parked/{answer['parked']}/replay", json={})
    assert replayed.json()["closed_by"] == "replayed"
    order = await door.get(OPERATOR, f"/orders/{placed['order']}")
    assert sorted(note["number"] for note in order["delivery_notes"]) == ["D-1", "D-2"]
