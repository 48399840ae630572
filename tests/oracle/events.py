"""One event of each type, as another system would write it; a case changes what it is about."""

from typing import Any

ORDER = {"id": "order-1", "number": "4711"}
Event = dict[str, Any]


def event(type_: str, data: dict[str, Any], **attributes: Any) -> Event:
    """An event of the company `acme`, from our own services unless an `emitter` is named."""
    return {"type": type_, "data": data, "company": "acme", **attributes}


def template(attributes: Event | None = None, **changes: Any) -> Event:
    assigned = [{"person": "rita", "role": "requester"}, {"person": "bea", "role": "buyer"}, {"person": "max", "role": "approver"}]
    data = {"template": "T1", "name": "Monthly paper", "assigned": assigned, "occurrence": "2026-11-23"}
    return event("TemplateDue.v1", {**data, **changes}, **(attributes or {}))


def carbon_copy(attributes: Event | None = None, **changes: Any) -> Event:
    data = {"carbon_copy_user": "cc", "user": "nina", "name": "Nina New", "logged_on_at": "2026-11-23T09:00:00Z"}
    return event("CarbonCopyUserRegistered.v1", {**data, **changes}, **(attributes or {}))


def structure(attributes: Event | None = None, **changes: Any) -> Event:
    data = {"structure": "K1", "kind": "cost-code", "code": "4400", "valid_until": "2026-11-22", "as_of": "2026-11-23"}
    return event("ControlStructureExpired.v1", {**data, "person_responsible": "max", **changes}, **(attributes or {}))


def received(attributes: Event | None = None, *, lines: dict[str, str] | None = None, **changes: Any) -> Event:
    """`lines`: line → who ordered it."""
    shown = [
        {"line": line, "item": f"item {line}", "quantity": "2", "unit": "EA", "ordered_by": who}
        for line, who in (lines or {"1": "rita", "2": "ron", "3": "rita"}).items()
    ]
    data = {"receipt": "R1", "booking": "automatic", "order": ORDER, "note": "N1", "booked_at": "2026-11-23T09:00:00Z", "lines": shown}
    return event("GoodsReceived.v1", {**data, **changes}, **(attributes or {}))


def budget(attributes: Event | None = None, **changes: Any) -> Event:
    period = {"period_start": "2026-01-01", "period_end": "2026-10-31"}
    money = {"start_value": "1000", "current_value": "12.50", "currency": "EUR"}
    data = {"budget": "B1", "name": "Travel", "kind": "cost-code", **period, **money, "owner": "uwe", "manager": "max", "reason": "date"}
    return event("BudgetExpired.v1", {**data, **changes}, **(attributes or {}))


def note_line(delivered: str, ordered: str = "10", line: str = "1", **changes: Any) -> Event:
    return {"line": line, "item": "Paper", "ordered": ordered, "unit": "EA", "delivered": delivered, "delivered_unit": "EA", **changes}


def note(*lines: Event, attributes: Event | None = None, **changes: Any) -> Event:
    data = {"note": "N1", "number": "D-1", "order": ORDER, "purchaser_contact": "pia", "recorded_at": "2026-11-23T09:00:00Z"}
    return event("DeliveryNoteRecorded.v1", {**data, "lines": list(lines), **changes}, **(attributes or {}))


def reply(attributes: Event | None = None, **changes: Any) -> Event:
    said = {"replied_at": "2026-11-23T09:00:00Z", "replied_on": "2026-11-23", "lines": [{"item": "S1", "quantity": "3"}]}
    data = {"request": "Q1", "name": "Salt", "reply": "Q1/rita", "requester": "rita", "purchaser": "pia", **said}
    return event("QuantityRequestReplied.v1", {**data, **changes}, **(attributes or {}))


def invoice(attributes: Event | None = None, **changes: Any) -> Event:
    data = {"invoice": "I1", "number": "88", "code": "PRI", "text": "The price differs."}
    return event("InvoiceCheckFailed.v1", {**data, **changes}, **(attributes or {}))


def minimum(attributes: Event | None = None, *, items: dict[str, str] | None = None, **changes: Any) -> Event:
    """`items`: item → its requester."""
    wanted = [
        {"item": item, "requester": who, "quantity": "1", "unit": "EA", "net": "10.00"}
        for item, who in (items or {"i1": "rita", "i2": "ron", "i3": "rita"}).items()
    ]
    data = {"run": "run-1", "order": ORDER, "minimum": "100.00", "total": "30.00", "currency": "EUR", "purchaser_contact": "pia"}
    return event("MinimumOrderValueNotReached.v1", {**data, "items": wanted, **changes}, **(attributes or {}))


def overdue_line(line: str = "1", who: str = "rita", **changes: Any) -> Event:
    data = {"line": line, "ordered_by": who, "delivery_date": "2026-11-20", "due_on": "2026-11-21", "open": "4", "unit": "EA"}
    return {**data, **changes}


def overdue(*lines: Event, level: int = 1, attributes: Event | None = None, **changes: Any) -> Event:
    options = {"first": 0, "second": 5, "third": 10}
    data = {"order": ORDER, "level": level, "as_of": "2026-12-07", "reminders": options, "purchaser_contact": "pia"}
    return event("DeliveryNoteOverdue.v1", {**data, "lines": list(lines) or [overdue_line()], **changes}, **(attributes or {}))


def order_changed(*lines: str, **changes: Any) -> Event:
    return event("OrderChanged.v1", {"order": ORDER, "lines": [{"line": line} for line in lines], **changes})


def change(item: str, kind: str = "price", **changes: Any) -> Event:
    return {"item": item, "kind": kind, "old": "1.00", "new": "2.00", **changes}


def catalog(*changes_: Event, attributes: Event | None = None, **changes: Any) -> Event:
    data = {"catalog": "C1", "version": 2, "managers": ["cara"], "changes": list(changes_) or [change("p1")]}
    return event("CatalogItemsChanged.v1", {**data, **changes}, **(attributes or {}))
