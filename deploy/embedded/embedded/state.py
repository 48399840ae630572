"""What runs, written to .run by the supervisor and read by everybody else."""

import fcntl
import os
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path

import psutil

from embedded.files import as_json, read_json, write_private
from embedded.process import birth

LOCK = "supervisor.lock"
"""Whose supervisor it is: the kernel lets go of it when that one ends, however it does."""


@dataclass
class UnitState:
    """One process as others see it; `born` tells it from a later one with the same pid, `started` does so for the version before."""

    state: str = "waiting"
    pid: int = 0
    started: float = 0
    restarts: int = 0
    address: str = ""
    born: str = ""

    def take(self, pid: int) -> None:
        """It is the process with this pid from now on."""
        self.pid, self.started, self.born = pid, _started_at(pid), birth(pid)


@dataclass
class State:
    """The supervisor, its units, and whether all of them answer."""

    supervisor: UnitState = field(default_factory=UnitState)
    units: dict[str, UnitState] = field(default_factory=dict)
    ready: bool = False
    failure: str = ""


def read_state(run: Path) -> State:
    """The last state written, or an empty one."""
    raw = read_json(run / "state.json")
    if not raw:
        return State()
    born = raw.get("born", {})
    supervisor, *units = (UnitState(**unit, born=born.get(str(unit["pid"]), "")) for unit in (raw["supervisor"], *raw["units"].values()))
    return State(supervisor, dict(zip(raw["units"], units, strict=True)), raw["ready"], raw["failure"])


def write_state(run: Path, state: State) -> None:
    """Replace the state as a whole, so that a reader never sees half of it."""
    content = asdict(state)
    # Beside the units, by pid: the version before this one can't read a unit with a field that it doesn't know.
    content["born"] = {unit["pid"]: unit.pop("born") for unit in (content["supervisor"], *content["units"].values())}
    write_private(run / "state.json", as_json(content))


def _started_at(pid: int) -> float:
    with suppress(psutil.Error):
        return float(psutil.Process(pid).create_time())
    return 0.0


def is_held(run: Path) -> bool:
    """Whether a supervisor has this folder now, whatever its state says."""
    with suppress(FileNotFoundError), (run / LOCK).open() as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False


def find(unit: UnitState) -> psutil.Process | None:
    """The process of this state, if it is still that one."""
    if not unit.pid or unit.pid == os.getpid():
        return None
    with suppress(psutil.Error):
        process = psutil.Process(unit.pid)
        if _is_that(process, unit) and process.status() != psutil.STATUS_ZOMBIE:
            return process
    return None


def _is_that(process: psutil.Process, unit: UnitState) -> bool:
    if unit.born:
        return birth(unit.pid) == unit.born
    # Of the version before. A second is the kernel's own grain of rounding.
    return bool(abs(process.create_time() - unit.started) < 1)
