"""One supervised process: it is started again after growing pauses, and its children end with it."""

import sys
import time
from pathlib import Path

import psutil
import pytest

from embedded.errors import EmbeddedError
from embedded.process import Command
from embedded.server import Server
from embedded.unit import Unit


class Script(Server):
    """A server that is a few lines of Python; ready when it has written `ready`."""

    grace = 1

    def __init__(self, folder: Path, script: str) -> None:
        super().__init__("script", folder / "script.log")
        self.script = script

    @property
    def address(self) -> str:
        return "nowhere"

    def command(self) -> Command:
        return Command([sys.executable, "-c", self.script])

    def ready(self) -> bool:
        return "ready" in self.log_tail()


def run(unit: Unit, seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        unit.advance()
        time.sleep(0.02)


def test_one_that_dies_at_once_is_started_again_ever_more_slowly(tmp_path: Path) -> None:
    unit = Unit(Script(tmp_path, "raise SystemExit('no')"))
    run(unit, 4)
    # With pauses of 0.4, 0.8, 1.6 s; without them it would be dozens.
    assert 2 <= unit.state.restarts <= 4
    assert unit.state.state == "restarting"


def test_children_of_a_dead_process_are_ended_before_it_starts_again(tmp_path: Path) -> None:
    script = (
        "import subprocess, sys, time; child = subprocess.Popen(['sleep', '60']); print(child.pid, 'ready', flush=True); time.sleep(60)"
    )
    unit = Unit(Script(tmp_path, script))
    while unit.state.state != "up":
        unit.advance()
    child = psutil.Process(int(unit.server.log_tail().split()[0]))
    psutil.Process(unit.state.pid).kill()
    run(unit, 0.3)
    assert unit.state.state == "restarting"
    assert not child.is_running() or child.status() == psutil.STATUS_ZOMBIE
    unit.server.stop()


def test_one_that_ignores_the_signal_is_killed_after_its_grace(tmp_path: Path) -> None:
    script = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('ready', flush=True); time.sleep(60)"
    server = Script(tmp_path, script).start()
    pid = server.pid
    began = time.monotonic()
    server.stop()
    assert 0.9 < time.monotonic() - began < 5
    assert pid is not None
    assert not psutil.pid_exists(pid)


def test_a_start_that_fails_shows_the_end_of_the_log(tmp_path: Path) -> None:
    with pytest.raises(EmbeddedError, match="the disk is made of cheese"):
        Script(tmp_path, "raise SystemExit('the disk is made of cheese')").start()
