"""The mailbox as a server of its own process."""

import sys
from pathlib import Path

from embedded.ports import answers, free_port
from embedded.process import Command
from embedded.server import Server


class Mailbox(Server):
    """Takes mail on `smtp_port` and shows it on `port`; the mails lie in `folder` and survive kill -9."""

    def __init__(self, folder: Path, smtp_port: int = 0, port: int = 0, log: Path | None = None) -> None:
        super().__init__("mailbox", log or folder / "mailbox.log")
        self.folder = folder
        self.smtp_port = smtp_port or free_port()
        self.port = port or free_port()

    @property
    def smtp(self) -> str:
        return f"smtp://127.0.0.1:{self.smtp_port}"

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def address(self) -> str:
        return self.url

    def command(self) -> Command:
        ports = ["--smtp-port", str(self.smtp_port), "--port", str(self.port)]
        return Command([sys.executable, "-m", "embedded.mailbox", "--folder", str(self.folder), *ports])

    def ready(self) -> bool:
        return answers(self.smtp_port) and answers(self.port)
