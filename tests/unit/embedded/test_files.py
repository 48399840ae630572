"""The small files of .run: whole or not at all, and one that can't be read counts as none."""

import errno
import os
import stat
import tempfile
from pathlib import Path

import pytest

from embedded import control
from embedded.errors import EmbeddedError
from embedded.files import write_private
from embedded.issuer import ensure_issuer
from embedded.ports import choose, free_port
from embedded.reply_secret import ensure_reply_secret
from embedded.state import State, read_state, write_state

# What a power failure, or a disk that was full, has left.
TORN = pytest.mark.parametrize("torn", ["", "\0" * 20, '{"kafka": 90'])


def test_a_file_is_on_the_disk_before_it_has_its_name_and_the_name_is_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "secret"
    write_private(file, "old")
    seen = []
    monkeypatch.setattr(os, "fsync", lambda entry: seen.append((stat.S_ISDIR(os.fstat(entry).st_mode), file.read_text())))
    write_private(file, "new")
    assert seen == [(False, "old"), (True, "new")]
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_what_could_not_be_written_leaves_what_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_state(tmp_path, State(failure="old"))
    chosen = choose({"kafka": free_port()}, tmp_path / "ports.json")

    def full(_entry: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        write_state(tmp_path, State(failure="new"))
    with pytest.raises(OSError, match="No space"):
        choose({"kafka": 0, "postgres": 0}, tmp_path / "ports.json")
    for ensure in (ensure_issuer, ensure_reply_secret):
        with pytest.raises(OSError, match="No space"):
            ensure(tmp_path / "made")
    assert not (tmp_path / "made" / "secret").exists()
    monkeypatch.undo()
    assert read_state(tmp_path).failure == "old"
    assert choose({"kafka": 0}, tmp_path / "ports.json") == chosen


@TORN
def test_a_torn_state_or_list_of_ports_counts_as_none(tmp_path: Path, torn: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    for name in ("state.json", "endpoints.json", "ports.json", f"postroom-reserved-ports-{os.getuid()}.json"):
        (tmp_path / name).write_text(torn)
    assert read_state(tmp_path) == State()
    assert not control.stop(tmp_path)
    with pytest.raises(EmbeddedError, match="make up"):
        control.endpoints(tmp_path)
    chosen = choose({"kafka": 0}, tmp_path / "ports.json")
    assert choose({"kafka": 0}, tmp_path / "ports.json") == chosen
