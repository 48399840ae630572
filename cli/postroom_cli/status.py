"""`postroom status`: how the installation does, in one table."""

from typing import Any

import typer
from rich.table import Table

from postroom_cli import output
from postroom_cli.errors import REFUSED
from postroom_cli.options import DEMO, AsJson, Tenant, gateway

# Figures that want a look when they are not zero.
_TO_LOOK_AT = {
    "older_copy": "red",
    "parked": "red",
    "unroutable": "red",
    "faulty_rules": "red",
    "faulty_templates": "red",
    "undecided": "yellow",
    "waiting": "yellow",
    "held": "yellow",
    "reviews": "yellow",
    "unfiled_heads": "yellow",
    "unknown_attempts": "yellow",
    "unknown_for_a_person": "red",
}


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
    for service, figures in answer["services"].items():
        first = service
        for name, value in figures.items():
            if name != "service":
                told = shown(value)
                style = _TO_LOOK_AT.get(name, "") if told != "0" else "dim"
                made.add_row(output.text(first, "bold"), output.text(name.replace("_", " ")), output.text(told, style))
                first = ""
    for service in answer.get("unreachable", ()):
        made.add_row(output.text(service, "bold"), output.text("does not answer", "red"), output.text(""))
    return made


def shown(value: Any) -> str:
    """A figure; one by name as `sent 12 · deferred 1`, without the zeros; leases as `2 alive, 1 run out`."""
    match value:
        case dict():
            return " · ".join(f"{name} {shown(number)}" for name, number in value.items() if number) or "0"
        case [{"alive": _}, *_]:
            alive = sum(1 for lease in value if lease["alive"])
            relays = sorted({str(lease["relay"]) for lease in value if lease["alive"] and lease.get("relay")})
            return ", ".join((f"{alive} alive", f"{len(value) - alive} run out", *(f"relay {relay}" for relay in relays)))
        case list():
            return " · ".join(shown(item) for item in value) or "0"
        case None:
            return "–"
        case _:
            return str(value)
