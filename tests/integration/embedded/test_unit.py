"""One supervised process: it is started again after growing pauses, and its children end with it."""

import errno
import sys
import time
from pathlib import Path

import psutil
import pytest

from embedded.errors import EmbeddedError
from embedded.installation import Installation
from embedded.process import Command
from embedded.server import Server
from embedded.state import read_state
from embedded.supervisor import Supervisor
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


class Full(Script):
    """On a disk that takes nothing for as long as `failure` is set."""

    failure: Exception | None = None

    def prepare(self) -> None:
        if self.failure:
            raise self.failure


class Nothing(Installation):
    """Without infrastructure."""

    def __init__(self) -> None:
        pass

    def endpoints(self) -> dict[str, str]:
        return {}


NO_SPACE = OSError(errno.ENOSPC, "No space left on device")


@pytest.fixture
def in_a_hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pauses of 0.1, 0.2, 0.4 s."""
    monkeypatch.setattr("embedded.unit._FIRST_PAUSE", 0.05)


def run(unit: Unit, seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        unit.advance()
        time.sleep(0.02)


@pytest.mark.usefixtures("in_a_hurry")
def test_one_that_dies_at_once_is_started_again_ever_more_slowly(tmp_path: Path) -> None:
    unit = Unit(Script(tmp_path, "raise SystemExit('no')"))
    run(unit, 1.5)
    # Without pauses it would be dozens.
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


@pytest.mark.usefixtures("in_a_hurry")
@pytest.mark.parametrize("failure", [NO_SPACE, EmbeddedError("the data folder can't be made")])
def test_a_start_that_the_disk_does_not_let_happen_is_tried_again_ever_more_slowly(tmp_path: Path, failure: Exception) -> None:
    server = Full(tmp_path, "import time; print('ready', flush=True); time.sleep(60)")
    unit = Unit(server)
    while unit.state.state != "up":
        unit.advance()
    server.log.unlink()
    server.failure = failure
    psutil.Process(unit.state.pid).kill()
    run(unit, 1.2)
    assert unit.state.state == "restarting"
    assert 2 <= unit.state.restarts <= 4
    assert str(failure) in server.log_tail()
    server.failure = None
    while unit.state.state != "up":
        unit.advance()
    server.stop()


def test_nothing_is_stopped_because_its_state_can_not_be_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The disk is full for a while; what has changed meanwhile is told as soon as there is space."""
    monkeypatch.setattr("embedded.supervisor._end_adopted", lambda: None)  # this process has other tests' servers
    supervisor = Supervisor(tmp_path)
    supervisor.installation = Nothing()
    supervisor.units = [Unit(Script(tmp_path, "import time; print('ready', flush=True); time.sleep(60)"))]
    full = tmp_path / "state.new"
    full.mkdir()
    for _ in range(10):
        supervisor._beat()
    assert supervisor.units[0].state.state == "up"
    assert read_state(tmp_path).units == {}
    full.rmdir()
    supervisor._beat()
    assert read_state(tmp_path).units["script"].state == "up"
    assert (tmp_path / "endpoints.json").exists()
    full.mkdir()
    supervisor._stop()
    assert not (tmp_path / "endpoints.json").exists()
