"""The attempts that are open on one connection: as many as the server takes in a few seconds, and at most so many at a time."""

import asyncio
import time
from collections import deque
from collections.abc import Callable, Sequence

from mailer_service.domain.job import Job

# What is opened stands behind the mail on the wire, whoever's it is: with a slow server no more of it than a moment's work.
AHEAD_SECONDS, SMOOTH = 5.0, 0.2


class Window:
    """Opened attempts of one connection that have not been begun, and how many are on the wire."""

    def __init__(self, size: int, wake: Callable[[], None]) -> None:
        self.opened: deque[Job] = deque()
        self.connected = False
        self.hint = asyncio.Event()
        self.stalled = False
        self._size = size
        self._wake = wake
        self._pace = AHEAD_SECONDS / size  # seconds a mail
        self._wire: list[Job] = []
        self._since = 0.0  # when the server had nothing before it but what is on the wire now

    def reset(self) -> None:
        """Begin anew, after a crash: what was open here is found by its lease."""
        self.opened.clear()
        self._wire.clear()
        self.connected = self.stalled = False

    @property
    def flying(self) -> int:
        """How many are on the wire, but for what waits aside."""
        return len(self._wire)

    @property
    def limit(self) -> int:
        """How many may be open at a time: what the connection got through lately, in a moment."""
        return max(1, min(self._size, int(AHEAD_SECONDS / self._pace)))

    @property
    def room(self) -> int:
        """How many more may be opened; nothing before half of them are through, so that commits carry many."""
        held, limit = len(self.opened) + self.flying, self.limit
        return max(limit - held, 0) if self.connected and not self.stalled and held <= limit // 2 else 0

    @property
    def starving(self) -> bool:
        """Whether the connection waits for work."""
        return self.connected and not self.opened and not self.flying

    def fill(self, jobs: Sequence[Job]) -> None:
        """These attempts are open in the database now."""
        self.opened.extend(jobs)
        self.hint.set()

    def take(self) -> Job | None:
        """The next job to begin, if there is one."""
        if not self.opened:
            return None
        if not self._wire:
            self._since = time.monotonic()  # it was idle until here: that says nothing of the server
        job = self.opened.popleft()
        self._wire.append(job)
        if len(self.opened) <= self.limit // 2:
            self._wake()
        return job

    def through(self, job: Job) -> None:
        """A mail that was begun has its end; of one that had waited aside that says nothing."""
        if job not in self._wire:
            return
        now = time.monotonic()
        self._pace += (now - self._since - self._pace) * SMOOTH
        self._since = now
        self._wire.remove(job)

    def give_way(self) -> None:
        """What is on the wire goes on waiting aside; another connection comes in its place."""
        self._wire.clear()
        self.connected = self.stalled = False

    def stall(self) -> None:
        """The server is at one mail for long: it is as slow as that already, and nothing new comes here until it has answered."""
        self.stalled = True
        self._pace = max(self._pace, time.monotonic() - self._since)
