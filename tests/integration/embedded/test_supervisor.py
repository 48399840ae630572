"""Everything of one folder: up, killed, restarted, down; no process is left and no data are lost."""

import json
import os
import signal
import smtplib
import stat
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest

from embedded import control
from embedded.state import read_state

# Each test starts everything once or twice, which a busy machine takes its time for.
pytestmark = pytest.mark.timeout(300)
NAMES = {"kafka", "postgres", "mailbox"}


def embedded(run: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    argv = [sys.executable, "-m", "embedded", "--run", str(run), *arguments]
    return subprocess.run(argv, check=False, capture_output=True, text=True, timeout=200)


def up(run: Path) -> dict[str, Any]:
    """Start the infrastructure, unless it is up, and give its endpoints."""
    done = embedded(run, "up", "--infrastructure-only")
    assert done.returncode == 0, done.stdout + done.stderr
    endpoints: dict[str, Any] = json.loads((run / "endpoints.json").read_text())
    return endpoints


def wait_for(condition: Callable[[], bool], seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"not within {seconds} s"
        time.sleep(0.05)


def family(pids: dict[str, int]) -> list[psutil.Process]:
    """The processes and all that they started."""
    parents = [psutil.Process(pid) for pid in pids.values()]
    return list({child for parent in parents for child in [parent, *parent.children(recursive=True)]})


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """One folder for all tests here: each begins with what the one before has left up."""
    folder = tmp_path_factory.mktemp("supervisor") / "run"
    yield folder
    control.stop(folder)
    control.clean(folder)


def test_a_stop_leaves_no_process_and_a_second_start_keeps_the_data(run: Path) -> None:
    first = up(run)
    assert first["pids"].keys() > NAMES
    assert stat.S_IMODE((run / "endpoints.json").stat().st_mode) == 0o600
    with smtplib.SMTP("127.0.0.1", int(first["smtp"].rsplit(":", 1)[1])) as client:
        client.sendmail("a@b.test", ["c@d.test"], "Subject: kept\r\n\r\nx")
    assert "runs already" in embedded(run, "up").stdout
    everyone = family(first["pids"])

    assert embedded(run, "down").returncode == 0
    assert [process for process in everyone if process.is_running()] == []
    assert not (run / "endpoints.json").exists()
    assert embedded(run, "status").returncode == 1
    assert "Nothing runs" in embedded(run, "down").stdout

    second = up(run)
    assert {key: second[key] for key in second if key != "pids"} == {key: first[key] for key in first if key != "pids"}
    assert httpx.get(f"{second['mailbox_url']}/api/v1/info").json()["Messages"] == 1


def test_what_is_killed_comes_back_at_the_same_address(run: Path) -> None:
    before, restarts = up(run), {name: unit.restarts for name, unit in read_state(run).units.items()}
    for name in sorted(NAMES):
        done = embedded(run, "kill", name[:5])
        assert done.returncode == 0, done.stdout
    wait_for(lambda: all(unit.restarts == restarts[name] + 1 and unit.state == "up" for name, unit in read_state(run).units.items()), 40)
    after = json.loads((run / "endpoints.json").read_text())
    assert all(after["pids"][name] != before["pids"][name] for name in NAMES)
    assert after["kafka"] == before["kafka"]
    assert httpx.get(f"{after['mailbox_url']}/api/v1/info").status_code == 200
    unknown = embedded(run, "kill", "nobody")
    assert unknown.returncode == 1
    assert "kafka, postgres, mailbox" in unknown.stdout


def test_a_killed_supervisor_takes_its_processes_along_and_a_new_one_starts_on_their_data(run: Path) -> None:
    first = up(run)
    everyone = family(first["pids"])
    os.kill(first["pids"]["supervisor"], signal.SIGKILL)
    wait_for(lambda: not any(process.is_running() for process in everyone), 30)
    assert embedded(run, "status").returncode == 1
    second = up(run)
    assert second["postgres"] == first["postgres"]


def test_two_who_start_it_at_once_get_one_installation(run: Path) -> None:
    """On a folder where nothing was before."""
    embedded(run, "clean")
    argv = [sys.executable, "-m", "embedded", "--run", str(run), "up", "--infrastructure-only"]
    both = [subprocess.Popen(argv, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    told = [one.communicate(timeout=200)[0] for one in both]
    assert [one.returncode for one in both] == [0, 0], told
    running = [process for process in psutil.process_iter(["cmdline"]) if str(run) in (process.info["cmdline"] or [])]
    assert len([process for process in running if "supervise" in process.info["cmdline"]]) == 1
