"""One envelope in a sender's hands."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4


@dataclass(slots=True, eq=False)
class Job:
    """An envelope that this process has leased, with the bytes to send; `origin` is what an outcome needs of the message.

    One job is one attempt: `token` marks the attempt that it opened, so that no other job of the same envelope takes it for its own.
    """

    envelope: str
    address: str
    person: str | None
    attempts: int
    waited: timedelta
    resent: bool
    refused_at: datetime | None
    origin: dict[str, Any]
    body: bytes = b""
    token: UUID = field(default_factory=uuid4)
    relay_is_well: bool = False  # it had taken another mail since `refused_at`, when this attempt was begun
    doubtful: bool = False  # a commit that may have opened it gave no answer

    @property
    def number(self) -> int:
        """The attempt to open next."""
        return self.attempts + 1
