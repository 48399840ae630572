"""Scene (i): the status messages that the other scenes don't cause, each from a cause of its own."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

from embedded.demo import cast
from embedded.demo.scenes import OPERATOR, ORDER
from embedded.demo.stage import Stage

_LATE = "2026-12-24"
_PARTIES = {"company": cast.BUYER, "supplier": cast.SUPPLIER}
_MINIMUM = {"buyer": cast.BUYER, "supplier": cast.SUPPLIER, "minimum_order_value": "250.00", "currency": "EUR"}


def status_messages(stage: Stage) -> None:
    """Templates, replies, cards, a first log-on, an invoice, a minimum order value, reminders, a catalog."""
    stage.title("i", "The other status messages: dates that pass, log-ons, replies, an invoice, a catalog, a small order")
    for cause in (_template, _reply, _card, _log_on, _invoice, _too_small, _reminders, _catalog):
        cause(stage)
    inbox = stage.door.get(cast.CLARA, "/api/inbox")
    stage.check(f"Clara's inbox has them too: {inbox['unread']} unread", inbox["unread"] > 0, inbox)


def _put(stage: Stage, path: str, body: dict[str, Any]) -> Any:
    return stage.door.call(OPERATOR, "PUT", f"/api{path}", json=body)


def _run(stage: Stage, task: str, as_of: str | None = None) -> None:
    stage.door.call(OPERATOR, "POST", f"/api/tasks/{task}/run", params={"as_of": as_of} if as_of else {})


def _template(stage: Stage) -> None:
    """Due a week after it was made, also when the demo is played again later."""
    known = stage.door.get(OPERATOR, "/api/demand-templates")["templates"]
    first = next((one["schedule"]["first_day"] for one in known if one["template"] == "paper"), None)
    if first is None:
        first = (datetime.now(UTC).date() + timedelta(days=7)).isoformat()
        items = [{"item": "A4-80", "name": "Copy paper A4, 80 g", "quantity": "40", "unit": "BX"}]
        people = [{"person": cast.ANNA, "role": "requester"}, {"person": cast.DORA, "role": "approver"}]
        schedule = {"first_day": first, "every": "once"}
        body = {"name": "Copy paper for the quarter", "company": cast.BUYER, "items": items, "assigned": people, "schedule": schedule}
        _put(stage, "/demand-templates/paper", body)
    _run(stage, "due-templates", date.fromisoformat(first).isoformat())
    stage.expect(cast.address(cast.ANNA), "Copy paper for the quarter", "the template is due, and she is assigned to it")


def _reply(stage: Stage) -> None:
    items = [{"item": "SALT-25", "name": "Road salt, 25 kg", "unit": "BG"}]
    people = [{"person": cast.BELA, "role": "requester"}]
    body = {"kind": "quantity-request", "name": "Salt for the winter", "company": cast.BUYER, "items": items, "assigned": people}
    _put(stage, "/demand-templates/salt", body)
    stage.door.call(cast.CLARA, "POST", "/api/quantity-requests/salt/release")
    stage.door.call(cast.BELA, "POST", "/api/quantity-requests/salt/replies", json={"lines": [{"item": "SALT-25", "quantity": "120"}]})
    stage.expect(cast.address(cast.CLARA), "Salt for the winter", "Béla replied to the quantity request that she released")


def _card(stage: Stage) -> None:
    card = {"kind": "credit-card", "company": cast.BUYER, "code": "4242", "name": "Fleet card", "valid_until": "2026-10-31"}
    _put(stage, "/control-structures/fleet-card", {**card, "person_responsible": cast.BELA})
    _run(stage, "refresh-control-structures")
    stage.expect(cast.address(cast.BELA), "Fleet card", "the card has expired, and he is responsible for it")


def _log_on(stage: Stage) -> None:
    _put(stage, "/carbon-copy-users/workshop", {"name": "Workshop", "company": cast.BUYER, "blocked": True})
    nina = {"user": "nina.neu", "name": "Nina Neu", "email": "nina.neu@stadtwerke.example"}
    stage.door.call(OPERATOR, "POST", "/api/carbon-copy-users/workshop/log-ons", json=nina)
    for who, why in ((cast.IDA, "she administers the system"), (cast.DORA, "she administers the company")):
        stage.expect(cast.address(who), "Nina Neu", why)


def _invoice(stage: Stage) -> None:
    invoice = {"number": "R-2026-118", "orders": [ORDER], "amount": "4890.00", "currency": "EUR"}
    _put(stage, "/invoices/R-2026-118", {**invoice, **_PARTIES})
    failed = {"stage": "matching", "code": "PRI", "text": "The price differs from the order.", "expected": "4590.00"}
    stage.door.call(OPERATOR, "POST", "/api/invoices/R-2026-118/checks", json=failed)
    stage.expect(cast.address(cast.GERD), "Rechnung R-2026-118", "he is the controller, and reads German")


def _too_small(stage: Stage) -> None:
    _put(stage, "/contracts/FR-2026-08", {**_MINIMUM, "purchaser_contact": cast.CLARA})
    item = {"contract": "FR-2026-08", "requester": cast.ANNA, "name": "Safety goggles", "quantity": "20", "unit": "C62", "net": "104.50"}
    _put(stage, "/requisitions/REQ-1", item)
    body, key = {"contract": "FR-2026-08"}, {"Idempotency-Key": "demo-generation-1"}
    stage.door.call(OPERATOR, "POST", "/api/order-generation", json=body, headers=key)
    stage.expect(cast.address(cast.ANNA), "Safety goggles", "the order would be below the contract's minimum, and she requested the item")
    stage.expect(cast.address(cast.CLARA), "Minimum order value not reached", "she is the purchaser contact")


def _reminders(stage: Stage) -> None:
    _run(stage, "remind-delivery-notes", _LATE)
    due = f"on order {ORDER}, due 20 November 2026"
    for who in (cast.ANNA, cast.BELA):
        stage.expect(cast.address(who), due, "the delivery date has passed, and there is no note of theirs")
    last = f"delivery note for 3 lines {due}"
    stage.expect(cast.address(cast.CLARA), last, "of the second and third reminder only the higher one is sent")


def _catalog(stage: Stage) -> None:
    _put(stage, "/catalogs/office", {"name": "Office 2027", "managers": [cast.HANA], **_PARTIES})
    lamp = {"item": "LAMP-1", "name": "Desk lamp", "price": "39.90", "currency": "EUR", "unit": "C62", "valid_until": "2026-10-31"}
    desk = {"item": "DESK-1", "name": "Height-adjustable desk", "price": "489.00", "currency": "EUR", "unit": "C62"}
    _put(stage, "/catalogs/office/items", {"items": [lamp, desk]})
    stage.expect(cast.address(cast.HANA), "Catalog Office 2027: 2 changes", "she manages the catalog")
    _run(stage, "check-price-validity")
    stage.expect(cast.address(cast.HANA), "the price of Desk lamp is no longer valid", "its price has expired")
