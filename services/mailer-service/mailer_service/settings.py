"""What the mailer is told by its environment."""

from datetime import timedelta
from pathlib import Path

from pydantic import SecretStr

from postroom.settings import ServiceSettings


class Settings(ServiceSettings):
    """`smtp` is smtp://host:port, smtps://…, or smtp+starttls://user:password@host:port; times in seconds, sizes in bytes.

    `public_url` is where people reach the gateway, for the links in mails. `page_url` is the pattern of your pages for what a message
    speaks of, such as https://portal.example/{what}/{id}; without one, mails have no such link. `custom` is the customer's own folder:
    its templates/<message-type> come before the house's, and each mail made with them is bound in computing time and memory.
    """

    service: str = "mailer-service"
    database: str = "mailer_service"
    port: int = 8104
    pool_size: int = 12
    smtp: SecretStr = SecretStr("smtp://127.0.0.1:1025")
    smtp_ca: str | None = None
    mail_from: str = "Postroom <postroom@localhost.localdomain>"
    public_url: str = "http://127.0.0.1:8080"
    page_url: str = ""
    connections: int = 6
    window: int = 32
    take: int = 200
    unknown_resend_seconds: float = 900.0
    lease_seconds: float = 20.0
    beat_seconds: float = 5.0
    command_seconds: float = 60.0
    reply_seconds: float = 600.0
    life_seconds: float = 48 * 3600.0
    pdf_seconds: float = 15.0
    pdf_memory: int = 512 << 20
    custom: Path | None = None
    template_cpu_seconds: float = 2.0
    template_memory: int = 256 << 20

    @property
    def unknown_resend(self) -> timedelta:
        """How long a mail whose reply was lost waits before it is sent once more."""
        return timedelta(seconds=self.unknown_resend_seconds)
