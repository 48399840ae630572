"""The table of services, and the environment that each is started with."""

import sys
import urllib.error
import urllib.request
from dataclasses import dataclass
from pathlib import Path

from embedded.paths import ROOT
from embedded.process import Command
from embedded.server import Server


@dataclass(frozen=True)
class Row:
    """One service: its module, the key of its address, its default port, how many processes run."""

    name: str
    module: str
    key: str
    port: int
    instances: int = 1


SERVICES = [
    Row("po-service", "po_service.app", "po", 8101),
    Row("commlog-service", "commlog_service.app", "commlog", 8102),
    Row("notification-rules", "notification_rules.app", "rules", 8103),
    Row("mailer-service", "mailer_service.app", "mailer", 8104),
    Row("gateway", "gateway.app", "gateway", 8080),
]


class Service(Server):
    """One process of a service; ready when GET /health answers 200."""

    grace = 12

    def __init__(self, name: str, module: str, port: int, env: dict[str, str], log: Path) -> None:
        super().__init__(name, log)
        self.module = module
        self.port = port
        self.env = {**env, "POSTROOM_PORT": str(port), "PYTHONUNBUFFERED": "1"}

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def command(self) -> Command:
        return Command([sys.executable, "-m", self.module], env=self.env, cwd=ROOT)

    def ready(self) -> bool:
        return is_healthy(f"{self.address}/health")


def is_healthy(url: str) -> bool:
    """Whether the address answers 200 within a second."""
    try:
        with urllib.request.urlopen(url, timeout=1) as response:  # noqa: S310 - our own http address
            return bool(response.status == 200)  # noqa: PLR2004 - HTTP's own number
    except (urllib.error.URLError, OSError, ValueError):
        return False
