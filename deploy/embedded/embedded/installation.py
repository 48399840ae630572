"""Everything that one .run folder holds, put together: ports, addresses, keys and the servers to start."""

import os
from pathlib import Path

from embedded.issuer import Issuer, ensure_issuer
from embedded.kafka import Kafka
from embedded.mailbox.server import Mailbox
from embedded.paths import ROOT
from embedded.ports import choose
from embedded.postgres import Postgres
from embedded.reply_secret import ensure_reply_secret
from embedded.server import Server
from embedded.services import SERVICES, Row, Service

DEMO_TENANT = "demo"
_INFRASTRUCTURE_PORTS = {"kafka": 9092, "kafka-controller": 0, "postgres": 5432, "smtp": 1025, "mailbox": 8025, "inbound-smtp": 2525}


class Installation:
    """The servers of one folder and what others need to reach them."""

    def __init__(self, run: Path) -> None:
        self.run = run
        self.logs = run / "logs"
        self.blobs = run / "blobs"
        self.heads = run / "audit" / "heads.jsonl"
        # Beside the data and not among them: `make clean` must not take a customer's rules and templates along.
        self.custom = run.parent / "custom"
        # Others may pass through (the server's user must), and see no names.
        run.chmod(0o711)
        for folder in (self.blobs, self.custom / "rules", self.custom / "templates"):
            folder.mkdir(parents=True, exist_ok=True)
        self.emitters = ROOT / "deploy" / "emitters.yaml"
        self.issuer: Issuer = ensure_issuer(run / "issuer")
        self.reply_secret = ensure_reply_secret(run / "replies")
        self.ports = choose(default_ports(), run / "ports.json")
        port, log = self.ports, self._log
        self.kafka = Kafka(run / "kafka", port["kafka"], port["kafka-controller"], log("kafka"))
        self.postgres = Postgres(run / "postgres", port["postgres"], log("postgres"))
        self.mailbox = Mailbox(run / "mailbox", port["smtp"], port["mailbox"], log("mailbox"))

    def _log(self, name: str) -> Path:
        return self.logs / f"{name}.log"

    @property
    def infrastructure(self) -> list[Server]:
        return [self.kafka, self.postgres, self.mailbox]

    def services(self) -> list[Service]:
        """The processes of the table; call it once Postgres is prepared, whose password they are given."""
        return [
            Service(name, row.module, self.ports[name], {**self._env(row), "POSTROOM_INSTANCE": name}, self._log(name))
            for row in SERVICES
            for name in _instances(row)
        ]

    def _env(self, row: Row) -> dict[str, str]:
        env = {
            "POSTROOM_KAFKA": self.kafka.bootstrap,
            "POSTROOM_POSTGRES": self.postgres.dsn,
            # Another relay than the mailbox, for whoever wants these mails to leave the machine.
            "POSTROOM_SMTP": os.environ.get("POSTROOM_SMTP") or self.mailbox.smtp,
            "POSTROOM_MAIL_FROM": "Postroom <postroom@postroom.example>",
            "POSTROOM_BLOBS": str(self.blobs),
            "POSTROOM_HEADS": str(self.heads),
            "POSTROOM_CUSTOM": str(self.custom),
            "POSTROOM_EMITTERS": str(self.emitters),
            "POSTROOM_ISSUER_PUBLIC": str(self.issuer.public),
            "POSTROOM_MAILBOX_URL": self.mailbox.url,
        }
        env |= {f"POSTROOM_{other.key.upper()}_URL": self._url(other) for other in SERVICES}
        env["POSTROOM_PUBLIC_URL"] = env["POSTROOM_GATEWAY_URL"]
        env["POSTROOM_PAGE_URL"] = env["POSTROOM_GATEWAY_URL"] + "/open/{what}/{id}"
        if row.key == "gateway":
            env |= {"POSTROOM_ISSUER_PRIVATE": str(self.issuer.private), "POSTROOM_ISSUER_SECRET": self.issuer.secret}
            # On this machine alone, whoever reaches the page may be anybody of the demo.
            env["POSTROOM_DEMO_TENANT"] = DEMO_TENANT
        if row.key == "mailer":
            env |= {
                "POSTROOM_INBOUND_PORT": str(self.ports["inbound-smtp"]),
                "POSTROOM_REPLY_DOMAIN": "reply.postroom.example",
                "POSTROOM_REPLY_SECRET": self.reply_secret,
            }
        return env

    def _url(self, row: Row) -> str:
        return f"http://127.0.0.1:{self.ports[row.name]}"

    def endpoints(self) -> dict[str, str]:
        """The addresses of .run/endpoints.json."""
        return {
            "kafka": self.kafka.bootstrap,
            "postgres": self.postgres.dsn,
            "smtp": self.mailbox.smtp,
            "inbound_smtp": f"smtp://127.0.0.1:{self.ports['inbound-smtp']}",
            "mailbox_url": self.mailbox.url,
            **{f"{row.key}_url": self._url(row) for row in SERVICES},
            "blobs": str(self.blobs),
            "heads": str(self.heads),
            "custom": str(self.custom),
            "issuer_secret": self.issuer.secret,
            "issuer_public": str(self.issuer.public),
            "logs": str(self.logs),
        }


def _instances(row: Row) -> list[str]:
    return [row.name, *(f"{row.name}-{number}" for number in range(2, row.instances + 1))]


def default_ports() -> dict[str, int]:
    """What each process listens on where that is free; the first of a service takes its default, the others any free one."""
    return {**_INFRASTRUCTURE_PORTS, **{name: row.port if name == row.name else 0 for row in SERVICES for name in _instances(row)}}
