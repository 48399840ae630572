"""Each of the thirteen, written to Kafka by another system that po-service has never heard of: the mail, and why (not), by explain."""

from dataclasses import dataclass, field
from typing import Any

import pytest
from rich.console import Console
from tests.e2e.conftest import House

from embedded.demo import cast, scenes
from embedded.demo.door import cloud_event, until
from embedded.demo.stage import Stage
from embedded.errors import EmbeddedError

ORDER = {"id": "ERP-77", "number": "ERP-77", "supplier": "Kabelwerk"}
LINE = {"line": "1", "item": "Cable drum", "unit": "C62"}
OVERDUE = {**LINE, "ordered_by": cast.ANNA, "delivery_date": "2026-11-02", "due_on": "2026-11-03", "open": "5"}
OPTIONS = {"first": 0, "second": 5, "third": 10}
MONEY = {"start_value": "900.00", "current_value": "0.00", "currency": "EUR"}
WANTED = {"item": "ERP-R-1", "name": "Fuses", "requester": cast.BELA, "quantity": "4", "unit": "C62", "net": "12.00"}


@dataclass(frozen=True)
class Cause:
    """An event that tells `to` something about `subject`; with `otherwise` changed it tells nobody, for the reason `why_not`."""

    type: str
    data: dict[str, Any]
    to: str
    subject: str
    why: str
    otherwise: dict[str, Any]
    why_not: str
    more: dict[str, str] = field(default_factory=dict)


CAUSES = {
    "1 due-template": Cause(
        "TemplateDue",
        {"template": "ERP-T", "name": "Cable order", "assigned": [{"person": cast.ANNA, "role": "buyer"}], "occurrence": "2026-11-20"},
        cast.ANNA, "Cable order", "you are assigned", {"withdrawn": True}, "withdrawn",
    ),
    "2 carbon-copy-registration": Cause(
        "CarbonCopyUserRegistered",
        {"carbon_copy_user": "erp-cc", "user": "erp.otto", "name": "Otto Ofen", "logged_on_at": "2026-11-20T09:00:00Z"},
        cast.IDA, "Otto Ofen", "administer", {"first": False}, "not the first log-on",
    ),
    "3 control-structure-expired": Cause(
        "ControlStructureExpired",
        {"structure": "ERP-4711", "kind": "cost-code", "code": "ERP-4711", "valid_until": "2026-11-19", "as_of": "2026-11-20"},
        cast.BELA, "Cost code ERP-4711", "responsible", {"valid_until": "2026-11-20"}, "still valid", {"person_responsible": cast.BELA},
    ),
    "4 goods-receipt": Cause(
        "GoodsReceived",
        {"receipt": "ERP-W", "booking": "automatic", "order": ORDER, "booked_at": "2026-11-20T09:00:00Z",
         "lines": [{**LINE, "quantity": "5", "ordered_by": cast.BELA}]},
        cast.BELA, "5 pcs of Cable drum on order ERP-77", "ordered", {"booking": "manual"}, "booked by hand",
    ),
    "5 budget-expired": Cause(
        "BudgetExpired",
        {"budget": "ERP-B", "name": "ERP tools", "kind": "user", "period_start": "2026-01-01", "period_end": "2026-10-31", **MONEY},
        cast.ANNA, "ERP tools", "your budget", {"reason": "warning"}, "warning", {"owner": cast.ANNA, "reason": "date"},
    ),
    "6 wrong-delivery": Cause(
        "DeliveryNoteRecorded",
        {"note": "ERP-N", "number": "LS-77", "order": ORDER, "purchaser_contact": cast.CLARA, "recorded_at": "2026-11-20T09:00:00Z",
         "lines": [{**LINE, "ordered": "5", "delivered": "3", "delivered_unit": "C62"}]},
        cast.CLARA, "3 of 5 pcs of Cable drum", "purchaser contact",
        {"lines": [{**LINE, "ordered": "5", "delivered": "5.0", "delivered_unit": "C62"}]}, "delivered as ordered",
    ),
    "7 quantity-request-reply": Cause(
        "QuantityRequestReplied",
        {"request": "ERP-Q", "name": "ERP salt", "reply": "ERP-Q-1", "requester": cast.BELA, "purchaser": cast.CLARA,
         "replied_at": "2026-11-20T09:00:00Z", "replied_on": "2026-11-20", "lines": [{"item": "S-1", "quantity": "3"}]},
        cast.CLARA, "ERP salt", "released", {"valid_until": "2026-11-19"}, "no longer valid",
    ),
    "8 invoice-check-failed": Cause(
        "InvoiceCheckFailed", {"invoice": "ERP-I", "number": "ERP-I-9", "code": "QTY", "text": "Too many."},
        cast.GERD, "ERP-I-9", "controller", {"code": ""}, "no error is named",
    ),
    "9 minimum-order-value-requester": Cause(
        "MinimumOrderValueNotReached",
        {"run": "ERP-RUN", "order": ORDER, "minimum": "100.00", "total": "12.00", "currency": "EUR", "items": [WANTED]},
        cast.BELA, "Fuses", "requested", {"total": "100.00"}, "minimum order value is reached", {"purchaser_contact": cast.CLARA},
    ),
    "10 minimum-order-value-purchaser": Cause(
        "MinimumOrderValueNotReached",
        {"run": "ERP-RUN-2", "order": {**ORDER, "id": "ERP-78", "number": "ERP-78"}, "minimum": "90.00", "total": "12.00",
         "currency": "EUR", "items": [{**WANTED, "item": "ERP-R-2", "name": "Relays"}]},
        cast.CLARA, "€12.00 of €90.00", "purchaser contact", {"total": "0.00"}, "nothing is to be ordered",
        {"purchaser_contact": cast.CLARA},
    ),
    "11 delivery-note-reminder-requester": Cause(
        "DeliveryNoteOverdue",
        {"order": ORDER, "level": 1, "as_of": "2026-11-20", "reminders": OPTIONS, "lines": [OVERDUE]},
        cast.ANNA, "Delivery note missing for Cable drum on order ERP-77", "ordered", {"reminders": {"second": 5}}, "not activated",
    ),
    "12 delivery-note-reminder-purchaser": Cause(
        "DeliveryNoteOverdue",
        {"order": ORDER, "level": 2, "as_of": "2026-11-20", "reminders": OPTIONS, "purchaser_contact": cast.CLARA, "lines": [OVERDUE]},
        cast.CLARA, "Second reminder: no delivery note for Cable drum on order ERP-77", "purchaser contact",
        {"lines": [{**OVERDUE, "noted": True}]}, "has been recorded",
    ),
    "13 catalog-changed": Cause(
        "CatalogItemsChanged",
        {"catalog": "ERP-K", "name": "ERP cables", "version": 3, "managers": [cast.HANA], "counts": {"price": 1},
         "changes": [{"item": "K-1", "name": "Cable", "kind": "price", "old": "1.00", "new": "2.00", "currency": "EUR"}]},
        cast.HANA, "ERP cables", "manage this catalog", {"notify_on": ["removed"]}, "don't want to hear",
    ),
}  # fmt: skip


@pytest.fixture(scope="module")
def stage(house: House) -> Stage:
    """Everybody is known; each cause has been written twice as it tells somebody, and once as it tells nobody."""
    stage = Stage(house.door, Console(quiet=True))
    scenes.set_the_scene(stage)
    written = []
    for name, cause in CAUSES.items():
        type_, id_ = f"{cause.type}.v1", name.replace(" ", "-")
        company = {"company": cast.BUYER}
        data = {**cause.data, **cause.more}
        written += [_event(type_, f"{id_}-{n}", data, company) for n in (1, 2)]
        written.append(_event(type_, f"{id_}-not", {**data, **cause.otherwise}, company))
    house.door.write("in.erp", written)
    return stage


def _event(type_: str, id_: str, data: dict[str, Any], attributes: dict[str, str]) -> tuple[str, list[tuple[str, bytes]], bytes]:
    key, headers, value = cloud_event(type_, id_, "erp", data)
    return key, [*headers, *((f"ce_{name}", text.encode()) for name, text in attributes.items())], value


@pytest.mark.parametrize("name", CAUSES)
def test_the_right_person_gets_it_once_and_can_see_why(stage: Stage, name: str) -> None:
    cause, id_ = CAUSES[name], name.replace(" ", "-")
    stage.expect(cast.address(cause.to), cause.subject, cause.why)
    # The same said a second time under another id: decided after the first, so by then a second mail would be on its way.
    again = until(f"the decision about {id_}-2", lambda: _decisions(stage, f"{id_}-2", cause, "none"))
    assert any("before" in one["reason"] for one in again), again
    stage.each_once()
    told = until("the reason", lambda: _decisions(stage, f"{id_}-1", cause, "message"))
    assert any(cause.why in one["reason"] for one in told if one["person"] == cause.to), told


@pytest.mark.parametrize("name", CAUSES)
def test_explain_says_why_nobody_got_it(stage: Stage, name: str) -> None:
    cause, id_ = CAUSES[name], name.replace(" ", "-")
    none = until(f"the decision about {id_}-not", lambda: _decisions(stage, f"{id_}-not", cause, "none"))
    assert any(cause.why_not in one["reason"] for one in none), none
    assert _decisions(stage, f"{id_}-not", cause, "message") is None


def _decisions(stage: Stage, event: str, cause: Cause, outcome: str) -> list[dict[str, Any]] | None:
    """What the rules decided about an event of the ERP, as far as it is of the cause's message type."""
    message_type = next(name.partition(" ")[2] for name, one in CAUSES.items() if one is cause)
    try:
        answer = stage.door.get(scenes.OPERATOR, f"/explain/{event}")
    except EmbeddedError:
        return None  # not decided yet
    decisions = (one for found in answer["events"] if found["id"] == event for one in found["decisions"])
    return [one for one in decisions if one["outcome"] == outcome and one["message_type"] == message_type] or None
