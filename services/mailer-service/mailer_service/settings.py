"""What the mailer is told by its environment."""

from datetime import timedelta
from pathlib import Path

from pydantic import SecretStr

from mailer_service.domain.addresses import MAX_LOCAL, deliverable
from mailer_service.domain.caps import Caps
from mailer_service.domain.reply_addresses import ReplyAddresses
from postroom.settings import ServiceSettings

MIN_SECRET = 24


class Settings(ServiceSettings):
    """`smtp` is smtp://host:port, smtps://…, or smtp+starttls://user:password@host:port; times in seconds, sizes in bytes.

    `public_url` is where people reach the gateway, for the links in mails. `page_url` is the pattern of your pages for what a message
    speaks of, such as https://portal.example/{what}/{id}; without one, mails have no such link. `custom` is the customer's own folder:
    its templates/<message-type> come before the house's, and each mail made with them is bound in computing time and memory.
    `reply_domain` is the domain of addresses for replies by mail; without one, correspondences are answered to their sender's own address.
    `reply_secret` signs those addresses (several with spaces between them: the first signs, all are accepted); `inbound_port` is where
    your mail server hands replies in by SMTP, 0 for nowhere. `cap_…` are the most mails that set out within `cap_period_seconds` to one
    recipient, for one order, of one tenant; 0 is no cap, and `cap_tenants` (JSON) has those of single tenants.
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
    reply_domain: str = ""
    reply_secret: SecretStr = SecretStr("")
    inbound_port: int = 0
    cap_period_seconds: float = 3600.0
    cap_recipient: int = 2_000
    cap_order: int = 1_000
    cap_tenant: int = 100_000
    cap_tenants: dict[str, int] = {}
    custom: Path | None = None
    template_cpu_seconds: float = 2.0
    template_memory: int = 256 << 20

    @property
    def reply_addresses(self) -> ReplyAddresses | None:
        """What makes and checks addresses for replies; None if there are none. Raises ValueError that names the setting."""
        if not self.reply_domain:
            return None
        secrets = self.reply_secret.get_secret_value().split()
        if not secrets or any(len(secret) < MIN_SECRET for secret in secrets):
            raise ValueError(
                f"POSTROOM_REPLY_SECRET must be a random secret of at least {MIN_SECRET} characters: it signs the addresses of "
                f"POSTROOM_REPLY_DOMAIN ({self.reply_domain})"
            )
        if deliverable(f"{'x' * MAX_LOCAL}@{self.reply_domain}") is None:
            raise ValueError(f"POSTROOM_REPLY_DOMAIN must be a domain such as reply.example.org, not {self.reply_domain!r}")
        return ReplyAddresses(self.reply_domain, secrets)

    @property
    def caps(self) -> Caps:
        """How much may set out within a period."""
        period = timedelta(seconds=self.cap_period_seconds)
        return Caps(period, self.cap_recipient, self.cap_order, self.cap_tenant, self.cap_tenants)

    @property
    def unknown_resend(self) -> timedelta:
        """How long a mail whose reply was lost waits before it is sent once more."""
        return timedelta(seconds=self.unknown_resend_seconds)
