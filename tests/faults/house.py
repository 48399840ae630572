"""The house of a fault run: the sink beside it, its processes killed, stopped and looked at."""

import asyncio
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any
from urllib.parse import quote

import asyncpg
import psutil
from tests.certificates import Authority
from tests.faults import behaviour, cast, faketime, proxy, versions
from tests.faults.behaviour import Rule
from tests.faults.ledger import Ledger, Tail
from tests.faults.supervise import TWICE, Launched
from tests.faults.workers import WORKERS, Workers

from embedded import control
from embedded.demo.door import Door
from embedded.errors import EmbeddedError
from embedded.paths import ROOT
from embedded.ports import answers, free_port
from embedded.process import Command, spawn
from embedded.services import SERVICES
from embedded.state import find, read_state

OPERATOR = "operator"
START_SECONDS = 240
# What is not a matter of faults is made short; the lease and its beat are the product's own unless a run says otherwise.
# The caps are counted as ever, and too high to hold what a run has its twenty people told.
SETTINGS = {
    "POSTROOM_UNKNOWN_RESEND_SECONDS": "3",
    "POSTROOM_TASK_SECONDS": "5",
    **{f"POSTROOM_CAP_{of}": "1000000000" for of in ("RECIPIENT", "ORDER", "TENANT")},
}
CAPPED = {"POSTROOM_CAP_RECIPIENT": "10", "POSTROOM_CAP_PERIOD_SECONDS": "10"}


@dataclass(frozen=True)
class Kind:
    """How a house differs from the product's: `twice`, two processes of what fences one another; `linked`, every way through a proxy.

    `landed`: its services are those of the version before; `tls`: its relay wants STARTTLS and a password; `postgres` is plain, archived
    (each commit is in an archive of the WAL, too), standby (or on a second server), or small (small disks). `people`: whether they click
    and answer mails there (desk.py). `clocks`: those of services and Postgres can be set.
    """

    twice: bool = True
    linked: bool = False
    landed: bool = False
    clocks: bool = False
    tls: bool = False
    postgres: str = "plain"
    people: bool = True
    settings: dict[str, str] = field(default_factory=dict)


# What names strangers stays undecided: a run asks twice what there is, and nothing may run out between.
PATIENT = {"POSTROOM_UNDECIDED_SECONDS": "86400"}
# What a relay's silence is waited for: a minute, and ten for the reply to the dot, are not a matter of faults.
IMPATIENT = {"POSTROOM_COMMAND_SECONDS": "4", "POSTROOM_REPLY_SECONDS": "10"}
KINDS = {
    "plain": Kind(),
    "linked": Kind(linked=True),
    "single": Kind(twice=False, settings=PATIENT),
    # RFC 5321 wants ten minutes of patience with the reply to a final dot: the product's own, and too long to watch.
    # A person's token is of the true time: of a service whose clock is a day ahead nobody gets anything, and rightly.
    "clocks": Kind(clocks=True, people=False, settings={"POSTROOM_TASK_SECONDS": "60"}),
    "half-open": Kind(linked=True, settings={"POSTROOM_REPLY_SECONDS": "60"}),
    "landed": Kind(landed=True),
    "relay": Kind(linked=True, tls=True, settings=IMPATIENT),
    # An older copy of the database knows nothing of what people were answered since: who clicked is told so, and no oracle.
    "archived": Kind(postgres="archived", people=False),
    "standby": Kind(linked=True, postgres="standby"),
    "small": Kind(postgres="small"),
    # Where a sender is stopped again and again for longer than its lease.
    "short lease": Kind(settings={"POSTROOM_LEASE_SECONDS": "4", "POSTROOM_BEAT_SECONDS": "1"}),
    "capped": Kind(settings=CAPPED),
}
ACCOUNT = "mailer:open sesame"


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

    def said_in_clear(self) -> list[str]:
        """What the sink was told before TLS, but for greetings."""
        file = self.run / "sink" / "clear.log"
        return file.read_text().splitlines() if file.exists() else []

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

    def clock(self, services: float, postgres: float) -> None:
        """Let their clocks be so many seconds ahead of the true one."""
        faketime.lay(self.run / "clock" / "services", services)
        faketime.lay(self.run / "clock" / "postgres", postgres)

    def version(self, unit: str, tree: Path) -> None:
        """Let this unit be of this version when it is started next."""
        (self.run / "versions").mkdir(exist_ok=True)
        (self.run / "versions" / unit).write_text(str(tree))

    def process(self, unit: str) -> psutil.Process | None:
        """What runs under this name now."""
        return find(read_state(self.run).units[unit])

    def kill(self, unit: str) -> bool:
        """Kill -9, with what it started; False if it doesn't run (or, a mailer's worker, doesn't compute) just now."""
        process = next(self.at_work(unit), None) if unit in WORKERS else self.process(unit)
        if process is None:
            return False
        process.send_signal(signal.SIGKILL)
        return True

    def another(self, unit: str, name: str) -> Launched:
        """One more process of this service, started as by a deployment that scales: told what the unit was told, but for its port."""
        process = self.process(unit)
        if process is None:
            raise EmbeddedError(f"{unit} does not run just now")
        told = {key: value for key, value in process.environ().items() if key.startswith(("POSTROOM_", "PYTHON"))}
        own = {"POSTROOM_INBOUND_PORT": "0", "POSTROOM_INSTANCE": name}
        guest = Launched(name, process.cmdline()[-1], free_port(), {**told, **own}, self.run / "logs" / f"{name}.log")
        guest.spawn()
        return guest

    async def stopped(self, units: Sequence[str]) -> None:
        """Ask these to stop, as a deployment does, and wait until they have; the supervisor starts them again."""
        processes = [process for unit in units if (process := self.process(unit))]
        for process in processes:
            process.terminate()
        await asyncio.to_thread(psutil.wait_procs, processes, 30)
        while any(self.process(unit) in (None, *processes) for unit in units):  # noqa: ASYNC110 - a file is read
            await asyncio.sleep(0.1)

    def at_work(self, worker: str) -> Iterator[psutil.Process]:
        """The mailers' workers of this kind that compute just now."""
        return self._workers.at_work(worker)

    @cached_property
    def _workers(self) -> Workers:
        return Workers(lambda: filter(None, (self.process(unit) for unit in self.units() if unit.startswith("mailer-service"))))

    def starts(self, unit: str) -> int:
        """How often it was started again."""
        return read_state(self.run).units[unit].restarts

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
    run.parent.chmod(0o711)  # the database's own user passes through to its disk
    port = free_port()
    relay = certified(run / "sink" / "tls", port) if kind.tls else {"POSTROOM_SMTP": f"smtp://127.0.0.1:{port}"}
    sink_command = Command([sys.executable, "-m", "tests.faults.sink", str(port), str(run / "sink")], cwd=ROOT)
    sink = spawn(sink_command, run / "logs" / "sink.log", signal.SIGTERM)
    links = _links(run, port) if kind.linked else None
    if kind.clocks:
        for who in ("services", "postgres"):
            faketime.lay(run / "clock" / who, 0)
    if kind.landed:
        tree = versions.landed(run / "trees" / "landed")
        (run / "versions").mkdir()
        for unit in (*(row.name for row in SERVICES), *(f"{name}-2" for name in TWICE)):
            (run / "versions" / unit).write_text(str(tree))
    told = {"POSTROOM_FAULTS_TWICE": "1" if kind.twice else "0", "POSTROOM_FAULTS_POSTGRES": kind.postgres}
    env = {**SETTINGS, **kind.settings, **relay, **told}
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


def certified(folder: Path, port: int) -> dict[str, str]:
    """Certificates for the sink, of an authority that this house alone knows; → how the mailer comes in."""
    folder.mkdir()
    ours = Authority(folder)
    ours.issue("127.0.0.1")
    ours.issue("somebody.example", "wrong")
    (folder / "account").write_text(ACCOUNT)
    return {"POSTROOM_SMTP": f"smtp+starttls://{quote(ACCOUNT, safe=':')}@127.0.0.1:{port}", "POSTROOM_SMTP_CA": str(ours.file)}


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
