"""A reply by mail: a log of whoever wrote it, or held until a person has looked."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from commlog_service.domain.addresses import mailbox
from commlog_service.domain.history import Entry
from commlog_service.domain.logs import BY_MAIL, Acceptance, Log
from commlog_service.domain.orders import Order
from postroom.contracts import ids
from postroom.contracts.commlog import Author
from postroom.contracts.errors import Refused
from postroom.contracts.event import Event
from postroom.contracts.fields import Part
from postroom.contracts.mail import MailReceived, ReceivedFile

TYPE = "Reply"
"""Of every reply by mail, whatever types the tenant has chosen."""
OTHER = {"supplier": "client", "client": "supplier"}


class Recipient(Part):
    """Somebody to whom a correspondence was sent."""

    mailbox: str
    name: str
    person: str | None = None


class Answered(Part):
    """The send that a reply answers: `side` sent it."""

    send: str
    tenant: str
    order_id: str
    side: str
    recipients: list[Recipient]


class Reply(Part):
    """What came by mail. `raw` is the sha256 of the exact mail; `from_…` is what its sender says of itself."""

    send: str
    message_id: str
    from_address: str
    from_name: str = ""
    subject: str = ""
    automatic: str = ""
    unclear: str = ""
    text: str
    attachments: list[ReceivedFile] = []
    raw: str
    received_at: datetime

    @property
    def id(self) -> str:
        """Of the log, and of the review: the same mail is the same thing."""
        return ids.stable("reply", self.send, self.message_id)


class Review(Part):
    """A reply that is held, with the reason."""

    id: str
    tenant: str
    order_id: str
    side: str
    reason: str
    detail: str
    reply: Reply
    state: str = "open"
    decided_by: Acceptance | None = None
    decided_at: datetime | None = None


def reply_of(mail: MailReceived, text: str) -> Reply:
    """The reply in an event whose text was fetched."""
    fields = mail.model_dump(include={"message_id", "from_address", "from_name", "subject", "automatic", "unclear", "received_at"})
    return Reply(**fields, send=mail.correspondence, text=text, attachments=mail.attachments, raw=mail.raw.sha256)


def answered_by(event: Event, mail: MailReceived, sends: Mapping[str, Answered]) -> Answered:
    """The send that this mail answers. Raises Refused if it is none of ours."""
    found = sends.get(mail.correspondence)
    if found is None or (found.tenant, found.order_id) != (event.tenant, mail.order):
        raise Refused("invalid", f"no correspondence {mail.correspondence} on order {mail.order} was sent from here", "data.correspondence")
    return found


def held(reply: Reply, order: Order, answered: Answered) -> tuple[str, str] | None:
    """(reason, detail) why a person has to look first: automatic, unclear or unknown_sender; None if the reply joins the thread."""
    if reply.automatic:
        return "automatic", f"A machine wrote it: {reply.automatic}"
    if reply.unclear:
        return "unclear", f"Who wrote what can't be told: {reply.unclear}"
    if author(reply, order, answered) is None:
        return "unknown_sender", f"{reply.from_address} is neither a recipient of this correspondence nor a contact of the order"
    return None


def author(reply: Reply, order: Order, answered: Answered) -> Author | None:
    """The contact, or the recipient, with the address that the reply names; None for a stranger."""
    given = mailbox(reply.from_address)
    recipient = next((one for one in answered.recipients if one.mailbox == given), None)
    contacts = [person for person in order.people if person.email and mailbox(person.email) == given]
    # Somebody with one address on both sides answers as the recipient that they were; else for the side that was written to.
    contacts.sort(key=lambda person: (recipient is None or person.person != recipient.person, person.side == answered.side))
    if contacts:
        return order.author(contacts[0].person, contacts[0].name, contacts[0].side)
    if recipient is None:
        return None
    return _by_address(recipient.mailbox, recipient.name, answered) if not recipient.person else _former(recipient, answered)


def stranger(reply: Reply, answered: Answered) -> Author:
    """Who is named where nobody knows the writer: the address alone, for a name could be anybody's."""
    return _by_address(reply.from_address or "unknown", "", answered)


def _by_address(address: str, name: str, answered: Answered) -> Author:
    return Author(person=f"mail:{address}"[:200], name=name or address, side=OTHER[answered.side])


def _former(recipient: Recipient, answered: Answered) -> Author:
    return Author(person=recipient.person or "", name=recipient.name or recipient.mailbox, side=OTHER[answered.side])


def log_of(reply: Reply, writer: Author, entry: int, at: datetime, accepted_by: Acceptance | None = None) -> Log:
    """The reply as a log of the order."""
    return Log(
        log=reply.id,
        log_type=TYPE,
        message=reply.text,
        author=writer,
        created_at=at,
        origin=BY_MAIL,
        entry=entry,
        attachments=reply.attachments,
        accepted_by=accepted_by,
    )


def history_of(log: Log, reply: Reply) -> Entry:
    """A reply joined the thread: what it says, what it answers, and the hash of the exact mail."""
    content: dict[str, Any] = log.model_dump(mode="json", include={"log_type", "message", "author", "origin", "attachments", "accepted_by"})
    content |= reply.model_dump(mode="json", include={"send", "message_id", "from_address", "from_name", "subject", "raw", "received_at"})
    return Entry(entry=log.entry, kind="reply", ref=log.log, actor=log.author.person, at=log.created_at, content=content)
