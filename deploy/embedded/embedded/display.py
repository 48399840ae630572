"""What a person sees while things start and stop: a live table in a terminal, a line for each change elsewhere."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console
from rich.live import Live
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.spinner import Spinner
from rich.table import Table

from embedded import jars
from embedded.state import State

console = Console(highlight=False)
_MARKS = {"up": "[green]✓[/]", "restarting": "[red]✗[/]"}


def fetch_jars() -> None:
    """Download the Kafka broker, if that was not done yet, with a bar."""
    columns = [TextColumn("Kafka broker from Maven Central"), BarColumn(), MofNCompleteColumn(), TextColumn("files"), TimeElapsedColumn()]
    if jars.complete():
        return
    if not console.is_terminal:
        console.print("Downloading the Kafka broker from Maven Central (about 45 MB, once) …")
    with Progress(*columns, console=console, disable=not console.is_terminal) as progress:
        task = progress.add_task("", total=None)
        jars.fetch(lambda done, total: progress.update(task, completed=done, total=total))


class Watch:
    """Shows the units as their states change."""

    def __init__(self) -> None:
        self._began = time.monotonic()
        self._told: dict[str, str] = {}
        self._live: Live | None = None

    @contextmanager
    def shown(self) -> Iterator["Watch"]:
        """Keep the table on the screen for as long as the block runs."""
        if not console.is_terminal:
            yield self
            return
        with Live(console=console, refresh_per_second=10, transient=True) as self._live:
            yield self

    def show(self, state: State) -> None:
        """Draw the state, or tell what is new in it."""
        if self._live is not None:
            self._live.update(self._table(state))
            return
        for name, unit in state.units.items():
            if unit.state == "up" and self._told.get(name) != "up":
                console.print(f"  {self.seconds:5.1f} s  {name} answers")
            self._told[name] = unit.state

    @property
    def seconds(self) -> float:
        return time.monotonic() - self._began

    def _table(self, state: State) -> Table:
        table = Table.grid(padding=(0, 2))
        for name, unit in state.units.items():
            table.add_row(_MARKS.get(unit.state) or Spinner("dots"), name, f"[dim]{unit.state}[/]")
        table.add_row(Spinner("dots"), f"[dim]{self.seconds:.0f} s[/]")
        return table


def print_status(state: State) -> None:
    """Print what runs, as a table."""
    table = Table("", "name", "state", "pid", "restarts", "address", box=None, header_style="dim")
    for name, unit in state.units.items():
        table.add_row(_MARKS.get(unit.state, "·"), name, unit.state, str(unit.pid or "–"), str(unit.restarts), unit.address)
    console.print(table)


def print_addresses(endpoints: dict[str, str], run: Path) -> None:
    """Print where to look."""
    gateway, mailbox = endpoints["gateway_url"], endpoints["mailbox_url"]
    console.print(f"\n  Gateway    [bold]{gateway}[/]   ({gateway}/docs: its HTTP calls)", soft_wrap=True)
    console.print(f"  Mailbox    [bold]{mailbox}[/]", soft_wrap=True)
    console.print(f"  Kafka      {endpoints['kafka']}", soft_wrap=True)
    console.print(f"  All of them, with Postgres and its password: {run / 'endpoints.json'}; logs in {run / 'logs'}\n", soft_wrap=True)
