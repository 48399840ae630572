"""What Kafka, Postgres, the mailbox and a service have in common: prepare, start, be ready, stop."""

import signal
import subprocess
import time
from abc import ABC, abstractmethod
from contextlib import suppress
from pathlib import Path
from typing import ClassVar, Self

from embedded.errors import EmbeddedError
from embedded.process import Command, end, spawn

_POLL = 0.05


class Server(ABC):
    """One process that answers on ports of 127.0.0.1; a context manager, and what the supervisor starts."""

    name: str
    stop_signal: ClassVar[signal.Signals] = signal.SIGTERM
    grace: ClassVar[float] = 15
    start_limit: ClassVar[float] = 120

    def __init__(self, name: str, log: Path) -> None:
        self.name = name
        self.log = log
        self.process: subprocess.Popen[bytes] | None = None

    def prepare(self) -> None:  # noqa: B027 - most servers need nothing made beforehand
        """Make what the process needs on disk; nothing to do the second time."""

    @abstractmethod
    def command(self) -> Command:
        """What to execute."""

    @abstractmethod
    def ready(self) -> bool:
        """Whether it answers now."""

    @property
    @abstractmethod
    def address(self) -> str:
        """Where it is reached, as a person would write it."""

    @property
    def pid(self) -> int | None:
        return self.process.pid if self.process and self.process.poll() is None else None

    def spawn(self) -> None:
        """Start the process and return at once."""
        self.process = spawn(self.command(), self.log, self.stop_signal)

    def start(self) -> Self:
        """Prepare, start and wait until it answers."""
        self.prepare()
        self.spawn()
        deadline = time.monotonic() + self.start_limit
        while not self.ready():
            if self.pid is None or time.monotonic() > deadline:
                self.stop()
                message = f"{self.name} did not start; the end of {self.log}:\n{self.log_tail()}"
                raise EmbeddedError(message)
            time.sleep(_POLL)
        return self

    def stop(self) -> None:
        """Stop cleanly within `grace`, else by force; nothing of it is left."""
        if self.process is not None:
            end(self.process, self.stop_signal, self.grace)
            self.process = None

    def ask_to_stop(self) -> None:
        """Send the signal and don't wait; `stop` must follow."""
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(self.stop_signal)

    def kill(self) -> None:
        """Kill -9, as a test of what survives it."""
        if self.process is not None:
            end(self.process, signal.SIGKILL, self.grace)
            self.process = None

    def note(self, line: str) -> None:
        """Add to its log what it can't say itself; where nothing can be written, nobody hears it."""
        with suppress(OSError), self.log.open("a") as log:
            log.write(f"{line}\n")

    def log_tail(self, lines: int = 15) -> str:
        """The last lines that it wrote."""
        text = self.log.read_text(errors="replace") if self.log.exists() else "(nothing)"
        return "\n".join(text.splitlines()[-lines:])

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()
