"""Which Chromium is taken, and what is said when there is none."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from embedded import chromium


def test_the_one_that_was_asked_for_comes_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    own, system = tmp_path / "mine", tmp_path / "chromium"
    for path in (own, system):
        path.touch(mode=0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("CHROMIUM", raising=False)
    assert chromium.find() == str(system)
    monkeypatch.setenv("CHROMIUM", str(own))
    assert chromium.find() == str(own)


def test_the_engine_without_windows_is_taken_before_the_whole_browser(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("chromium", "chromium-headless-shell"):
        (tmp_path / name).touch(mode=0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("CHROMIUM", raising=False)
    assert chromium.find() == str(tmp_path / "chromium-headless-shell")


def test_without_one_the_way_out_is_named() -> None:
    env = {**os.environ, "CHROMIUM": "/nowhere/chromium"}
    done = subprocess.run([sys.executable, "-m", "embedded.chromium"], check=False, capture_output=True, text=True, env=env)
    assert done.returncode == 1
    assert "apt-get install chromium" in done.stderr
