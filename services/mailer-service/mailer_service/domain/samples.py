"""Messages that nobody was told: to check a template, to see what it looks like, to send it to oneself."""

from collections.abc import Mapping
from typing import Any

from mailer_service.domain.messages import Message

TEST = "TemplateTested"
"""The `cause.type` of a message that a person sent to themselves to see it."""

_BLANK: dict[str, Any] = dict.fromkeys(Message.__dataclass_fields__, None)
_USUAL = {"id": "00000000-0000-0000-0000-000000000000", "name": "", "hop": "", "reason": "", "order_number": "", "cause": {}}
_REASON = {
    "de": "Sie haben sich selbst einen Test der Vorlage „{}“ geschickt; niemand sonst hat ihn bekommen",
    "en": "you sent yourself a test of the template “{}”; nobody else got it",
}


def sample(message_type: str, facts: dict[str, Any], **known: Any) -> dict[str, Any]:
    """A message's row as the renderer reads it."""
    return {**_BLANK, **_USUAL, "language": "en", "zone": "UTC", "message_type": message_type, "facts": facts, **known}


def test(row: Any, *, message: str, tenant: str, person: str, name: str, email: str) -> Message:
    """A message that says what this row says to whoever tries the template."""
    reason = _REASON["de" if row["language"].partition("-")[0] == "de" else "en"]
    return Message(
        id=message,
        tenant=tenant,
        message_type=row["message_type"],
        person=person,
        name=name,
        email=email,
        language=row["language"],
        zone=row["zone"],
        hop="",
        reason=reason.format(row["message_type"]),
        order_id=None,
        order_number=row["order_number"],
        key=message,
        cause={"emitter": "mailer-service", "source": "mailer-service", "id": message, "type": TEST},
        cause_id=message,
        correspondence=None,
        facts=row["facts"],
        unmailed="",
    )


def is_test(cause: Mapping[str, Any]) -> bool:
    """Whether somebody sent to themselves what comes from this."""
    return bool(cause.get("type") == TEST)


def subject(words: str) -> str:
    """The subject of a test, which can't be taken for the real thing."""
    return f"[Test] {words}"
