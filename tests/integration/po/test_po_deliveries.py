"""Delivery notes, receipts, budgets and the directory, over HTTP; what is told of them stands in the outbox."""

import asyncio
from datetime import datetime
from typing import Any

import asyncpg
import orjson
import pytest
from tests.integration.po.door import CLIENT, OPERATOR, SUPPLIER, Door
from tests.integration.po.support import sample

from po_service.domain import parts
from po_service.store import slots
from po_service.tasks.schedule import TASKS

ORDER, DESPATCH = "order-4321.xml", "despatch-4321.xml"
BUDGET = {
    "name": "Travel",
    "kind": "user",
    "period_start": "2026-01-01",
    "period_end": "2026-10-31",
    "start_value": "100.00",
    "current_value": "5.00",
    "currency": "EUR",
    "owner": "anna",
}


async def _told(door: Door, topic: str = "purchasing") -> list[tuple[str, dict[str, Any]]]:
    """(type, fact) of each event in the outbox."""
    connection = await asyncpg.connect(door.settings.dsn)
    rows = await connection.fetch("SELECT headers, value FROM outbox WHERE topic = $1 ORDER BY id", topic)
    await connection.close()
    return [(dict(orjson.loads(row["headers"]))["ce_type"], orjson.loads(row["value"])) for row in rows]


async def _types(door: Door) -> list[str]:
    return [type_ for type_, _ in await _told(door)]


async def _order(door: Door, **contract: Any) -> str:
    await door.put("/companies/iyt", {"name": "IYT", "side": "client", "zone": "Europe/Stockholm", "endpoints": ["0088:7398000000124"]})
    await door.put("/companies/consortial", {"name": "Consortial", "side": "supplier", "endpoints": ["0088:7385000000124"]})
    order = str((await door.hand_in(sample(ORDER)))["order"])
    if contract:
        await door.put("/contracts/C-4321", contract)
    return order


def _note(number: str, **quantities: str) -> dict[str, Any]:
    return {"number": number, "lines": [{"line": line[1:], "quantity": quantity} for line, quantity in quantities.items()]}


async def test_a_right_note_is_booked_at_once_where_the_contract_says_so(door: Door) -> None:
    order = await _order(door, automatic_receipt=True, complaint_days=14)
    answer = (await door.ask(CLIENT, "POST", f"/orders/{order}/delivery-notes", json=_note("N1", l1="10", l2="10"))).json()
    (_, note), (type_, received) = await _told(door)
    assert (note["origin"], type_, received["booking"], received["note"]) == ("requester", "GoodsReceived.v1", "automatic", note["note"])
    page = await door.get(CLIENT, f"/orders/{order}")
    orderers = {line["line"]: line["ordered_by"]["person"] for line in page["lines"]}
    assert [(line["line"], line["ordered_by"]) for line in received["lines"]] == [("1", orderers["1"]), ("2", orderers["2"])]
    assert received["complaint_until"] == answer["receipt"]["complaint_until"]
    assert page["receipts"][0]["note"] == page["delivery_notes"][0]["note"]


async def test_a_note_that_no_message_could_tell_is_refused_when_it_is_recorded(door: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    order = await _order(door)
    monkeypatch.setattr(parts, "TOLD_BYTES", 600)
    path = f"/orders/{order}/delivery-notes"
    answer = await door.ask(CLIENT, "POST", path, json=_note("N1", l1="9", l2="9"))
    assert (answer.status_code, answer.json()["code"], answer.json()["field"]) == (422, "too_large", "lines")
    assert (await door.ask(CLIENT, "POST", path, json=_note("N1", l1="9"))).status_code == 201
    assert await _types(door) == ["DeliveryNoteRecorded.v1"]


async def test_a_wrong_note_is_booked_once_it_is_corrected(door: Door) -> None:
    order = await _order(door, automatic_receipt=True)
    path = f"/orders/{order}/delivery-notes"
    await door.ask(CLIENT, "POST", path, json=_note("N1", l1="9"))
    same = await door.ask(CLIENT, "POST", path, json=_note("N1", l1="9"))
    assert same.json()["outcome"] == "unchanged"
    assert await _types(door) == ["DeliveryNoteRecorded.v1"]
    await door.ask(CLIENT, "POST", path, json=_note("N1", l1="10"))
    await door.ask(CLIENT, "POST", path, json=_note("N1", l1="8"))
    assert await _types(door) == ["DeliveryNoteRecorded.v1", "DeliveryNoteRecorded.v1", "GoodsReceived.v1", "DeliveryNoteRecorded.v1"]
    assert [fact["version"] for type_, fact in await _told(door) if type_.startswith("D")] == [1, 2, 3]


async def test_the_despatch_advice_and_the_requesters_note_of_it_are_one_delivery(door: Door) -> None:
    order = await _order(door)
    await door.hand_in(sample(DESPATCH))
    await door.ask(CLIENT, "POST", f"/orders/{order}/delivery-notes", json=_note("D-1", l2="10"))
    notes = [fact for _, fact in await _told(door)]
    assert [(note["origin"], note["version"], note["lines"][0]["previously_delivered"]) for note in notes] == [
        ("despatch-advice", 1, "0"),
        ("requester", 2, "0"),
    ]


async def test_what_the_requester_counted_stands_when_the_despatch_advice_comes_late(door: Door) -> None:
    """Found by reading: it became the note's next version, and was booked as received as if all had come."""
    order = await _order(door, automatic_receipt=True)
    await door.ask(CLIENT, "POST", f"/orders/{order}/delivery-notes", json=_note("D-1", l2="8"))
    late = await door.hand_in(sample(DESPATCH))
    assert [(type_, fact.get("origin")) for type_, fact in await _told(door)] == [("DeliveryNoteRecorded.v1", "requester")]
    page = await door.get(CLIENT, f"/orders/{order}")
    assert [(note["origin"], note["version"], note["lines"][0]["quantity"]) for note in page["delivery_notes"]] == [("requester", 1, "8")]
    assert page["receipts"] == []
    assert (late["outcome"], late["detail"]) == ("processed", "the requester has recorded this delivery note")
    # The next advice is of another delivery.
    await door.hand_in(sample(DESPATCH, **{"<cbc:ID>D-1<": "<cbc:ID>D-2<", ">10<": ">2<"}))
    assert await _types(door) == ["DeliveryNoteRecorded.v1", "DeliveryNoteRecorded.v1", "GoodsReceived.v1"]


async def test_a_supplier_may_answer_from_another_of_its_endpoints(door: Door) -> None:
    """Found by reading: only the endpoint that the order names was known for its seller's."""
    order = await _order(door)
    elsewhere = sample(DESPATCH, **{"7385000000124": "7385000000131"})
    await door.put("/companies/rival", {"name": "Rival", "side": "supplier", "endpoints": ["0088:1"]})
    assert (await door.hand_in(sample(DESPATCH, **{"7385000000124": "1"})))["outcome"] == "waiting", "another company's"
    await door.put(
        "/companies/consortial", {"name": "Consortial", "side": "supplier", "endpoints": ["0088:7385000000124", "0088:7385000000131"]}
    )
    assert (await door.hand_in(elsewhere, SUPPLIER))["reason"] == "forbidden", "its token is for the other endpoint alone"
    answer = await door.hand_in(elsewhere)
    assert (answer["outcome"], answer["order"]) == ("processed", order)
    ahead = {"<cbc:ID>4321<": "<cbc:ID>4322<"}
    early = sample(DESPATCH, **{"7385000000124": "7385000000131", ">D-1<": ">D-2<", **ahead})
    assert (await door.hand_in(early))["outcome"] == "waiting"
    await door.hand_in(sample(ORDER, **ahead))
    assert [fact["number"] for _, fact in await _told(door)] == ["D-1", "D-2"], "its order has come"


async def test_booked_by_hand(door: Door) -> None:
    order = await _order(door)
    path = f"/orders/{order}/goods-receipts"
    await door.ask(CLIENT, "POST", f"/orders/{order}/delivery-notes", json=_note("N1", l1="4"))
    first = await door.ask(CLIENT, "POST", path, json={"note": "N1"})
    assert (first.status_code, first.json()["receipt"]["booking"]) == (201, "manual")
    assert (await door.ask(CLIENT, "POST", path, json={"note": "N1"})).json()["code"] == "note_booked"
    rest = await door.ask(CLIENT, "POST", path, json={}, headers={"idempotency-key": "one-click"})
    again = await door.ask(CLIENT, "POST", path, json={}, headers={"idempotency-key": "one-click"})
    assert rest.json() == again.json()
    assert [line["quantity"] for line in rest.json()["receipt"]["lines"]] == ["6", "10", "10", "10", "10"]
    assert (await door.get(CLIENT, f"/orders/{order}"))["status"] == "delivered"
    assert (await door.ask(CLIENT, "POST", path, json={})).json()["code"] == "nothing_open"
    assert {fact["booking"] for type_, fact in await _told(door) if type_ == "GoodsReceived.v1"} == {"manual"}


async def test_receipts_are_booked_some_days_after_the_delivery_date(door: Door) -> None:
    order = await _order(door, automatic_receipt=True, receipt_days=3)
    await door.ask(CLIENT, "POST", f"/orders/{order}/delivery-notes", json=_note("N1", l1="4"))
    runs = [
        await door.ask(OPERATOR, "POST", "/tasks/book-receipts/run", params={"as_of": day})
        for day in ("2013-03-18", "2013-03-19", "2013-03-20")
    ]
    assert [run.json()["raised"] for run in runs] == [0, 1, 0]
    assert await _types(door) == ["DeliveryNoteRecorded.v1", "GoodsReceived.v1"]


@pytest.mark.parametrize(
    ("who", "path", "body", "status", "field"),
    [
        (SUPPLIER, "delivery-notes", _note("N1", l1="1"), 403, None),
        (CLIENT, "delivery-notes", _note("N1", l9="1"), 422, "lines.0.line"),
        (CLIENT, "delivery-notes", _note("N1", l1="-1"), 422, "lines.0.quantity"),
        (CLIENT, "delivery-notes", _note("N1", l1="NaN"), 422, "lines.0.quantity"),
        (CLIENT, "delivery-notes", {"lines": []}, 422, "number"),
        (CLIENT, "goods-receipts", {"note": "N9"}, 404, "note"),
        (CLIENT, "goods-receipts", {"note": "N9", "lines": []}, 422, "lines"),
    ],
)
async def test_what_can_not_be_recorded_names_the_field(
    door: Door, who: dict[str, Any], path: str, body: dict[str, Any], status: int, field: str | None
) -> None:
    answer = await door.ask(who, "POST", f"/orders/{await _order(door)}/{path}", json=body)
    assert (answer.status_code, answer.json()["field"]) == (status, field), answer.text


async def test_the_purchaser_contact_is_the_contracts(door: Door) -> None:
    await door.put("/people/paula", {"name": "Paula"})
    await _order(door, purchaser_contact="paula", mute_announced_partials=True)
    await door.hand_in(sample(DESPATCH))
    ((_, note),) = await _told(door)
    assert (note["purchaser_contact"], note["mute_announced_partials"]) == ("paula", True)


async def test_a_person_of_the_directory_is_found_again_and_not_overwritten(door: Door) -> None:
    await door.put("/companies/iyt", {"name": "IYT", "side": "client", "endpoints": ["0088:7398000000124"]})
    await door.put("/people/karin", {"name": "Karin Bergström", "email": "Karin@buyer.example", "company": "iyt", "language": "sv"})
    order = await _order(door)
    contacts = (await door.get(CLIENT, f"/orders/{order}/contacts"))["contacts"]
    assert ("karin", "Karin Bergström") in [(one["person"], one["name"]) for one in contacts]
    person = await door.get(OPERATOR, "/people/karin")
    assert (person["side"], person["endpoints"], person["language"]) == ("client", ["0088:7398000000124"], "sv")


async def test_a_person_is_told_when_something_changes(door: Door) -> None:
    for name in ("Anna", "Anna", "Anne"):
        await door.put("/people/anna", {"name": name, "roles": [{"role": "controller", "company": None}]})
    told = await _told(door, "directory")
    assert [(fact["name"], fact["provisional"], fact["roles"][0]["role"]) for _, fact in told] == [
        ("Anna", False, "controller"),
        ("Anne", False, "controller"),
    ]


@pytest.mark.parametrize("path", ["/people/anna", "/companies/acme"])
async def test_what_is_put_is_answered_as_it_is_kept(door: Door, path: str) -> None:
    answers = [await door.put(path, {"name": name}) for name in ("A", "A", "B")]
    assert [(one["name"], one["maintained"], one["version"], one["changed"]) for one in answers] == [
        ("A", True, 1, True),
        ("A", True, 1, False),
        ("B", True, 2, True),
    ]
    kept = await door.get(OPERATOR, path)
    assert {**kept, **answers[2]} == {**kept, "changed": True}


@pytest.mark.parametrize(
    ("path", "body", "status", "field"),
    [
        ("/people/anna", {"name": "Anna", "email": "nobody"}, 422, "email"),
        ("/people/anna", {"name": "Anna", "zone": "Mars/Olympus"}, 422, "zone"),
        ("/people/anna", {"name": "Anna", "company": "nowhere"}, 422, "company"),
        ("/companies/twin", {"name": "Twin", "endpoints": ["0088:7398000000124"]}, 409, "endpoints"),
        ("/contracts/new", {}, 422, "buyer"),
        ("/contracts/C-4321", {"purchaser_contact": "nobody"}, 422, "purchaser_contact"),
        ("/budgets/b", {**BUDGET, "currency": "Euro"}, 422, "currency"),
        ("/budgets/b", {**BUDGET, "period_end": "2025-01-01"}, 422, "body"),
    ],
)
async def test_what_can_not_be_maintained_names_the_field(door: Door, path: str, body: dict[str, Any], status: int, field: str) -> None:
    await _order(door)
    answer = await door.ask(OPERATOR, "PUT", path, json=body)
    assert (answer.status_code, answer.json()["field"]) == (status, field), answer.text
    assert (await door.ask(CLIENT, "PUT", path, json=body)).status_code == 403


async def _scheduled(door: Door) -> dict[str, Any]:
    """The tasks, once the schedule has run its first slot of each."""
    while True:
        tasks = {one["task"]: one for one in (await door.get(OPERATOR, "/tasks"))["tasks"]}
        if all(task["slot"] for task in tasks.values()):
            return tasks
        await asyncio.sleep(0.05)


async def test_budgets_are_raised_once_per_period_and_reason(door: Door) -> None:
    run = "/tasks/check-budgets/run"
    await _scheduled(door)
    await door.put("/budgets/b", BUDGET)
    raised = [
        (await door.ask(OPERATOR, "POST", run, params={"as_of": day})).json()["raised"]
        for day in ("2026-10-31", "2026-11-01", "2026-11-02")
    ]
    assert raised == [0, 1, 0]
    await door.put("/budgets/b", {**BUDGET, "current_value": "0.00"})
    assert (await door.ask(OPERATOR, "POST", run)).json()["raised"] == 1
    await door.put("/budgets/b", {**BUDGET, "period_start": "2026-02-01"})
    assert (await door.ask(OPERATOR, "POST", run)).json()["raised"] == 1
    told = [(fact["reason"], fact["period_start"], fact["owner"]) for _, fact in await _told(door)]
    assert told == [("date", "2026-01-01", "anna"), ("exhausted", "2026-01-01", "anna"), ("date", "2026-02-01", "anna")]


async def test_the_schedule_runs_a_slot_once(door: Door) -> None:
    tasks = await _scheduled(door)
    assert set(tasks) == set(TASKS)
    connection = await asyncpg.connect(door.settings.dsn)
    assert await slots.take(connection, "check-budgets", datetime.fromisoformat(tasks["check-budgets"]["slot"])) is False
    await connection.close()
    assert (await door.ask(OPERATOR, "POST", "/tasks/nonsense/run")).status_code == 404
