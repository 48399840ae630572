"""What a letter is about, in words that both sides know: order numbers, item ids, days."""

from collections.abc import Callable, Iterable
from typing import Any

Data = dict[str, Any]
Subject = tuple[Any, ...]


def _reminder(data: Data, item: str) -> Subject:
    line = next(line for line in data["lines"] if line["line"] == item)
    return (data["order"]["number"], item, data["level"], line["delivery_date"])


def _catalog(data: Data, item: str) -> Subject:
    if data["cause"] == "changed":
        return (data["catalog"], data["version"], item)
    return (data["catalog"], item, next(one["valid_until"] for one in data["changes"] if one["item"] == item))


_SUBJECTS: dict[str, Callable[[Data, str], Subject]] = {
    "due-template": lambda data, item: (item, data["occurrence"]),
    "carbon-copy-registration": lambda _, item: (item,),
    "control-structure-expired": lambda data, _: (data["structure"], data["valid_until"]),
    "goods-receipt": lambda data, item: (data["order"]["number"], data["note_number"], item),
    "budget-expired": lambda data, item: (item, data["period_start"], data["reason"]),
    "wrong-delivery": lambda data, item: (data["order"]["number"], data["number"], data["version"], item),
    "quantity-request-reply": lambda data, _: (data["request"], data["requester"], data["revision"]),
    "invoice-check-failed": lambda data, item: (item, data["version"], data["code"]),
    "minimum-order-value-requester": lambda _, item: (item,),
    "minimum-order-value-purchaser": lambda data, _: tuple(sorted(one["item"] for one in data["items"])),
    "delivery-note-reminder-requester": _reminder,
    "delivery-note-reminder-purchaser": _reminder,
    "catalog-changed": _catalog,
}
_LISTS = {
    "goods-receipt": ("lines", "line"),
    "wrong-delivery": ("lines", "line"),
    "minimum-order-value-requester": ("items", "item"),
    "delivery-note-reminder-requester": ("lines", "line"),
    "delivery-note-reminder-purchaser": ("lines", "line"),
    "catalog-changed": ("changes", "item"),
}
_NAMES = {
    "due-template": "template",
    "carbon-copy-registration": "user",
    "control-structure-expired": "structure",
    "budget-expired": "budget",
    "quantity-request-reply": "reply",
    "invoice-check-failed": "invoice",
    "minimum-order-value-purchaser": "run",
}


def of_letter(message_type: str, data: Data, items: Iterable[str]) -> list[Subject]:
    """The subjects of an expected letter about this event."""
    return [_SUBJECTS[message_type](data, item) for item in items]


def of_message(message_type: str, facts: Data) -> list[Subject]:
    """The subjects of a message as the mailer was asked to tell it."""
    if message_type in _LISTS:
        list_, name = _LISTS[message_type]
        # An item may have changed in several ways: it is one thing to hear of.
        return of_letter(message_type, facts, dict.fromkeys(one[name] for one in facts[list_]))
    return of_letter(message_type, facts, [facts[_NAMES[message_type]]])


def about(message_type: str, _: str, subject: Subject) -> str:
    """The thing by which a letter is withdrawn: an order's line, a template."""
    return f"{subject[0]}/{subject[1]}" if message_type.startswith("delivery-note-reminder") else str(subject[0])


TYPES = tuple(_SUBJECTS)
