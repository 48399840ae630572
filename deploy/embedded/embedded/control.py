"""Start, stop and look at the supervisor from outside."""

import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import psutil

from embedded.display import Watch, console, fetch_jars
from embedded.errors import EmbeddedError
from embedded.files import read_json
from embedded.leftovers import end_leftovers
from embedded.paths import ROOT
from embedded.process import Command, spawn
from embedded.state import LOCK, find, is_held, read_state
from embedded.unprivileged import remove

_STOP_LIMIT = 60
_POLL = 0.1


def is_up(run: Path) -> bool:
    """Whether everything runs and answers."""
    state = read_state(run)
    return state.ready and find(state.supervisor) is not None


def start(run: Path, *, services: bool = True, dies_with_us: bool = False) -> float:
    """Bring everything up in the background, wait until it answers; gives the seconds that took."""
    fetch_jars()
    with Watch().shown() as watch:
        supervisor = None if find(read_state(run).supervisor) else _spawn(run, services=services, dies_with_us=dies_with_us)
        while not is_up(run):
            state = read_state(run)
            if find(state.supervisor):  # else it is what an earlier supervisor wrote
                watch.show(state)
            if supervisor is not None and supervisor.poll() is not None:
                if find(state.supervisor):  # somebody else was a moment faster: wait for theirs
                    supervisor = None
                    continue
                raise EmbeddedError(state.failure or f"the supervisor ended; the end of {_log(run)}:\n{_tail(_log(run))}")
            if supervisor is None and find(state.supervisor) is None:
                raise EmbeddedError(state.failure or "what was starting ended: try again")
            time.sleep(_POLL)
        watch.show(read_state(run))
        return watch.seconds


def _spawn(run: Path, *, services: bool, dies_with_us: bool) -> subprocess.Popen[bytes]:
    """Start the supervisor in a session of its own; the kernel stops it after us only when asked to."""
    only = [] if services else ["--infrastructure-only"]
    command = Command([sys.executable, "-m", "embedded", "--run", str(run), "supervise", *only], cwd=ROOT)
    return spawn(command, _log(run), signal.SIGTERM if dies_with_us else None)


def _log(run: Path) -> Path:
    return run / "logs" / "supervisor.log"


def _tail(log: Path) -> str:
    return "\n".join(log.read_text(errors="replace").splitlines()[-15:]) if log.exists() else "(nothing)"


def stop(run: Path) -> bool:
    """Stop everything and wait for it; False when nothing ran."""
    state = read_state(run)
    supervisor = find(state.supervisor)
    if supervisor is None:
        _refuse_if_held(run)
        end_leftovers(state)
        return False
    with console.status("Stopping …"), suppress(psutil.NoSuchProcess):
        supervisor.terminate()
        try:
            supervisor.wait(_STOP_LIMIT)
        except psutil.TimeoutExpired:
            supervisor.kill()
            supervisor.wait(_STOP_LIMIT)
    end_leftovers(read_state(run))
    return True


def _refuse_if_held(run: Path) -> None:
    lock = run / LOCK
    if is_held(run):
        what = f"a supervisor runs: it has {lock}, and is not the one of state.json"
        raise EmbeddedError(f"{what}; try again if it is just starting or ending, else end it (`fuser {lock}` names it)")


def kill(run: Path, name: str) -> tuple[str, int]:
    """Kill -9 one process, which the supervisor then starts again; gives its full name and pid."""
    units = read_state(run).units
    fits = [unit for unit in units if unit == name] or [unit for unit in units if unit.startswith(name)]
    if len(fits) != 1:
        raise EmbeddedError(f"{name!r} is none of what runs: {', '.join(units) or 'nothing does; `make up` starts it'}")
    process = find(units[fits[0]])
    if process is None:
        raise EmbeddedError(f"{fits[0]} does not run just now ({units[fits[0]].state}): try again in a moment")
    process.send_signal(signal.SIGKILL)
    return fits[0], process.pid


def clean(run: Path) -> None:
    """Remove all data, also what lies outside of the folder because Postgres could not enter it."""
    _refuse_if_held(run)
    outside = run / "postgres" / "outside"
    if outside.is_symlink():
        remove(outside)
    remove(run)


def endpoints(run: Path) -> dict[str, str]:
    """Read the addresses of what runs."""
    found = read_json(run / "endpoints.json")
    if not found:
        raise EmbeddedError("nothing runs: `make up` starts it")
    return found
