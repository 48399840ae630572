"""Mail that came in, as mailer-service read it. Key: the order. Bodies lie in the tenant's blobs, addresses in the topic."""

from typing import Annotated, ClassVar

from pydantic import Field

from postroom.contracts.commlog import Blob
from postroom.contracts.fields import Fact, Id, Text, UtcTime

MAX_MESSAGE_ID = 998
MAX_FILES = 50
"""Files of one reply that are kept."""


class ReceivedFile(Blob):
    """A file that came with a mail, as its sender named it."""

    filename: Annotated[str, Field(min_length=1, max_length=200)]
    media_type: Annotated[str, Field(max_length=200)] = "application/octet-stream"


class MailReceived(Fact):
    """A mail came to the reply address of a correspondence (the id of its send). `from_…` is what the sender says of itself.

    `automatic` says what shows that a machine wrote it, such as `Auto-Submitted: auto-replied`; `unclear` why a person has to look, such as
    several senders. `text` is what was written, UTF-8 and at most 20,000 characters, without what it quotes; `raw` the mail's exact bytes.
    """

    TYPE: ClassVar[str] = "MailReceived.v1"

    mail: Id
    correspondence: Id
    order: Id
    message_id: Annotated[str, Field(min_length=1, max_length=MAX_MESSAGE_ID)]
    from_address: Annotated[str, Field(max_length=320)]
    from_name: Text = ""
    subject: Annotated[str, Field(max_length=500)] = ""
    automatic: Text = ""
    unclear: Text = ""
    text: Blob
    attachments: list[ReceivedFile] = Field(default=[], max_length=MAX_FILES)
    raw: Blob
    received_at: UtcTime
