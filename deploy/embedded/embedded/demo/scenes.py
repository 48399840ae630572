"""The scenes (a) to (g): each causes something, waits for the right mails, and says who got them and why."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import orjson

from embedded.demo import cast
from embedded.demo.door import cloud_event, until
from embedded.demo.stage import Stage

OPERATOR = "operator"
ORDER, CONTRACT = "PO-2026-0815", "FR-2026-07"
_DOCUMENTS = Path(__file__).parent / "documents"


def hand_in(stage: Stage, name: str) -> dict[str, Any]:
    """POST one of the demo's documents."""
    answer: dict[str, Any] = stage.door.call(
        OPERATOR, "POST", "/api/documents", content=(_DOCUMENTS / name).read_bytes(), headers={"content-type": "application/xml"}
    )
    stage.say(f"{name}: {answer['kind'] or 'document'}, {answer['outcome']} {answer['detail'] or ''}")
    return answer


def set_the_scene(stage: Stage) -> None:
    """Companies, people, budgets and the basic contract, as the buying organisation maintains them."""
    stage.title("0", "Who is who: a utility that buys, a supplier, their people, a basic contract")
    for id_, company in cast.COMPANIES.items():
        stage.door.call(OPERATOR, "PUT", f"/api/companies/{id_}", json=company)
    for id_, person in cast.PEOPLE.items():
        stage.door.call(OPERATOR, "PUT", f"/api/people/{id_}", json=person)
    for id_, budget in cast.BUDGETS.items():
        stage.door.call(OPERATOR, "PUT", f"/api/budgets/{id_}", json={**cast.BUDGET, **budget})
    stage.door.call(OPERATOR, "PUT", f"/api/contracts/{CONTRACT}", json=cast.CONTRACT)
    stage.say(f"{len(cast.COMPANIES)} companies, {len(cast.PEOPLE)} people, {len(cast.BUDGETS)} budgets")
    stage.say(f"basic contract {CONTRACT}: purchaser contact Clara Novak, receipts booked automatically")


def order_comes_in(stage: Stage) -> None:
    """(a) A Peppol order."""
    stage.title("a", f"A Peppol order comes in: {ORDER}")
    hand_in(stage, "order.xml")
    found = stage.door.get(OPERATOR, "/api/orders", number=ORDER)["orders"]
    stage.check("it is there once", len(found) == 1, found)
    stage.order = found[0]["id"]
    order = stage.door.get(OPERATOR, f"/api/orders/{stage.order}")
    for line in order["lines"]:
        stage.say(f"line {line['line']}: {line['quantity']} × {line['item']}, ordered by {line['ordered_by']['name']}")


def short_delivery(stage: Stage) -> None:
    """(b) A despatch advice with a short quantity."""
    stage.title("b", "A despatch advice: 8 desks of 10")
    hand_in(stage, "despatch-short.xml")
    stage.expect(cast.address(cast.CLARA), "Wrong delivery", "she is the purchaser contact of the basic contract")


def receipts(stage: Stage) -> None:
    """(c) Receipts of goods, booked by hand and automatically."""
    stage.title("c", "Receipt of goods: by hand for the first note, automatically for the second, which is right")
    order = stage.door.get(OPERATOR, f"/api/orders/{stage.order}")
    first = next(note for note in order["delivery_notes"] if note["number"] == "DN-7001")
    if not any(receipt["note"] == first["id"] for receipt in order["receipts"]):
        stage.door.call(cast.CLARA, "POST", f"/api/orders/{stage.order}/goods-receipts", json={"note": first["id"]})
    stage.say("DN-7001 is booked by hand")
    hand_in(stage, "despatch-rest.xml")
    for person, what in (
        (cast.ANNA, "Goods received: 2 pcs of Height-adjustable desk"),
        (cast.BELA, "Goods received: 20 pcs of Desk lamp"),
    ):
        stage.expect(cast.address(person), what, f"{cast.PEOPLE[person]['name']} ordered them")
    reasons = until("the decision about the receipt by hand", lambda: _reasons(stage, "GoodsReceived.v1", "none"))
    stage.expect_none("the chairs that Béla ordered were booked by hand", cast.address(cast.BELA), "Office chair")
    stage.say(f"postroom explain says: {reasons[0]}")


def _reasons(stage: Stage, type_: str, outcome: str) -> list[str] | None:
    events = stage.door.get(OPERATOR, f"/explain/{ORDER}")["events"]
    decisions = (decision for event in events if event["type"] == type_ for decision in event["decisions"])
    return [decision["reason"] for decision in decisions if decision["outcome"] == outcome] or None


def budgets(stage: Stage) -> None:
    """(d) The task Check budgets."""
    stage.title("d", "The task Check budgets: a user's budget, and a cost code whose manager has left")
    answer = stage.door.call(OPERATOR, "POST", "/api/tasks/check-budgets/run")
    stage.say(f"raised: {answer['raised']}")
    stage.expect(cast.address(cast.ANNA), "Travel, Anna Berger", "it is her own budget")
    mail = stage.expect(cast.address(cast.DORA), "Cost code 4100", "its manager has left, and she administers the company")
    stage.say(f"recorded hop: {_hop(stage, mail)}")


def _hop(stage: Stage, mail: dict[str, Any]) -> str:
    """How this person came to be told, found by the mail's own Message-ID."""
    message = str(mail["MessageID"]).partition("@")[0]
    events = stage.door.get(OPERATOR, f"/explain/{message}")["events"]
    decisions = (decision for event in events for decision in event["decisions"] if decision["message"])
    return next(str(one["hop"]) for one in decisions if one["message"]["message"] == message)


def correspondence(stage: Stage) -> None:
    """(e) A supplier's logs: saved without a mail, then both sent with a document."""
    stage.title("e", "The supplier writes: a log that is only saved, then another, and both are sent with a document")
    logs = f"/api/orders/{stage.order}/logs"
    texts = ("Two desks are late: the oak tops arrive on Thursday.", "The rest is on its way; the assembly sheet is attached.")
    for number, text in enumerate(texts, 1):
        stage.door.call(
            cast.FRIDA, "POST", logs, json={"type": "Delivery", "message": text}, headers={"Idempotency-Key": f"demo-log-{number}"}
        )
    saved = stage.door.get(cast.CLARA, logs)["logs"]
    stage.check("the client sees both logs", len(saved) == len(texts), saved)
    sends = stage.door.get(cast.FRIDA, f"/api/orders/{stage.order}/correspondences")["correspondences"]
    if not sends:
        stage.expect_none("the logs are only saved", cast.address(cast.ANNA), f"{ORDER}: communication")
        _send(stage)
    chosen = (cast.address(cast.ANNA), "warehouse@stadtwerke.example")
    for to in chosen:
        mail = stage.expect(to, f"{ORDER}: two desks late", "Frida chose this address", named=len(chosen))
        stage.check("with the document attached", mail["Attachments"] >= 1, mail)
    until("the outcome of each recipient", lambda: _all_sent(stage))
    stage.say("each recipient is shown as sent")


def _send(stage: Stage) -> None:
    window = stage.door.call(cast.FRIDA, "POST", f"/api/orders/{stage.order}/correspondences", json={"scope": "all"})
    anna = next(contact["person"] for contact in window["contacts"] if contact["name"] == "Anna Berger")
    body = {
        "contacts": [anna],
        "to": ["warehouse@stadtwerke.example"],
        "subject": f"Order {ORDER}: two desks late",
        "documents": [window["documents"][0]["document"]],
    }
    stage.door.call(cast.FRIDA, "POST", f"/api/correspondences/{window['id']}/send", json=body, headers={"Idempotency-Key": "demo-send-1"})


def _all_sent(stage: Stage) -> bool | None:
    sends = stage.door.get(cast.FRIDA, f"/api/orders/{stage.order}/correspondences")["correspondences"]
    return all(recipient["state"] == "sent" for send in sends for recipient in send["recipients"]) or None


def from_outside(stage: Stage) -> None:
    """(f) An event of another system, through a plain Kafka client."""
    stage.title("f", "The ERP writes an event to its topic in.erp, with a Kafka client that knows nothing of Postroom")
    stage.door.write("in.erp", [received("erp-receipt-1", "ERP-4500017", cast.BELA, "Cable drum")])
    stage.expect(cast.address(cast.BELA), "ERP-4500017", "Béla ordered the goods, says the ERP")


def received(id_: str, order: str, person: str, item: str, quantity: Any = "5") -> tuple[str, list[tuple[str, bytes]], bytes]:
    """GoodsReceived as the ERP says it."""
    line = {"line": "1", "item": item, "quantity": quantity, "unit": "C62", "ordered_by": person}
    data = {
        "receipt": id_,
        "booking": "automatic",
        "order": {"id": order, "number": order, "supplier": "Kabelwerk"},
        "note_number": f"LS-{order}",
        "booked_at": "2026-11-20T09:30:00Z",
        "lines": [line],
    }
    return cloud_event("GoodsReceived.v1", id_, order, data)


def parked(stage: Stage) -> None:
    """(g) A broken event and one of an unknown type: parked, listed, mended, replayed."""
    stage.title("g", "A broken event and an unknown one are parked, listed, mended and replayed")
    good = [received("erp-broken", "ERP-4500018", cast.ANNA, "Switch"), received("erp-unknown", "ERP-4500019", cast.ANNA, "Router")]
    broken = received("erp-broken", "ERP-4500018", cast.ANNA, "Switch", quantity=5.5)
    key, headers, value = good[1]
    unknown = (key, [(name, b"GoodsArrived.v1" if name == "ce_type" else text) for name, text in headers], value)
    known = {row["id"] for row in _parked(stage)}
    stage.door.write("in.erp", [broken, unknown])
    rows = until("two parked records", lambda: _two_new(stage, known))
    for row in rows:
        stage.say(f"parked {row['id']}: {row['reason']} at {row['path']}: {row['detail'][:90]}")
    for row, mended in zip(rows, good, strict=True):
        stage.door.call(OPERATOR, "POST", f"/parked/notification-rules/{row['id']}/replay", json={"value": structured(mended)})
    stage.expect(cast.address(cast.ANNA), "ERP-4500018", "the mended event was replayed")
    stage.expect(cast.address(cast.ANNA), "ERP-4500019", "its type was mended, and it was replayed")


def _parked(stage: Stage) -> list[dict[str, Any]]:
    rows: Iterable[dict[str, Any]] = stage.door.get(OPERATOR, "/parked", service="notification-rules")["parked"]
    return [row for row in rows if row["event_id"] in ("erp-broken", "erp-unknown")]


def _two_new(stage: Stage, known: set[int]) -> list[dict[str, Any]] | None:
    fresh = sorted((row for row in _parked(stage) if row["id"] not in known), key=lambda row: str(row["event_id"]))
    return fresh if len(fresh) == 2 else None  # noqa: PLR2004 - the two that were written


def structured(event: tuple[str, list[tuple[str, bytes]], bytes]) -> str:
    """The event as one JSON document, as a mended record is handed in."""
    _, headers, value = event
    attributes = {name.removeprefix("ce_"): text.decode() for name, text in headers if name.startswith("ce_")}
    return orjson.dumps({**attributes, "datacontenttype": "application/json", "data": orjson.loads(value)}).decode()


__all__ = ["OPERATOR", "received"]
