"""Processes of a supervisor that was killed: the kernel told them to stop; who does not is ended here."""

import os
import signal
from contextlib import suppress

import psutil

from embedded.state import State, find

_GRACE = 15


def end_leftovers(state: State) -> None:
    """Wait for the processes of this state, then kill those that stay."""
    alive = [process for unit in state.units.values() if (process := find(unit))]
    _, stubborn = psutil.wait_procs(alive, timeout=_GRACE)
    for process in stubborn:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
    psutil.wait_procs(stubborn, timeout=_GRACE)
