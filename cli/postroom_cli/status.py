"""`postroom status`: how the installation does, in one table."""

from typing import Any

import typer
from rich.table import Table

from postroom_cli import output
from postroom_cli.errors import REFUSED
from postroom_cli.options import DEMO, AsJson, Tenant, gateway


def status(context: typer.Context, tenant: Tenant = DEMO, *, as_json: AsJson = False) -> None:
    """Lag, outbox, leases, parked, undecided, waiting, envelopes by state, duplicates; exit code 1 if a service does not answer."""
    with gateway(context, tenant) as door:
        answer = door.get("/status")
    if as_json:
        output.as_json(answer)
    else:
        output.console().print(table(answer))
    if answer.get("unreachable"):
        raise typer.Exit(REFUSED)


def table(answer: dict[str, Any]) -> Table:
    """A row a figure, grouped by service; one that does not answer is named."""
    made = output.table(("service", "figure", "value"), ())
    for service, figures in sorted(answer["services"].items()):
        first = service
        for name, value in figures.items():
            if name != "service":
                made.add_row(output.text(first, "bold"), output.text(name.replace("_", " ")), output.text(_shown(value)))
                first = ""
    for service in answer.get("unreachable", ()):
        made.add_row(output.text(service, "bold"), output.text("does not answer", "red"), output.text(""))
    return made


def _shown(value: Any) -> str:
    """A figure; one by name as `sent 12 · deferred 1`, without the zeros."""
    if isinstance(value, dict):
        return " · ".join(f"{name} {_shown(number)}" for name, number in value.items() if number) or "0"
    if isinstance(value, list):
        return " · ".join(_shown(item) for item in value) or "none"
    return "–" if value is None else str(value)
