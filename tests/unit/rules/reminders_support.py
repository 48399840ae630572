"""Overdue lines and what settles them."""

from typing import Any

from tests.unit.rules.rules_support import NOW, ORDER, event

from postroom.contracts.event import Event
from postroom.contracts.purchasing import DeliveryNoteOverdue, DeliveryNoteRecorded, OrderChanged


def line(line: str = "1", who: str = "anna", **fields: Any) -> dict[str, Any]:
    """A line that was due three days ago."""
    due = {"delivery_date": "2026-11-20", "due_on": "2026-11-20", "open": "4", "unit": "EA"}
    return {"line": line, "item": f"item {line}", "ordered_by": who, **due, **fields}


def overdue(*lines: dict[str, Any], level: int = 1, order: str = "order-1", **attributes: Any) -> Event:
    options = {"first": 0, "second": 5, "third": 10}
    data = {"order": {**ORDER, "id": order}, "level": level, "as_of": "2026-11-23", "reminders": options, "purchaser_contact": "purchaser"}
    fact = DeliveryNoteOverdue.model_validate({**data, "lines": list(lines) or [line()]})
    return event(fact, **{"key": order, **attributes})


def noted(*lines: str, origin: str = "requester", order: str = "order-1", **attributes: Any) -> Event:
    """A delivery note without a difference."""
    delivered = [{"line": one, "ordered": "4", "unit": "EA", "delivered": "4", "delivered_unit": "EA"} for one in lines]
    data = {"note": "note-1", "number": "D-1", "origin": origin, "order": {**ORDER, "id": order}, "recorded_at": NOW, "lines": delivered}
    return event(DeliveryNoteRecorded.model_validate(data), **{"key": order, **attributes})


def order_changed(*lines: str, **attributes: Any) -> Event:
    data = {"order": ORDER, "lines": [{"line": one, "delivery_date": "2026-12-01"} for one in lines]}
    return event(OrderChanged.model_validate(data), **{"key": "order-1", **attributes})
