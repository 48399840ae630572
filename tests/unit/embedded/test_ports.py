"""Ports: the default where it is free, else another, and the same again at the next start."""

import socket
from pathlib import Path

from embedded.ports import choose, free_port, is_free


def test_a_taken_default_is_replaced_and_the_replacement_kept(tmp_path: Path) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        taken = other.getsockname()[1]
        assert not is_free(taken)
        first = choose({"kafka": taken, "postgres": 0}, tmp_path / "ports.json")
    assert first["kafka"] != taken
    # The default is free by now, and yet nobody's address changes.
    assert choose({"kafka": taken, "postgres": 0}, tmp_path / "ports.json") == first


def test_no_port_is_given_twice(tmp_path: Path) -> None:
    port = free_port()
    chosen = choose({"one": port, "two": port, "three": 0}, tmp_path / "ports.json")
    assert chosen["one"] == port
    assert len(set(chosen.values())) == 3
