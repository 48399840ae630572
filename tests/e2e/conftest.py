"""A whole house of its own: real Kafka, Postgres, mailbox and all five services, as `make up` starts them."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import pytest

from embedded import control
from embedded.demo.door import Door
from embedded.installation import default_ports
from embedded.paths import ROOT
from embedded.ports import free_port


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The demo counts the mails of its house: it plays before others write any."""
    items.sort(key=lambda item: item.path.name != "test_demo.py")


UNKNOWN_RESEND_SECONDS = "5"


@dataclass(frozen=True)
class House:
    """What runs, and where."""

    run: Path
    endpoints: dict[str, Any]

    @property
    def door(self) -> Door:
        return Door(self.endpoints)

    def postroom(self, *arguments: str, stdin: str | None = None) -> subprocess.CompletedProcess[str]:
        """The command, as a person types it."""
        program = [str(Path(sys.executable).with_name("postroom")), *arguments]
        env = {**os.environ, "POSTROOM_ENDPOINTS": str(self.run / "endpoints.json"), "COLUMNS": "200"}
        return subprocess.run(program, input=stdin, capture_output=True, text=True, check=False, env=env, timeout=90)

    def postroom_json(self, *arguments: str, stdin: str | None = None) -> Any:
        """The command's --json answer."""
        done = self.postroom(*arguments, "--json", stdin=stdin)
        assert done.stdout, done.stderr
        return json.loads(done.stdout)


@pytest.fixture(scope="session")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """Started once for all tests here; afterwards it is stopped and not one of its processes is left.

    POSTROOM_TEST_HOUSE names the run folder of a house that is up already, such as .run beside `make up`, for work on a test.
    """
    if given := os.environ.get("POSTROOM_TEST_HOUSE"):
        yield House(Path(given).resolve(), control.endpoints(Path(given).resolve()))
        return
    run = tmp_path_factory.mktemp("house") / "run"
    run.mkdir()
    # Not the defaults, which another house of this machine may be about to take.
    (run / "ports.json").write_text(json.dumps({name: free_port() for name in default_ports()}))
    env = {**os.environ, "POSTROOM_UNKNOWN_RESEND_SECONDS": UNKNOWN_RESEND_SECONDS}
    subprocess.run([sys.executable, "-m", "embedded", "--run", str(run), "up"], check=True, cwd=ROOT, env=env, timeout=300)
    endpoints = control.endpoints(run)
    pids: dict[str, int] = json.loads((run / "endpoints.json").read_text())["pids"]
    processes = [psutil.Process(pid) for pid in pids.values() if psutil.pid_exists(pid)]
    try:
        yield House(run, endpoints)
    finally:
        subprocess.run([sys.executable, "-m", "embedded", "--run", str(run), "clean"], check=True, cwd=ROOT, timeout=120)
    left = [process for process in processes if process.is_running() and process.status() != psutil.STATUS_ZOMBIE]
    assert not left, f"a stop left {left}"
