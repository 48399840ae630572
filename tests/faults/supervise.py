"""The supervisor of a house for fault runs: `python -m tests.faults.supervise --run FOLDER`.

As `make up`'s, with two processes of some services, failpoints, and a launcher that can leave a guard out.
"""

import argparse
import os
import sys
from pathlib import Path

from embedded import supervisor
from embedded.installation import Installation
from embedded.paths import ROOT
from embedded.ports import choose
from embedded.process import Command
from embedded.services import Service
from embedded.supervisor import Supervisor

TWICE = ("notification-rules", "mailer-service")


class Launched(Service):
    """A service behind the launcher."""

    def command(self) -> Command:
        return Command([sys.executable, "-m", "tests.faults.launch", self.module], env=self.env, cwd=ROOT)


class FaultInstallation(Installation):
    """Each service has failpoints of its own, below the run folder."""

    def services(self) -> list[Service]:
        second = choose(dict.fromkeys((f"{name}-2" for name in TWICE), 0), self.run / "second-ports.json")
        made: list[Service] = []
        for one in super().services():
            failpoints = self.run / "failpoints" / one.name
            failpoints.mkdir(parents=True, exist_ok=True)
            env = {**one.env, "POSTROOM_FAILPOINTS": str(failpoints), "POSTROOM_WITHOUT": str(self.run / "without" / one.name)}
            made.append(Launched(one.name, one.module, one.port, env, one.log))
            if one.name in TWICE and os.environ.get("POSTROOM_FAULTS_TWICE", "1") == "1":
                # One address for replies is enough.
                env = {**env, "POSTROOM_INBOUND_PORT": "0"}
                name = f"{one.name}-2"
                made.append(Launched(name, one.module, second[name], env, self.logs / f"{name}.log"))
        return made


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--run", type=Path, required=True)
    setattr(supervisor, "Installation", FaultInstallation)  # noqa: B010 - the one place where a house is put together
    Supervisor(parser.parse_args().run).run()
