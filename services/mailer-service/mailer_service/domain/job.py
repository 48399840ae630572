"""One envelope in a sender's hands."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any


@dataclass(slots=True)
class Job:
    """An envelope that this process has leased, with the bytes to send; `origin` is what an outcome needs of the message."""

    envelope: str
    address: str
    person: str | None
    attempts: int
    waited: timedelta
    resent: bool
    refused_at: datetime | None
    origin: dict[str, Any]
    body: bytes = b""

    @property
    def number(self) -> int:
        """The attempt to open next."""
        return self.attempts + 1
