"""What notification-rules is told by its environment."""

from importlib.resources import files
from pathlib import Path

from postroom.settings import ServiceSettings


class Settings(ServiceSettings):
    """`undecided_seconds`: how long an event waits for a person it names; `unroutable_seconds`: for anybody at all.

    `custom`: the customer's folder, whose rules/*.yaml are added to the house's and read again when they change.
    """

    service: str = "notification-rules"
    database: str = "notification_rules"
    port: int = 8103
    rules: Path | None = None
    custom: Path | None = None
    mailer_url: str = "http://127.0.0.1:8104"
    undecided_seconds: float = 600.0
    unroutable_seconds: float = 7 * 24 * 3600.0
    sweep_seconds: float = 2.0
    reload_seconds: float = 2.0

    @property
    def rules_text(self) -> str:
        """The table of rules: the file of POSTROOM_RULES, else the one of this package."""
        return self.rules.read_text("utf-8") if self.rules else files("notification_rules").joinpath("rules.yaml").read_text("utf-8")
