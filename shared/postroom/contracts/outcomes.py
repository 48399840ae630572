"""What became of an envelope. Key: the causing event's key."""

from typing import ClassVar

from postroom.contracts.fields import Fact, Id, Text, UtcTime
from postroom.contracts.messages import Cause


class EnvelopeOutcome(Fact):
    """An envelope reached `state` (sent, deferred, bounced, dead, unknown, cancelled, held); `detail` is the server's reply or ours.

    `sha256` is that of the attempt's exact bytes, in lower-case hex; empty where there was no attempt.
    """

    TYPE: ClassVar[str] = "EnvelopeOutcome.v1"

    message: Id
    envelope: Id
    address: Text
    person: Id | None = None
    correspondence: Id | None = None
    state: Text
    code: int | None = None
    detail: Text = ""
    attempt: int = 0
    sha256: Text = ""
    at: UtcTime
    cause: Cause
