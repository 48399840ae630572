"""What notification-rules asks the mailer to tell: one message, one person. Key: the causing event's key."""

from typing import Any, ClassVar

from pydantic import Field

from postroom.contracts.fields import Fact, Id, Part, Text


class Cause(Part):
    """The event that a message, a decision or an outcome goes back to."""

    emitter: Id
    source: Text
    id: Id
    type: Text


class Recipient(Part):
    """Who is told, with the address as of the decision; `hop` says why this person (orderer, manager, administrator …)."""

    person: Id
    name: Text
    email: Text | None = None
    language: Text = "en"
    zone: Text = "UTC"
    hop: Text = ""


class MessageRequested(Fact):
    """Tell this person this; `facts` is what the template of `message_type` shows, own lines only."""

    TYPE: ClassVar[str] = "MessageRequested.v1"

    message: Id
    message_type: Id
    recipient: Recipient
    channels: list[Text] = ["inbox", "email"]
    mandatory: bool = False
    reason: Text = ""
    cause: Cause
    order: Id | None = None
    order_number: Text = ""
    about: list[Text] = Field(default=[], max_length=5_000)
    facts: dict[str, Any] = {}
