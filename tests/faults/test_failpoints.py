"""A failpoint kills whoever comes by first, once, and leaves a trace; unarmed it lets everybody pass."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import psutil

PROGRAM = "from postroom import failpoints; failpoints.reach('here'); print('passed', flush=True)"


def _start(folder: Path | None) -> "subprocess.Popen[bytes]":
    env = {name: value for name, value in os.environ.items() if name != "POSTROOM_FAILPOINTS"}
    env |= {"POSTROOM_FAILPOINTS": str(folder)} if folder else {}
    return subprocess.Popen([sys.executable, "-c", PROGRAM], env=env, stdout=subprocess.PIPE)


def test_an_armed_failpoint_kills_one_process_and_lets_the_next_pass(tmp_path: Path) -> None:
    (tmp_path / "here").write_text("kill")
    (tmp_path / "elsewhere").write_text("kill")
    first, second = _start(tmp_path), None
    assert first.wait(30) == -signal.SIGKILL
    second = _start(tmp_path)
    assert second.communicate(timeout=30)[0] == b"passed\n"
    assert sorted(file.name for file in tmp_path.iterdir()) == ["elsewhere", f"here.hit-{first.pid}"]


def test_it_may_stop_a_process_that_goes_on_later(tmp_path: Path) -> None:
    (tmp_path / "here").write_text("stop")
    process = _start(tmp_path)
    _, status = os.waitpid(process.pid, os.WUNTRACED)
    assert os.WIFSTOPPED(status)
    assert psutil.Process(process.pid).status() == psutil.STATUS_STOPPED
    process.send_signal(signal.SIGCONT)
    assert process.communicate(timeout=30)[0] == b"passed\n"


def test_without_the_variable_there_are_none() -> None:
    assert _start(None).communicate(timeout=30)[0] == b"passed\n"
