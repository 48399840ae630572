"""What the gateway is told by its environment."""

from pathlib import Path

from pydantic import SecretStr

from postroom.settings import ServiceSettings


class Settings(ServiceSettings):
    """Where the services are, and the local issuer's private key and secret (empty: no tokens are issued here).

    `database` holds the web page's sessions. `demo_tenant` lets anybody who reaches the page sign in as anybody of that tenant, by a
    list of its people: for a set-up on one machine alone; empty switches it off. `session_idle_seconds` ends a session that nobody used.
    """

    service: str = "gateway"
    database: str = "gateway"
    port: int = 8080
    po_url: str = "http://127.0.0.1:8101"
    commlog_url: str = "http://127.0.0.1:8102"
    rules_url: str = "http://127.0.0.1:8103"
    mailer_url: str = "http://127.0.0.1:8104"
    mailbox_url: str = ""
    issuer_private: Path = Path(".run/issuer/private.pem")
    issuer_secret: SecretStr = SecretStr("")
    demo_tenant: str = ""
    session_idle_seconds: float = 1800.0
