"""The house of a fault run: the sink beside it, its processes killed, stopped and looked at."""

import asyncio
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import asyncpg
import psutil
from tests.faults import behaviour, cast, proxy
from tests.faults.behaviour import Rule
from tests.faults.ledger import Ledger, Tail

from embedded import control
from embedded.demo.door import Door
from embedded.errors import EmbeddedError
from embedded.paths import ROOT
from embedded.ports import answers, free_port
from embedded.process import Command, spawn
from embedded.state import find, read_state

OPERATOR = "operator"
START_SECONDS = 240
# What is not a matter of faults is made short; the lease and its beat are the product's own unless a run says otherwise.
SETTINGS = {"POSTROOM_UNKNOWN_RESEND_SECONDS": "3"}


@dataclass(frozen=True)
class Kind:
    """How a house differs from the product's: `twice`, two processes of what fences one another; `linked`, every way through a proxy."""

    twice: bool = True
    linked: bool = False
    settings: dict[str, str] = field(default_factory=dict)


# What names strangers stays undecided: a run asks twice what there is, and nothing may run out between.
PATIENT = {"POSTROOM_UNDECIDED_SECONDS": "86400"}
KINDS = {"plain": Kind(), "linked": Kind(linked=True), "single": Kind(twice=False, settings=PATIENT)}


@dataclass
class House:
    """Up and running; `run` is its folder."""

    run: Path
    endpoints: dict[str, str]
    sink: "subprocess.Popen[bytes]"
    seed: int
    tail: Tail
    proxy: "subprocess.Popen[bytes] | None" = None

    @property
    def ledger(self) -> Ledger:
        return self.tail.ledger

    def serve(self, *rules: Rule) -> None:
        """Let the SMTP server behave so; without rules, well."""
        behaviour.lay(self.run / "sink" / "behaviour.json", self.seed, *rules)

    def link(self, mode: str, *names: str, seconds: float = 0.0) -> None:
        """Let these links be `cut`, `frozen` or `slow`; without names, all of them pass everything on again."""
        file = self.run / "links" / "links.json"
        whole = {name: replace(link, mode="pass", seconds=0.0) for name, link in proxy.read(file).items()}
        proxy.lay(file, whole | {name: replace(whole[name], mode=mode, seconds=seconds) for name in names})

    def arm(self, service: str, failpoint: str, *, stop: bool = False) -> Path:
        """Kill (or stop) the next process of this service that comes by there."""
        armed = self.run / "failpoints" / service / failpoint
        armed.write_text("stop" if stop else "kill")
        return armed

    def hits(self) -> dict[str, int]:
        """How often each failpoint has killed or stopped somebody."""
        found: dict[str, int] = {}
        for file in sorted((self.run / "failpoints").glob("*/*.hit-*")):
            name = f"{file.parent.name} {file.name.partition('.hit-')[0]}"
            found[name] = found.get(name, 0) + 1
        return found

    def process(self, unit: str) -> psutil.Process | None:
        """What runs under this name now."""
        return find(read_state(self.run).units[unit])

    def kill(self, unit: str) -> bool:
        """Kill -9, with what it started; False if it doesn't run just now."""
        process = self.process(unit)
        if process is None:
            return False
        process.send_signal(signal.SIGKILL)
        return True

    def units(self) -> list[str]:
        return list(read_state(self.run).units)

    def restarts(self) -> dict[str, int]:
        """Which processes have ended and were started again, and how often."""
        return {name: unit.restarts for name, unit in read_state(self.run).units.items() if unit.restarts}

    def all_up(self) -> bool:
        return control.is_up(self.run) and all(unit.state == "up" for unit in read_state(self.run).units.values())

    async def query(self, database: str, sql: str, *values: Any) -> list[Any]:
        """Rows of a service's database; raises what asyncpg does while it is away."""
        connection = await asyncpg.connect(f"{self.endpoints['postgres']}/{database}", timeout=5)
        try:
            return list(await connection.fetch(sql, *values, timeout=20))
        finally:
            await connection.close(timeout=5)

    async def until_up(self) -> None:
        """Wait until each process answers again."""
        deadline = time.monotonic() + START_SECONDS
        while not self.all_up():
            if time.monotonic() > deadline:
                raise EmbeddedError(f"not up again after {START_SECONDS} s: {read_state(self.run).units}")
            await asyncio.sleep(0.1)

    def stop(self, *, keep: bool = False) -> None:
        """Stop everything, and remove the data unless they are to be looked at."""
        control.stop(self.run)
        for helper in (self.sink, self.proxy):
            if helper:
                helper.terminate()
                helper.wait(10)
        if not keep:
            control.clean(self.run)


def start(run: Path, seed: int, kind: Kind) -> House:
    """A new house with its own sink, its directory filled."""
    (run / "sink").mkdir(parents=True, exist_ok=True)
    (run / "without").mkdir(exist_ok=True)
    port = free_port()
    sink_command = Command([sys.executable, "-m", "tests.faults.sink", str(port), str(run / "sink")], cwd=ROOT)
    sink = spawn(sink_command, run / "logs" / "sink.log", signal.SIGTERM)
    links = _links(run, port) if kind.linked else None
    env = {**SETTINGS, **kind.settings, "POSTROOM_SMTP": f"smtp://127.0.0.1:{port}", "POSTROOM_FAULTS_TWICE": "1" if kind.twice else "0"}
    command = Command([sys.executable, "-m", "tests.faults.supervise", "--run", str(run)], env=env, cwd=ROOT)
    supervisor = spawn(command, run / "logs" / "supervisor.log", signal.SIGTERM)
    deadline = time.monotonic() + START_SECONDS
    while not (control.is_up(run) and answers(port)):
        if supervisor.poll() is not None or time.monotonic() > deadline:
            text = (run / "logs" / "supervisor.log").read_text(errors="replace")
            raise EmbeddedError(f"the house did not come up: {read_state(run).failure}\n{text[-2000:]}")
        time.sleep(0.1)
    house = House(run, control.endpoints(run), sink, seed, Tail(run / "sink" / "ledger.tsv"), links)
    _fill(Door(house.endpoints), cast.everybody())
    return house


def _links(run: Path, sink: int) -> "subprocess.Popen[bytes]":
    """A proxy on each way between the services and what they stand on; it learns where to once the house knows its ports."""
    (run / "links").mkdir()
    proxy.lay(run / "links" / "links.json", {name: proxy.Link(free_port(), sink) for name in ("kafka", "postgres", "smtp")})
    command = Command([sys.executable, "-m", "tests.faults.proxy", str(run / "links")], cwd=ROOT)
    return spawn(command, run / "logs" / "proxy.log", signal.SIGTERM)


def _fill(door: Door, people: Sequence[str]) -> None:
    for id_, company in cast.companies().items():
        door.call(OPERATOR, "PUT", f"/api/companies/{id_}", json=company)
    for one in people:
        door.call(OPERATOR, "PUT", f"/api/people/{one}", json=cast.person(one))
    door.call(OPERATOR, "PUT", f"/api/contracts/{cast.CONTRACT}", json=cast.contract())
