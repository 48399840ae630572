"""A batch that is more than a transaction can do is done in pieces, and a record that alone is more is put aside."""

import time
from collections.abc import Iterable

from postroom.contracts.errors import Refused
from postroom.contracts.record import Record
from postroom.db import TooMuch
from postroom.intake import too_costly

# Shorter than the server lets a transaction idle, and longer than it lets one wait for a lock (db.py): whose effect takes so long so
# often, while the database is well, would never have it, and all that follow would wait for it.
SLOW_SECONDS, TRIES = 12.0, 3


class Pieces:
    """What is left of a batch, in the order of its effects. `refusal` is set when the next record can't have its effect."""

    def __init__(self, records: Iterable[Record]) -> None:
        self.left = list(records)
        self.refusal: Refused | None = None
        self._most = len(self.left)
        self._slow = 0
        self._began = 0.0

    def next(self) -> list[Record]:
        """The records to try now; none when all is done."""
        self._began = time.monotonic()
        return self.left[: self._most]

    def done(self) -> None:
        """They have had their effect, or were put aside."""
        del self.left[: self._most]
        self.refusal, self._slow = None, 0

    def failed(self, error: Exception, *, well: bool) -> None:
        """Half as much the next time. `well`: the database is, so that it was no outage which made it slow."""
        alone, self._most = self._most == 1, max(1, self._most // 2)
        took_too_long = alone and well and time.monotonic() - self._began > SLOW_SECONDS
        self._slow = self._slow + 1 if took_too_long else 0
        if alone and (isinstance(error, TooMuch) or self._slow == TRIES):
            self.refusal = too_costly(error if isinstance(error, TooMuch) else f"{TRIES} times it took more than {SLOW_SECONDS:g} s")
