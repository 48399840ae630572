"""What a scene plays on: it acts, expects mails, and says what was seen."""

from dataclasses import dataclass, field
from typing import Any

from rich.console import Console

from embedded.demo.door import Door, until
from embedded.errors import EmbeddedError


@dataclass
class Stage:
    """The door, the console, and the mails that have been expected so far by (address, subject)."""

    door: Door
    console: Console
    order: str = ""
    expected: dict[tuple[str, str], int] = field(default_factory=dict)

    def title(self, letter: str, text: str) -> None:
        """Begin a scene."""
        self.console.print(f"\n[bold cyan]{letter}[/]  [bold]{text}[/]")

    def say(self, text: str) -> None:
        """One thing that happened."""
        self.console.print(f"   {text}", soft_wrap=True)

    def expect(self, to: str, subject: str, why: str, named: int = 1) -> dict[str, Any]:
        """A mail to this address whose subject holds these words: wait for it. `named` people stand in its To, and each gets one."""
        self.expected[to, subject] = named
        mail = until(f"a mail to {to} about “{subject}”", lambda: next(iter(self._find(to, subject)), None))
        self.say(f"[green]✓[/] mail  [bold]{mail['Subject']}[/] → {to}   [dim]because {why}[/]")
        return mail

    def expect_none(self, what: str, to: str, subject: str) -> None:
        """No such mail; called when all that was caused has been decided."""
        if found := self._find(to, subject):
            message = f"{what}: nobody was to be mailed, but {to} got “{found[0]['Subject']}”"
            raise EmbeddedError(message)
        self.say(f"[green]✓[/] no mail: {what}")

    def check(self, what: str, holds: bool, otherwise: object) -> None:  # noqa: FBT001 - it reads as a sentence
        """Something that must hold."""
        if not holds:
            message = f"{what}: {otherwise}"
            raise EmbeddedError(message)
        self.say(f"[green]✓[/] {what}")

    def each_once(self) -> None:
        """Every mail expected so far is there exactly once."""
        for (to, subject), named in self.expected.items():
            found = self._find(to, subject)
            if len(found) != named:
                message = f"{len(found)} mails name {to} and say “{subject}”, not {named}"
                raise EmbeddedError(message)
        self.say(f"[green]✓[/] each of the {len(self.expected)} mails expected so far is there exactly once")

    def _find(self, to: str, subject: str) -> list[dict[str, Any]]:
        return self.door.mails(to, subject)
