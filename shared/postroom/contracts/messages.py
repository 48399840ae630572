"""What notification-rules asks the mailer to tell: one message, one person. Key: the causing event's key."""

from typing import Any, ClassVar

from pydantic import Field

from postroom.contracts.fields import EventId, Fact, Id, Part, ScopedId, Text, UtcTime


class Cause(Part):
    """The event that a message, a decision or an outcome goes back to."""

    emitter: Id
    source: Text
    id: EventId
    type: Text


class Recipient(Part):
    """Who is told, with the address as of the decision; `hop` says why this person (orderer, manager, administrator …)."""

    person: Id
    name: Text
    email: Text | None = None
    language: Text = "en"
    zone: Text = "UTC"
    hop: Text = ""


class Opens(Part):
    """What a click on the message leads to: `what` is order, budget, catalog …, `id` its id."""

    what: Id
    id: ScopedId


class MessageRequested(Fact):
    """Tell this person this; `facts` is what the template of `message_type` shows, own lines only.

    `lines` names the list in `facts` whose entries `about` names one by one; where it is empty, `about` names the whole.
    `no_mail` says why a person who could get mail gets none; `digest` is when their daily digest takes it up, `not_before` when
    their quiet hours end. `unsubscribe` is the token of optional types. `reason` is in the recipient's language.
    """

    TYPE: ClassVar[str] = "MessageRequested.v1"

    message: Id
    message_type: Id
    recipient: Recipient
    channels: list[Text] = ["inbox", "email"]
    mandatory: bool = False
    reason: Text = ""
    cause: Cause
    order: ScopedId | None = None
    order_number: Text = ""
    about: list[Text] = Field(default=[], max_length=5_000)
    facts: dict[str, Any] = {}
    lines: Text = ""
    opens: Opens | None = None
    sender: Text = ""
    no_mail: Text = ""
    not_before: UtcTime | None = None
    digest: UtcTime | None = None
    unsubscribe: Text = ""


class MessageWithdrawn(Fact):
    """What this message says of `about` is void; `cause` is the event that made it so. Key: the message's own."""

    TYPE: ClassVar[str] = "MessageWithdrawn.v1"

    message: Id
    about: list[Text] = Field(max_length=5_000)
    reason: Text
    cause: Cause
