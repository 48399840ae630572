"""A mail that answers a correspondence: what was found in it, what is kept, and the event that tells of it."""

from dataclasses import dataclass
from datetime import datetime

from postroom.contracts import event, ids
from postroom.contracts.commlog import Blob
from postroom.contracts.event import Event
from postroom.contracts.mail import MailReceived, ReceivedFile

SOURCE = "mailer-service"


@dataclass(frozen=True, slots=True)
class Answered:
    """The message of ours that a reply's address names; `lately` counts the replies to it within a day."""

    message: str
    tenant: str
    correspondence: str
    order_id: str
    lately: int


@dataclass(frozen=True, slots=True)
class Found:
    """What a mail's header and body say, cleaned and cut to size; `automatic` and `unclear` say why a person has to look, or ''."""

    from_address: str
    from_name: str
    message_id: str
    subject: str
    automatic: str
    unclear: str
    text: str


@dataclass(frozen=True, slots=True)
class Stored:
    """The blobs of one mail: its exact bytes, its text, its files."""

    raw: Blob
    text: Blob
    files: tuple[ReceivedFile, ...]


@dataclass(frozen=True, slots=True)
class Received:
    """A reply to be kept. Its id is the same for each copy of the mail."""

    answered: Answered
    found: Found
    stored: Stored
    return_path: str
    at: datetime

    @property
    def id(self) -> str:
        return ids.stable("received", self.answered.message, self.found.message_id)


def told(received: Received) -> Event:
    """MailReceived; its id is the mail's, so that a copy tells nothing new."""
    answered, found, stored = received.answered, received.found, received.stored
    fact = MailReceived(
        mail=received.id,
        correspondence=answered.correspondence,
        order=answered.order_id,
        message_id=found.message_id,
        from_address=found.from_address,
        from_name=found.from_name,
        subject=found.subject,
        automatic=found.automatic,
        unclear=found.unclear,
        text=stored.text,
        attachments=list(stored.files),
        raw=stored.raw,
        received_at=received.at,
    )
    return event.new(fact, source=SOURCE, subject=answered.order_id, tenant=answered.tenant, id=received.id)
