"""Facts of mailer-service about people's inboxes. Key: the message."""

from typing import ClassVar

from pydantic import Field

from postroom.contracts.fields import Fact, Id, Text, UtcTime
from postroom.contracts.messages import Opens


class MessageForwarded(Fact):
    """A person forwarded a message of their inbox to others: `subject` and `text` are as they read it."""

    TYPE: ClassVar[str] = "MessageForwarded.v1"

    message: Id
    forward: Id
    by: Id
    by_name: Text = ""
    to: list[Id] = Field(min_length=1, max_length=50)
    note: Text = ""
    subject: Text
    text: str = Field(default="", max_length=100_000)
    message_type: Text = ""
    created_at: UtcTime
    opens: Opens | None = None
    order_number: Text = ""
