"""The broker's jars are let in by their sum alone."""

from pathlib import Path

import pytest

from embedded import jars
from embedded.errors import EmbeddedError


def test_every_line_of_the_lock_is_whole() -> None:
    lock = jars.read_lock()
    assert any((jar.artifact, jar.version) == ("kafka_2.13", "4.3.0") for jar in lock)
    assert all(len(jar.sha256) == 64 for jar in lock)
    assert len({jar.filename for jar in lock}) == len(lock)


def test_a_file_with_another_sum_is_thrown_away(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    forged = tmp_path / "forged.jar"
    forged.write_bytes(b"not the one")
    monkeypatch.setattr(jars, "_download", lambda _jar, _repository: forged)
    folder = tmp_path / "jars"
    folder.mkdir()
    with pytest.raises(EmbeddedError, match="its sha256 differs"):
        jars._fetch_one(jars.read_lock()[0], folder, tmp_path)
    assert not list(folder.iterdir())
