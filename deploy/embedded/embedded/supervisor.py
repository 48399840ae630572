"""Starts everything in order, restarts what dies, stops everything: one loop in one thread."""

import fcntl
import os
import signal
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from types import FrameType
from typing import NoReturn

import psutil

from embedded.errors import EmbeddedError
from embedded.files import as_json, write_private
from embedded.installation import Installation
from embedded.leftovers import end_leftovers
from embedded.process import adopt_orphans
from embedded.server import Server
from embedded.state import LOCK, State, UnitState, read_state, write_state
from embedded.topics import deploy_topics
from embedded.unit import Unit

_BEAT = 0.1
# A slow machine that also does something else; a process that dies is seen at once in the log.
_READY_LIMIT = 180


class Supervisor:
    """The parent of all processes of one .run folder; if it is killed the kernel tells them to stop."""

    def __init__(self, run: Path, *, services: bool = True) -> None:
        self.run_folder = run
        self.with_services = services
        self.units: list[Unit] = []
        self.state = State()
        self._told = True

    def run(self) -> None:
        """Bring everything up, then watch until SIGTERM or SIGINT."""
        self.run_folder.mkdir(parents=True, exist_ok=True)
        with (self.run_folder / LOCK).open("w") as lock:
            _take(lock.fileno())
            for number in (signal.SIGTERM, signal.SIGINT):
                signal.signal(number, _leave)
            adopt_orphans()
            self._publish_self()
            try:
                self._bring_up()
                while True:
                    self._beat()
            except EmbeddedError as failure:
                self.state.failure = str(failure)
                raise
            finally:
                for number in (signal.SIGTERM, signal.SIGINT):
                    signal.signal(number, signal.SIG_IGN)
                self._stop()

    def _publish_self(self) -> None:
        end_leftovers(read_state(self.run_folder))
        self.state.supervisor = UnitState("up")
        self.state.supervisor.take(os.getpid())
        write_state(self.run_folder, self.state)

    def _bring_up(self) -> None:
        """Kafka, Postgres and the mailbox; then the topics; then the services, all at once."""
        self.installation = Installation(self.run_folder)
        with ThreadPoolExecutor() as pool:
            list(pool.map(lambda server: server.prepare(), self.installation.infrastructure))
        self._start([Unit(server) for server in self.installation.infrastructure])
        if self.with_services:
            deploy_topics(self.installation.kafka.bootstrap, self.installation.emitters)
            self._start([Unit(service) for service in self.installation.services()])
        self.state.ready, self._told = True, False

    def _start(self, units: list[Unit]) -> None:
        self.units += units
        deadline = time.monotonic() + _READY_LIMIT
        while waiting := [unit for unit in units if unit.state.state != "up"]:
            if time.monotonic() > deadline:
                server = waiting[0].server
                message = f"{server.name} does not answer after {_READY_LIMIT} s; the end of {server.log}:\n{server.log_tail()}"
                raise EmbeddedError(message)
            self._beat()

    def _beat(self) -> None:
        steps = [unit.advance() for unit in self.units]  # each unit takes its step, also after the first change
        self._told = self._told and not any(steps)
        if not self._told:
            # What runs goes on while the disk takes nothing: it is told at a later beat.
            with suppress(OSError):
                self._publish()
                self._told = True
        time.sleep(_BEAT)

    def _publish(self) -> None:
        self.state.units = {unit.server.name: unit.state for unit in self.units}
        write_state(self.run_folder, self.state)
        pids = {name: unit.pid for name, unit in self.state.units.items() if unit.pid}
        pids["supervisor"] = os.getpid()
        write_private(self.run_folder / "endpoints.json", as_json({**self.installation.endpoints(), "pids": pids}))

    def _stop(self) -> None:
        """Services first, then what they stand on; each group at once."""
        infrastructure = {"kafka", "postgres", "mailbox"}
        self._stop_all([unit.server for unit in self.units if unit.server.name not in infrastructure])
        self._stop_all([unit.server for unit in self.units if unit.server.name in infrastructure])
        _end_adopted()
        self.state.units = {}
        self.state.ready = False
        with suppress(OSError):  # a state without a living supervisor says that nothing is up, too
            write_state(self.run_folder, self.state)
        # Addresses at which nothing answers would only mislead.
        with suppress(OSError):
            (self.run_folder / "endpoints.json").unlink(missing_ok=True)

    @staticmethod
    def _stop_all(servers: list[Server]) -> None:
        for server in servers:
            server.ask_to_stop()
        for server in servers:
            server.stop()


def _take(lock: int) -> None:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as failure:
        message = "it runs already: `make down` stops it"
        raise EmbeddedError(message) from failure


def _leave(_number: int, _frame: FrameType | None) -> NoReturn:
    raise SystemExit(0)


def _end_adopted() -> None:
    """Kill grandchildren that left their group and lost their parent."""
    for orphan in psutil.Process().children(recursive=True):
        with suppress(psutil.Error):
            orphan.kill()
