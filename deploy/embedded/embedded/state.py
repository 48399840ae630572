"""What runs, written to .run by the supervisor and read by everybody else."""

import json
import os
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import psutil


@dataclass
class UnitState:
    """One process as others see it; `started` tells it from a later one with the same pid."""

    state: str = "waiting"
    pid: int = 0
    started: float = 0
    restarts: int = 0
    address: str = ""


@dataclass
class State:
    """The supervisor, its units, and whether all of them answer."""

    supervisor: UnitState = field(default_factory=UnitState)
    units: dict[str, UnitState] = field(default_factory=dict)
    ready: bool = False
    failure: str = ""


def read_state(run: Path) -> State:
    """The last state written, or an empty one."""
    path = run / "state.json"
    if not path.exists():
        return State()
    raw: dict[str, Any] = json.loads(path.read_text())
    units = {name: UnitState(**unit) for name, unit in raw["units"].items()}
    return State(UnitState(**raw["supervisor"]), units, raw["ready"], raw["failure"])


def write_state(run: Path, state: State) -> None:
    """Replace the state as a whole, so that a reader never sees half of it."""
    write_private(run / "state.json", asdict(state))


def write_private(path: Path, content: object) -> None:
    """Write JSON that only the owner may read, in one step."""
    half = path.with_suffix(".new")
    half.unlink(missing_ok=True)
    half.touch(mode=0o600)
    half.write_text(json.dumps(content, indent=1) + "\n")
    half.replace(path)


def started_at(pid: int) -> float:
    """When the process began, as the kernel says it."""
    with suppress(psutil.Error):
        return float(psutil.Process(pid).create_time())
    return 0.0


def find(unit: UnitState) -> psutil.Process | None:
    """The process of this state, if it is still that one."""
    if not unit.pid or unit.pid == os.getpid():
        return None
    with suppress(psutil.Error):
        process = psutil.Process(unit.pid)
        # A second is the kernel's own grain of rounding.
        if abs(process.create_time() - unit.started) < 1 and process.status() != psutil.STATUS_ZOMBIE:
            return process
    return None
