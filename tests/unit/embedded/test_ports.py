"""Ports: the default where it is free, else another, and the same again at the next start."""

import json
import os
import socket
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from embedded.ports import choose, free_port, is_free

_OTHER_HOUSE = """
import json, pathlib, sys
from embedded.ports import choose
print(json.dumps(choose(json.loads(sys.argv[1]), pathlib.Path(sys.argv[2]))), flush=True)
sys.stdin.read()
"""


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


def test_a_port_that_another_house_has_chosen_is_passed_over_before_anything_listens_there(tmp_path: Path) -> None:
    """Two houses that start in the same moment: the second one takes other ports, until the first has ended."""
    wanted = {"a": free_port(), "b": 0}
    command = [sys.executable, "-c", _OTHER_HOUSE, json.dumps(wanted), str(tmp_path / "first.json")]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as first:
        assert first.stdout
        theirs = json.loads(first.stdout.readline())
        assert theirs["a"] == wanted["a"]
        ours = choose(wanted, tmp_path / "second.json")
        assert not set(theirs.values()) & set(ours.values())
        first.communicate()
    assert choose(wanted, tmp_path / "third.json")["a"] == wanted["a"]


def test_a_port_of_an_ended_house_is_free_also_when_another_process_has_its_pid(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    wanted = {"a": free_port()}
    choose(wanted, tmp_path / "ports.json")
    (reserved,) = tmp_path.glob(f"postroom-*-{os.getuid()}.json")
    text = reserved.read_text()
    assert str(os.getpid()) in text
    reserved.write_text(text.replace(str(os.getpid()), str(os.getppid())))
    assert choose(wanted, tmp_path / "ports.json") == wanted
