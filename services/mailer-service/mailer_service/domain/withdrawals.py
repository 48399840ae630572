"""What a withdrawal leaves of a message."""

from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import Any

from postroom.contracts.event import Event
from postroom.contracts.messages import MessageWithdrawn

WHOLE = ""


@dataclass(frozen=True, slots=True)
class Withdrawal:
    """What one event says is void. Field names are columns of `withdrawals`; `about` is WHOLE where the event names nothing."""

    message: str
    about: str
    reason: str
    cause: dict[str, Any]


def of(event: Event) -> list[Withdrawal]:
    """The withdrawals in this event: none unless it is a MessageWithdrawn."""
    data = event.data
    if not isinstance(data, MessageWithdrawn):
        return []
    cause = data.cause.model_dump()
    return [Withdrawal(data.message, about, data.reason, cause) for about in dict.fromkeys(data.about or [WHOLE])]


def remaining(facts: dict[str, Any], lines: str, about: Sequence[str], void: AbstractSet[str]) -> dict[str, Any] | None:
    """The facts without their void lines, or None when nothing of the message holds any more.

    `about` names the entries of facts[lines] one by one. Where a message has no lines, or they can't be told apart, any withdrawal
    is one of the whole.
    """
    if not void:
        return facts
    entries = facts.get(lines) if lines else None
    if not isinstance(entries, list) or len(entries) != len(about):
        return None if not lines or void >= set(about) else facts
    left = [entry for entry, name in zip(entries, about, strict=True) if name not in void]
    return {**facts, lines: left} if left else None
