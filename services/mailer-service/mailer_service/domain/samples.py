"""Messages that nobody asked for: to check a template, to see what it looks like, to send it to oneself."""

from typing import Any

from mailer_service.domain.messages import Message

TEST = "TemplateTested"
"""The `cause.type` of a message that a person sent to themselves to see it."""

_BLANK: dict[str, Any] = dict.fromkeys(Message.__dataclass_fields__, None)


def sample(message_type: str, facts: dict[str, Any], **known: Any) -> dict[str, Any]:
    """A message's row as the renderer reads it."""
    usual = {"id": "00000000-0000-0000-0000-000000000000", "name": "Anna Maier", "hop": "", "reason": "", "order_number": "", "cause": {}}
    return {**_BLANK, **usual, "language": "en", "zone": "UTC", "message_type": message_type, "facts": facts, **known}
