"""What runs is known again by what no clock moves, and by who has the lock."""

import fcntl
import json
import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from embedded import control
from embedded.errors import EmbeddedError
from embedded.process import birth
from embedded.state import LOCK, State, UnitState, find, read_state, write_state


@pytest.fixture
def child() -> Iterator[int]:
    with subprocess.Popen(["sleep", "60"]) as process:
        yield process.pid
        process.kill()


def state_of(pid: int) -> State:
    state = State(UnitState("up"), {"kafka": UnitState("up", address="here"), "postgres": UnitState("restarting")}, ready=True)
    state.supervisor.take(pid)
    state.units["kafka"].take(pid)
    return state


def test_a_process_is_found_again_after_the_clock_was_set(tmp_path: Path, child: int, monkeypatch: pytest.MonkeyPatch) -> None:
    write_state(tmp_path, state_of(child))
    began = psutil.Process.create_time
    monkeypatch.setattr(psutil.Process, "create_time", lambda self: began(self) + 3600)
    state = read_state(tmp_path)
    for unit in (state.supervisor, state.units["kafka"]):
        process = find(unit)
        assert process
        assert process.pid == child
    assert control.is_up(tmp_path)
    assert find(state.units["postgres"]) is None


def test_another_process_with_its_pid_is_not_taken_for_it(child: int) -> None:
    unit = state_of(child).supervisor
    unit.born = birth(os.getppid())
    assert unit.born
    assert find(unit) is None


def test_each_version_reads_what_the_other_wrote(tmp_path: Path, child: int) -> None:
    """The one before knows no other fields of a unit, and wrote no `born`."""
    write_state(tmp_path, state_of(child))
    file = tmp_path / "state.json"
    raw = json.loads(file.read_text())
    assert raw["supervisor"].keys() == raw["units"]["kafka"].keys() == {"state", "pid", "started", "restarts", "address"}
    assert abs(psutil.Process(child).create_time() - raw["supervisor"]["started"]) < 1
    del raw["born"]
    file.write_text(json.dumps(raw))
    assert find(read_state(tmp_path).supervisor)


@pytest.mark.parametrize("command", [control.stop, control.clean])
def test_a_folder_that_somebody_has_is_neither_stopped_nor_removed_behind_his_back(
    tmp_path: Path, command: Callable[[Path], object]
) -> None:
    (tmp_path / "kafka").mkdir()
    with (tmp_path / LOCK).open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with pytest.raises(EmbeddedError, match="a supervisor runs"):
            command(tmp_path)
    assert (tmp_path / "kafka").exists()
    command(tmp_path)
