"""What each type of message is told of: the golden examples of its event, as the facts that rules sends."""

import json
from typing import Any

from postroom.contracts import examples
from postroom.contracts.facts import FACTS

TOLD = {
    "due-template": "TemplateDue.v1",
    "carbon-copy-registration": "CarbonCopyUserRegistered.v1",
    "control-structure-expired": "ControlStructureExpired.v1",
    "goods-receipt": "GoodsReceived.v1",
    "budget-expired": "BudgetExpired.v1",
    "wrong-delivery": "DeliveryNoteRecorded.v1",
    "quantity-request-reply": "QuantityRequestReplied.v1",
    "invoice-check-failed": "InvoiceCheckFailed.v1",
    "minimum-order-value-requester": "MinimumOrderValueNotReached.v1",
    "minimum-order-value-purchaser": "MinimumOrderValueNotReached.v1",
    "delivery-note-reminder-requester": "DeliveryNoteOverdue.v1",
    "delivery-note-reminder-purchaser": "DeliveryNoteOverdue.v1",
    "catalog-changed": "CatalogItemsChanged.v1",
    "new-communication-log": "LogCreated.v1",
    "forwarded-message": "MessageForwarded.v1",
}


def facts_of(example: examples.Example) -> dict[str, Any]:
    """The event's fields, which rules sends as facts."""
    return FACTS[example.type].model_validate(json.loads(example.value)["data"]).model_dump(mode="json")


LOG: dict[str, Any] = {
    "log_type": "Delivery",
    "message": "hello",
    "author": {"name": "Jörg", "company": "Huber", "side": "supplier"},
    "created_at": "2026-11-23T09:30:00Z",
}
ENTRY = {
    "message": "m-2",
    "message_type": "goods-receipt",
    "subject": "8 pcs of paper",
    "text": "8 pcs\n2 boxes",
    "created_at": "2026-11-23T09:30:00Z",
    "order_number": "4711",
}
# What no event says alone: a correspondence comes with its logs, a digest is the mailer's own.
OTHERS: dict[str, dict[str, Any]] = {
    "correspondence": {
        "subject": "Order 4711",
        "buyer": "City of Graz",
        "order": {"number": "4711", "supplier": "Huber"},
        "sender": {"name": "Jörg", "company": "Huber"},
        "documents": [{"filename": "plan.pdf", "link": False}, {"filename": "drawing.dwg", "link": True}],
        "attached": ["plan.pdf", "communication-logs-4711.pdf"],
        "linked": [{"filename": "drawing.dwg", "size": 9_961_472, "url": "https://portal.example/sends/s/documents/d"}],
        "answers": True,
        "thread": True,
        "logs": [LOG, LOG],
    },
    "digest": {"day": "2026-11-23", "entries": [ENTRY, {**ENTRY, "order_number": ""}]},
}
# (type, name of the case, facts)
CASES = [
    *((type_, example.name, facts_of(example)) for type_, event in TOLD.items() for example in examples.of_type(event)),
    *((type_, "whole", facts) for type_, facts in OTHERS.items()),
]
# One of each type, the one with most in it.
FACTS_OF = {type_: facts for type_, _, facts in sorted(CASES, key=lambda case: len(json.dumps(case[2])))}


def message(message_type: str, facts: dict[str, Any] | None = None, **changes: Any) -> dict[str, Any]:
    """A row of `messages`."""
    return {
        "id": "m-1",
        "name": "Anna",
        "reason": "you ordered these goods",
        "hop": "orderer",
        "order_number": "4711",
        "language": "en",
        "zone": "Europe/Vienna",
        "message_type": message_type,
        "facts": FACTS_OF[message_type] if facts is None else facts,
        **changes,
    }
