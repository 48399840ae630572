"""Ports of 127.0.0.1: the default where it is free, else a free one, kept for the next start."""

import fcntl
import json
import os
import random
import socket
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from embedded.files import as_json, read_json, write_private
from embedded.process import birth

# Below the range from which the kernel takes ports of outgoing connections.
_RANGE = range(20_000, 32_000)


def is_free(port: int) -> bool:
    """Whether a server could listen on the port now."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True


def answers(port: int) -> bool:
    """Whether something listens on the port now."""
    with socket.socket() as probe:
        probe.settimeout(0.5)
        return probe.connect_ex(("127.0.0.1", port)) == 0


def free_port() -> int:
    """Any free port."""
    return next(port for port in random.sample(_RANGE, len(_RANGE)) if is_free(port))


def choose(wanted: dict[str, int], kept: Path) -> dict[str, int]:
    """Give each name the port it had last time, else its default, else a free one (0 asks for that).

    They are this process's as long as it lives, also before anything listens there: other houses of this machine pass them over.
    """
    last = read_json(kept)
    chosen: dict[str, int] = {}
    us = _owner(os.getpid())
    with _reservations() as reserved:
        for name, default in wanted.items():
            candidates = (port for port in (last.get(name, 0), default, *random.sample(_RANGE, len(_RANGE))) if port)
            chosen[name] = next(port for port in candidates if port not in chosen.values() and _is_free_for(us, port, reserved))
        reserved.update({str(port): us for port in chosen.values()})
    kept.parent.mkdir(parents=True, exist_ok=True)
    write_private(kept, as_json(chosen))
    return chosen


@contextmanager
def _reservations() -> Iterator[dict[str, str]]:
    """Which living process has which port: one file for all houses of this user, changed by one at a time."""
    path = Path(tempfile.gettempdir()) / f"postroom-reserved-ports-{os.getuid()}.json"
    with path.open("a+") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        reserved = {port: owner for port, owner in read_json(path).items() if owner == _owner(int(owner.split()[0]))}
        yield reserved
        file.seek(0)
        file.truncate()
        file.write(json.dumps(reserved))


def _owner(pid: int) -> str:
    """A pid alone is somebody else's one day, and would keep the port."""
    return f"{pid} {birth(pid)}"


def _is_free_for(owner: str, port: int, reserved: dict[str, str]) -> bool:
    return reserved.get(str(port), owner) == owner and is_free(port)
