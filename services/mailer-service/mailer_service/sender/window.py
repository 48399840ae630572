"""The attempts that are open on one connection, at most so many at a time."""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence

from mailer_service.domain.job import Job


class Window:
    """Opened attempts of one connection that have not been begun, and how many are on the wire."""

    def __init__(self, size: int, wake: Callable[[], None]) -> None:
        self.opened: deque[Job] = deque()
        self.connected = False
        self.flying = 0
        self.hint = asyncio.Event()
        self.stalled = False
        self._size = size
        self._wake = wake

    def reset(self) -> None:
        """Begin anew, after a crash: what was open here is found by its lease."""
        self.opened.clear()
        self.connected = self.stalled = False
        self.flying = 0

    @property
    def room(self) -> int:
        """How many more may be opened; nothing before half of them are through, so that commits carry many."""
        held = len(self.opened) + self.flying
        return self._size - held if self.connected and not self.stalled and held <= self._size // 2 else 0

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
        job = self.opened.popleft()
        self.flying += 1
        if len(self.opened) <= self._size // 2:
            self._wake()
        return job
