"""Events that ask for mail, as notification-rules and commlog-service publish them."""

from itertools import count
from typing import Any
from uuid import uuid4

from postroom.contracts import event
from postroom.contracts.event import Event
from postroom.contracts.messages import Cause, MessageRequested, MessageWithdrawn, Recipient

_numbers = count(1)
WRONG_DELIVERY: dict[str, Any] = {
    "note": "note-1",
    "version": 1,
    "number": "LS-2201",
    "origin": "despatch-advice",
    "order": {"id": "order-1", "number": "4711", "supplier": "Bürobedarf Huber GmbH", "contract": "RV-2026-014"},
    "partial_announced": False,
    "recorded_at": "2026-11-23T09:30:00Z",
    "lines": [
        {
            "line": "1",
            "item": "Copy paper A4 80 g",
            "ordered": "10",
            "unit": "C62",
            "delivered": "8",
            "delivered_unit": "C62",
            "previously_delivered": "0",
        }
    ],
}


def requested(
    *,
    email: str | None = "anna@example.com",
    message: str | None = None,
    message_type: str = "wrong-delivery",
    facts: dict[str, Any] | None = None,
    channels: tuple[str, ...] = ("inbox", "email"),
    name: str = "Anna Maier",
    person: str = "anna",
    tenant: str = "tenant-a",
    **more: Any,
) -> Event:
    """A MessageRequested, each with an event and message of its own unless told; `more` are a language and other fields of the fact."""
    number = next(_numbers)
    data = MessageRequested(
        message=message or str(uuid4()),
        message_type=message_type,
        recipient=Recipient(
            person=person, name=name, email=email, language=more.pop("language", "en"), zone="Europe/Vienna", hop="purchaser contact"
        ),
        channels=list(channels),
        reason="you are the purchaser contact of the basic contract",
        cause=more.pop("cause", None)
        or Cause(emitter="po-service", source="po-service", id=f"cause-{number}", type="DeliveryNoteRecorded.v1"),
        order="order-1",
        order_number="4711",
        facts=WRONG_DELIVERY if facts is None else facts,
        **more,
    )
    return event.new(data, source="notification-rules", subject=data.message, tenant=tenant, key="order-1")


def withdrawn(message: str, *about: str, reason: str = "the delivery note has been recorded", tenant: str = "tenant-a") -> Event:
    """A MessageWithdrawn; without `about`, of the whole."""
    number = next(_numbers)
    cause = Cause(emitter="po-service", source="po-service", id=f"note-{number}", type="DeliveryNoteRecorded.v1")
    data = MessageWithdrawn(message=message, about=list(about), reason=reason, cause=cause)
    return event.new(data, source="notification-rules", subject=message, tenant=tenant, key="order-1")
