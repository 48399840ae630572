"""What the gateway is told by its environment."""

from pathlib import Path

from pydantic import SecretStr

from postroom.settings import ServiceSettings


class Settings(ServiceSettings):
    """Where the services are, and the local issuer's private key and secret (empty: no tokens are issued here)."""

    service: str = "gateway"
    database: str = ""
    port: int = 8080
    po_url: str = "http://127.0.0.1:8101"
    commlog_url: str = "http://127.0.0.1:8102"
    rules_url: str = "http://127.0.0.1:8103"
    mailer_url: str = "http://127.0.0.1:8104"
    mailbox_url: str = ""
    issuer_private: Path = Path(".run/issuer/private.pem")
    issuer_secret: SecretStr = SecretStr("")
