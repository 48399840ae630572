"""`postroom task`: the scheduled tasks of po-service, on demand."""

from datetime import datetime
from typing import Annotated, Any
from urllib.parse import quote

import typer

from postroom_cli import output
from postroom_cli.options import DEMO, AsJson, Tenant, gateway

app = typer.Typer(no_args_is_help=True, help="The scheduled tasks: list them, or run one now.")
AsOf = Annotated[datetime | None, typer.Option("--as-of", formats=["%Y-%m-%d"], metavar="DATE", help="Run it as if today were this day.")]


@app.command("list")
def list_(context: typer.Context, tenant: Tenant = DEMO, *, as_json: AsJson = False) -> None:
    """The tasks, and when each last ran."""
    with gateway(context, tenant) as door:
        answer = door.get("/api/tasks")
    if as_json:
        output.as_json(answer)
        return
    rows: list[dict[str, Any]] = answer["tasks"]
    columns = list(dict.fromkeys(name for row in rows for name in row))
    shown = [[value if isinstance(value := row.get(name), int) else output.moment(value) for name in columns] for row in rows]
    output.console().print(output.table([name.replace("_", " ") for name in columns], shown))


@app.command()
def run(
    context: typer.Context,
    name: Annotated[str, typer.Argument(help="check-budgets, book-receipts …; `postroom task list` names them.")],
    as_of: AsOf = None,
    tenant: Tenant = DEMO,
    *,
    as_json: AsJson = False,
) -> None:
    """Run a task now. What it has raised before it doesn't raise again."""
    day = as_of.date().isoformat() if as_of else None
    with gateway(context, tenant) as door:
        answer = door.post(f"/api/tasks/{quote(name, safe='')}/run", params={"as_of": day} if day else {})
    if as_json:
        output.as_json(answer)
    else:
        output.console().print(output.text(f"{name}: {answer['raised']} raised, as of {answer.get('as_of') or day or 'today'}"))
