"""Ports of 127.0.0.1: the default where it is free, else a free one, kept for the next start."""

import json
import random
import socket
from pathlib import Path

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
    """Give each name the port it had last time, else its default, else a free one (0 asks for that)."""
    last: dict[str, int] = json.loads(kept.read_text()) if kept.exists() else {}
    chosen: dict[str, int] = {}
    for name, default in wanted.items():
        candidates = [port for port in (last.get(name, 0), default) if port and port not in chosen.values()]
        chosen[name] = next((port for port in candidates if is_free(port)), 0) or free_port()
    kept.parent.mkdir(parents=True, exist_ok=True)
    kept.write_text(json.dumps(chosen, indent=1))
    return chosen
