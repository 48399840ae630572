"""Facts of commlog-service about what supplier and client wrote on an order. Key: the order."""

from typing import Annotated, ClassVar

from pydantic import Field

from postroom.contracts.fields import Fact, Id, Part, Text, UtcTime
from postroom.contracts.purchasing import OrderRef


class Author(Part):
    """Who wrote: `side` is supplier or client."""

    person: Id
    name: Text
    company: Text = ""
    side: Text


class LogCreated(Fact):
    """A communication log was saved on an order; `notify` are the other side's people on it."""

    TYPE: ClassVar[str] = "LogCreated.v1"

    log: Id
    order: OrderRef
    log_type: Text
    message: Annotated[str, Field(max_length=20_000)]
    author: Author
    created_at: UtcTime
    visible_to_other_side: bool = True
    notify: list[Id] = Field(default=[], max_length=500)


class Blob(Part):
    """Bytes that travel by their sha256 (lower-case hex) in the tenant's blob folder; size in bytes."""

    sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
    size: int = Field(ge=0)


class Attachment(Blob):
    """A document of the order, pinned at the Send click. A `link` is not in the mail, which says where it is opened after signing in."""

    document: Id
    filename: Text
    media_type: Text = "application/octet-stream"
    link: bool = False


class CorrespondenceRecipient(Part):
    """An address that a person ticked (`kind` contact) or typed."""

    address: Annotated[str, Field(max_length=320)]
    name: Text = ""
    kind: Text = "typed"
    person: Id | None = None


class CorrespondenceRequested(Fact):
    """A person sent chosen logs to chosen people; `logs` is the frozen set as JSON (postroom.contracts.commlog.FrozenLogs).

    `reply_to` is the sender's own address, where an answer by mail goes.
    """

    TYPE: ClassVar[str] = "CorrespondenceRequested.v1"

    correspondence: Id
    order: OrderRef
    buyer: Text = ""
    subject: Annotated[str, Field(min_length=1, max_length=500)]
    sender: Author
    reply_to: Annotated[str, Field(max_length=320)] | None = None
    scope: Text
    logs: Blob
    log_count: int = Field(ge=1)
    documents: list[Attachment] = Field(default=[], max_length=100)
    recipients: list[CorrespondenceRecipient] = Field(min_length=1, max_length=200)
    attach_pdf: bool = False
    language: Text = "en"
    zone: Text = "UTC"
    requested_at: UtcTime


class FrozenLog(Part):
    """One log of a correspondence, as it stood when the window opened; `origin` is portal, or e-mail for a reply that came by mail."""

    log: Id
    log_type: Text
    message: Annotated[str, Field(max_length=20_000)]
    author: Author
    created_at: UtcTime
    origin: Text = "portal"


class FrozenLogs(Part):
    """The blob behind `CorrespondenceRequested.logs`; also what POST /pdf of the mailer takes. `language` and `zone` are the PDF's."""

    order: OrderRef
    buyer: Text = ""
    subject: Text = ""
    language: Text = "en"
    zone: Text = "UTC"
    logs: list[FrozenLog] = Field(min_length=1)
