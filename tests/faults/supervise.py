"""The supervisor of a house for fault runs: `python -m tests.faults.supervise --run FOLDER`.

As `make up`'s, with two processes of some services, failpoints, a launcher that can leave a guard out, and links by way of proxy.py.
"""

import argparse
import os
import sys
from dataclasses import replace
from pathlib import Path

from tests.faults import disks, faketime, proxy, versions
from tests.faults.postgres import Archived, Receiver, Small, Twin, lay

from embedded import supervisor, unit
from embedded.installation import Installation
from embedded.kafka import Kafka
from embedded.paths import ROOT
from embedded.ports import choose
from embedded.postgres import Postgres
from embedded.process import Command
from embedded.server import Server
from embedded.services import Service
from embedded.supervisor import Supervisor

TWICE = ("notification-rules", "mailer-service")


class Launched(Service):
    """A service behind the launcher: of this version, unless the run's folder `versions` has a file of its name that says which tree."""

    def command(self) -> Command:
        version = Path(self.env["POSTROOM_WITHOUT"]).parents[1] / "versions" / self.name
        env = {**self.env, "PYTHONPATH": versions.python_path(Path(version.read_text()))} if version.exists() else self.env
        return Command([sys.executable, "-m", "tests.faults.launch", self.module], env=env, cwd=ROOT)


class ToldOtherwise(Kafka):
    """A broker that tells its clients another port than its own."""

    told = 0

    def prepare(self) -> None:
        super().prepare()
        text = self._properties.read_text()
        own, other = (f"advertised.listeners=PLAINTEXT://127.0.0.1:{port}" for port in (self.port, self.told))
        self._properties.write_text(text.replace(own, other))


class Dated(Postgres):
    """A server whose clock can be set."""

    clock = Path()

    def command(self) -> Command:
        return replace(super().command(), env=faketime.environment(self.clock))


class FaultInstallation(Installation):
    """Each service has failpoints of its own, below the run folder; where links.json lies there, they reach one another through those."""

    def __init__(self, run: Path) -> None:
        super().__init__(run)
        self.more: list[Server] = []
        self._choose_postgres(os.environ.get("POSTROOM_FAULTS_POSTGRES", "plain"))
        file = run / "links" / "links.json"
        self.links = proxy.read(file) if file.exists() else {}
        if self.links:
            self.kafka = ToldOtherwise(run / "kafka", self.ports["kafka"], self.ports["kafka-controller"], self.logs / "kafka.log")
            self.kafka.told = self.links["kafka"].port
            targets = {"kafka": self.ports["kafka"], "postgres": self.ports["postgres"], "smtp": self.links["smtp"].target}
            proxy.lay(file, {name: replace(link, target=targets[name]) for name, link in self.links.items()})
        self.clocks = run / "clock" if (run / "clock").exists() else None
        if self.clocks:
            self.postgres = Dated(run / "postgres", self.ports["postgres"], self.logs / "postgres.log")
            self.postgres.clock = self._where_its_server_can_read(self.clocks / "postgres")

    def _where_its_server_can_read(self, file: Path) -> Path:
        """Postgres runs as another user, who may not enter this folder: the file goes where its data are, and a link stays."""
        moved = self.postgres._place / "clock"
        moved.write_text(file.read_text())
        file.unlink()
        file.symlink_to(moved)
        return moved

    @property
    def infrastructure(self) -> list[Server]:
        return [*super().infrastructure, *self.more]

    def _choose_postgres(self, kind: str) -> None:
        folder, port, log = self.run / "postgres", self.ports["postgres"], self.logs / "postgres.log"
        if kind == "archived":
            self.postgres = archived = Archived(folder, port, log)
            self.more = [Receiver(archived, self.logs / "archive.log")]
        elif kind == "standby":
            other = self.run / "postgres-2"
            second = choose({"postgres-2": 0}, self.run / "standby-port.json")["postgres-2"]
            self.postgres = Twin(folder, port, log, "postgres", folder / "password")
            twin = Twin(other, second, self.logs / "postgres-2.log", "postgres-2", folder / "password")
            other.mkdir(exist_ok=True)
            lay(other, {"role": "fenced"})
            self.more = [twin]
        elif kind == "small" and disks.possible():
            disks.mount(self.run)
            self.postgres = Small(folder, port, log, self.run / "wal")

    def _linked(self, env: dict[str, str]) -> dict[str, str]:
        if not self.links:
            return env
        postgres = self.postgres.dsn.replace(f":{self.ports['postgres']}", f":{self.links['postgres'].port}")
        smtp = env["POSTROOM_SMTP"].replace(f":{self.links['smtp'].target}", f":{self.links['smtp'].port}")
        return {**env, "POSTROOM_POSTGRES": postgres, "POSTROOM_SMTP": smtp}

    def services(self) -> list[Service]:
        second = choose(dict.fromkeys((f"{name}-2" for name in TWICE), 0), self.run / "second-ports.json")
        made: list[Service] = []
        for one in super().services():
            failpoints = self.run / "failpoints" / one.name
            failpoints.mkdir(parents=True, exist_ok=True)
            env = {
                **self._linked(one.env),
                **(faketime.environment(self.clocks / "services") if self.clocks else {}),
                "POSTROOM_FAILPOINTS": str(failpoints),
                "POSTROOM_WITHOUT": str(self.run / "without" / one.name),
            }
            made.append(Launched(one.name, one.module, one.port, env, one.log))
            if one.name in TWICE and os.environ.get("POSTROOM_FAULTS_TWICE", "1") == "1":
                # One address for replies is enough.
                name = f"{one.name}-2"
                env = {**env, "POSTROOM_INBOUND_PORT": "0", "POSTROOM_INSTANCE": name}
                made.append(Launched(name, one.module, second[name], env, self.logs / f"{name}.log"))
        return made


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--run", type=Path, required=True)
    # Who is killed every few seconds is no victim of its own start: the pause that grows to ten seconds would be all that is measured.
    unit._LONGEST_PAUSE = 1.0
    setattr(supervisor, "Installation", FaultInstallation)  # noqa: B010 - the one place where a house is put together
    Supervisor(parser.parse_args().run).run()
