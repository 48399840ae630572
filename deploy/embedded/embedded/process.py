"""Starts and ends processes so that none is left behind, however their parent dies."""

import ctypes
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import psutil

_PR_SET_PDEATHSIG = 1
_PR_SET_CHILD_SUBREAPER = 36
_libc = ctypes.CDLL(None) if sys.platform == "linux" else None


@dataclass(frozen=True)
class Command:
    """What to execute, and as whom."""

    argv: list[str]
    env: dict[str, str] = field(default_factory=dict)
    uid: int | None = None
    cwd: Path | None = None


def spawn(command: Command, log: Path, death_signal: signal.Signals | None) -> subprocess.Popen[bytes]:
    """Start a process in a group of its own; the kernel sends it `death_signal`, if any, when the calling thread dies."""
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("ab") as output:
        return subprocess.Popen(
            command.argv,
            env={**os.environ, **command.env},
            cwd=command.cwd,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            user=command.uid,
            group=command.uid if command.uid is None else group_of(command.uid),
            extra_groups=None if command.uid is None else [],
            # Runs after the change of user, which would have cleared the death signal.
            preexec_fn=_die_with_parent(death_signal),  # noqa: PLW1509 - only calls prctl, takes no lock
        )


def birth(pid: int) -> str:
    """What tells a process from a later one with the same pid, and no clock moves; empty when there is none."""
    with suppress(OSError):
        # Of the fields behind the name, which stands in brackets and may hold anything: the ticks from the machine's start to its own.
        ticks = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19]
        return f"{Path('/proc/sys/kernel/random/boot_id').read_text().strip()} {ticks}"
    with suppress(psutil.Error):  # no /proc, or no process
        return str(psutil.Process(pid).create_time())
    return ""


def group_of(uid: int) -> int:
    """The primary group of a user, or the same number where the system does not know it."""
    import pwd  # noqa: PLC0415 - absent outside Unix

    try:
        return pwd.getpwuid(uid).pw_gid
    except KeyError:
        return uid


def end(process: subprocess.Popen[bytes], ask: signal.Signals, grace: float) -> None:
    """Ask a process to stop, wait, then kill it and whatever it left in its group."""
    if process.poll() is None:
        with suppress(ProcessLookupError):
            process.send_signal(ask)
        with suppress(subprocess.TimeoutExpired):
            process.wait(grace)
    sweep(process)


def sweep(process: subprocess.Popen[bytes]) -> None:
    """Kill the process, when it still lives, and its grandchildren."""
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def adopt_orphans() -> None:
    """Let grandchildren whose parent died become children of this process, so that a stop finds them."""
    if _libc is not None:
        _libc.prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def _die_with_parent(death_signal: signal.Signals | None) -> Callable[[], None] | None:
    if _libc is None or death_signal is None:
        return None
    libc, parent = _libc, os.getpid()

    def ask_kernel() -> None:
        libc.prctl(_PR_SET_PDEATHSIG, int(death_signal), 0, 0, 0)
        if os.getppid() != parent:
            os._exit(1)

    return ask_kernel
