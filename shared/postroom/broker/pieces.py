"""A batch that fails is done in pieces, and a record that alone fails every time, for no outage, is put aside."""

import time
from collections import deque
from collections.abc import Iterable

from postroom.contracts.errors import OURS, Refused, failed_on
from postroom.contracts.record import Record
from postroom.db import TooMuch
from postroom.intake import too_costly

# Shorter than the server lets a transaction idle, and longer than it lets one wait for a lock (db.py): whose effect takes so long so
# often, while the database is well, would never have it, and all that follow would wait for it.
SLOW_SECONDS, TRIES = 12.0, 3
# A release that fails on everything parks so many an hour; the rest waits in order for its mending.
FAILED_AN_HOUR, HOUR = 10, 3_600.0


class Allowance:
    """How many records may be put aside for faults of our own: a few have one, and if all have it nothing should be out of order."""

    def __init__(self) -> None:
        self._taken: deque[float] = deque(maxlen=FAILED_AN_HOUR)

    def take(self) -> bool:
        """Whether one more may be, which then counts."""
        now = time.monotonic()
        if len(self._taken) == FAILED_AN_HOUR and now - self._taken[0] < HOUR:
            return False
        self._taken.append(now)
        return True


class Pieces:
    """What is left of a batch, in the order of its effects. `refusal` is set when the next record can't have its effect."""

    def __init__(self, records: Iterable[Record], allowance: Allowance) -> None:
        self.left = list(records)
        self.refusal: Refused | None = None
        self._allowance = allowance
        self._most = len(self.left)
        self._vain, self._in_vain = "", 0
        self._began = 0.0

    def next(self) -> list[Record]:
        """The records to try now; none when all is done."""
        self._began = time.monotonic()
        return self.left[: self._most]

    def done(self) -> None:
        """They have had their effect, or were put aside."""
        del self.left[: self._most]
        self.refusal, self._vain, self._in_vain = None, "", 0

    def failed(self, error: Exception, *, well: bool) -> None:
        """Half as much the next time. `well`: the database is, so that it was no outage which made it fail or slow."""
        alone, self._most = self._most == 1, max(1, self._most // 2)
        if not alone or self.refusal:
            return
        self._count(self._kind(error) if well else "")
        if isinstance(error, TooMuch):
            self.refusal = too_costly(error)
        elif self._in_vain >= TRIES and self._vain == "slow":
            self.refusal = too_costly(f"{TRIES} times it took more than {SLOW_SECONDS:g} s")
        elif self._in_vain >= TRIES and self._allowance.take():
            self.refusal = failed_on(error)

    def _kind(self, error: Exception) -> str:
        if isinstance(error, OURS):
            return "ours"
        return "slow" if time.monotonic() - self._began > SLOW_SECONDS else ""

    def _count(self, kind: str) -> None:
        """How often it has failed so, one time after the other."""
        self._in_vain = self._in_vain + 1 if kind and kind == self._vain else int(bool(kind))
        self._vain = kind
