"""One supervised server: its state, and the step from one state to the next."""

import time

from embedded.errors import EmbeddedError
from embedded.process import sweep
from embedded.server import Server
from embedded.state import UnitState

_FIRST_PAUSE = 0.2
_LONGEST_PAUSE = 10.0
# Who lived this long is no victim of its own start.
_STEADY = 30.0


class Unit:
    """Starts its server, notices when it answers or dies, starts it again after a growing pause."""

    def __init__(self, server: Server) -> None:
        self.server = server
        self.state = UnitState(address=server.address)
        self._pause = _FIRST_PAUSE
        self._start_at = 0.0
        self._started = 0.0

    def advance(self) -> bool:
        """Take the next step, if there is one; True when the state has changed."""
        now = time.monotonic()
        if self.server.process is None:
            return now >= self._start_at and self._spawn(now)
        if self.server.pid is None:
            return self._bury(now)
        if self.state.state == "starting" and self.server.ready():
            self.state.state = "up"
            return True
        return False

    def _spawn(self, now: float) -> bool:
        self._started = now
        try:
            if self.state.restarts:
                self.server.prepare()
            self.server.spawn()
        except (EmbeddedError, OSError) as failure:
            # A disk that is full now has space again later.
            self.server.note(f"{self.server.name} can't be started: {failure}")
            return self._bury(now)
        self.state.state = "starting"
        self.state.take(self.server.pid or 0)
        return True

    def _bury(self, now: float) -> bool:
        """Kill what the dead process left behind and plan its next start."""
        if self.server.process is not None:
            sweep(self.server.process)
        self.server.process = None
        self._pause = _FIRST_PAUSE if now - self._started > _STEADY else min(self._pause * 2, _LONGEST_PAUSE)
        self._start_at = now + self._pause
        self.state.state, self.state.pid = "restarting", 0
        self.state.restarts += 1
        return True
