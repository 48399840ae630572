"""What a person sees (rich), and what a script reads (JSON, one document)."""

import sys
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any

import orjson
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
from rich.table import Table
from rich.text import Text

from postroom_cli.errors import CliError

# Piped, lines are for grep: not cut at 80 columns.
_PIPED = 10_000
# Line ends and the fixed spaces in amounts (€ 12.000,00), which Python doesn't call printable.
_HARMLESS = "\n\t\N{NO-BREAK SPACE}\N{NARROW NO-BREAK SPACE}"
STYLES = {
    "processed": "green", "sent": "green", "message": "green", "up": "green",
    "waiting": "yellow", "duplicate": "yellow", "undecided": "yellow", "deferred": "yellow", "unknown": "yellow", "held": "yellow",
    "parked": "red", "bounced": "red", "dead": "red", "unroutable": "red", "down": "red",
    "cancelled": "dim", "withdrawn": "dim", "none": "dim",
}  # fmt: skip


def console(*, stderr: bool = False) -> Console:
    """The console of stdout, or of stderr."""
    stream = sys.stderr if stderr else sys.stdout
    return Console(file=stream, width=None if stream.isatty() else _PIPED, highlight=False, soft_wrap=not stream.isatty())


def plain(value: Any) -> str:
    """Text that can't command the terminal: what came from outside may hold escape sequences."""
    text = "" if value is None else str(value)
    return "".join(letter if letter.isprintable() or letter in _HARMLESS else "\N{REPLACEMENT CHARACTER}" for letter in text)


def text(value: Any, style: str = "") -> Text:
    """The value as it is, without markup; a state gets its colour."""
    shown = plain(value)
    return Text(shown, style=style or STYLES.get(shown, ""))


def moment(value: Any) -> str:
    """An RFC 3339 time as `2026-11-23 10:15:00Z`, in UTC; anything else as it is."""
    try:
        return datetime.fromisoformat(str(value)).astimezone(UTC).strftime("%Y-%m-%d %H:%M:%SZ") if value else ""
    except ValueError:
        return plain(value)


def table(columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> Table:
    """A table without a frame, ready to print."""
    made = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 2, 0, 0))
    for column in columns:
        made.add_column(column, overflow="fold")
    for row in rows:
        made.add_row(*(cell if isinstance(cell, Text) else text(cell) for cell in row))
    return made


def progress() -> Progress:
    """A bar on stderr, where a person looks on; it goes away when done."""
    shown = console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    return Progress(*columns, console=shown, transient=True, disable=not shown.is_terminal)


def as_json(value: Any) -> None:
    """One JSON document on stdout."""
    sys.stdout.write(orjson.dumps(value, default=str, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE).decode())


def missing(services: Iterable[str]) -> None:
    """Name on stderr the services that did not answer: what they know is missing from the rest."""
    for service in services:
        console(stderr=True).print(text(f"{service} does not answer; what it knows is missing here.", "yellow"))


def failure(error: CliError, *, machine: bool) -> None:
    """The error on stderr: JSON for a script, else one sentence and the way out."""
    if machine:
        sys.stderr.write(orjson.dumps({"error": error.as_json()}).decode() + "\n")
        return
    told = Text.assemble(("postroom: ", "bold red"), plain(error.detail))
    if error.field and error.field not in error.detail:
        told.append(f" (at {plain(error.field)})")
    console(stderr=True).print(told)
    if error.hint:
        console(stderr=True).print(text(error.hint, "dim"))
