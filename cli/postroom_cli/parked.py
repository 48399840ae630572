"""`postroom parked`: what could not be processed, and what to do with it."""

import sys
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import quote

import typer
from rich.console import Group
from rich.padding import Padding
from rich.text import Text

from postroom_cli import output
from postroom_cli.errors import CliError
from postroom_cli.lines import STDIN
from postroom_cli.options import DEMO, AsJson, Tenant, gateway

app = typer.Typer(no_args_is_help=True, help="Records that can't be processed: list, show, replay (mended or not), discard.")
Ref = Annotated[str, typer.Argument(metavar="ID", help="service/number, as `postroom parked list` shows it.")]


@app.command("list")
def list_(
    context: typer.Context,
    service: Annotated[str | None, typer.Option(help="Of this service only.")] = None,
    tenant: Tenant = DEMO,
    *,
    closed: Annotated[bool, typer.Option("--closed", help="Those too that were replayed, mended, corrected or discarded.")] = False,
    as_json: AsJson = False,
) -> None:
    """What is parked, the newest first."""
    with gateway(context, tenant) as door:
        answer = door.get("/parked", service=service, closed="true" if closed else None)
    if as_json:
        output.as_json(answer)
        return
    output.missing(answer.get("unreachable", ()))
    rows: list[dict[str, Any]] = sorted(answer["parked"], key=lambda row: str(row["parked_at"]), reverse=True)
    if not rows:
        output.console().print("Nothing was ever parked." if closed else "Nothing is parked.")
        return
    console = output.console()
    if console.is_terminal:
        for row in rows:
            console.print(_head(row), Padding(output.text(_detail(row)), (0, 0, 1, 2)))
        return
    columns = ("id", "parked at", "from", "event", *(("closed",) if closed else ()), "reason", "detail")
    console.print(output.table(columns, [_row(row, closed=closed) for row in rows]))


def _head(row: dict[str, Any]) -> Text:
    """Which one, why, and where it came from: seven columns would be folded beyond reading in a terminal."""
    reason = (output.plain(row["reason"]), "red" if not row.get("closed_by") else "dim")
    rest = [output.moment(row["parked_at"]), _where(row), row["event_id"], f"closed: {row['closed_by']}" if row.get("closed_by") else ""]
    facts = " · ".join(output.plain(fact) for fact in rest if fact)
    return Text.assemble((f"{output.plain(row['service'])}/{row['id']}", "bold"), "  ", reason, "  ", (facts, "dim"))


def _row(row: dict[str, Any], *, closed: bool) -> tuple[Any, ...]:
    """A line a record, for grep."""
    how = (row.get("closed_by"),) if closed else ()
    name = f"{row['service']}/{row['id']}"
    return name, output.moment(row["parked_at"]), _where(row), row["event_id"], *how, row["reason"], _detail(row)


def _where(row: dict[str, Any]) -> str:
    return f"{row['topic']}/{row['partition']}/{row['offset']}"


def _detail(row: dict[str, Any]) -> str:
    return f"{row['detail']} (at {row['path']})" if row.get("path") else str(row["detail"])


@app.command()
def show(context: typer.Context, ref: Ref, tenant: Tenant = DEMO, *, as_json: AsJson = False) -> None:
    """One parked record whole: where it came from, its headers and its bytes."""
    with gateway(context, tenant) as door:
        row = door.get(_path(ref))
    if as_json:
        output.as_json(row)
        return
    facts = output.table(("", ref), [(name, row[name]) for name in row if name not in {"headers", "value"}])
    headers = output.table(("header", "value"), row["headers"])
    output.console().print(Group(facts, output.text(""), headers, output.text(""), output.text(row["value"])))


@app.command()
def replay(
    context: typer.Context,
    ref: Ref,
    value: Annotated[Path | None, typer.Option("--value", metavar="FILE|-", help="A mended value: structured CloudEvent, or XML.")] = None,
    tenant: Tenant = DEMO,
    *,
    as_json: AsJson = False,
) -> None:
    """Process it again, as it came or mended, inside the service that parked it. Exit code 1 if it is refused again."""
    mended = None if value is None else _text(value)
    with gateway(context, tenant) as door:
        _done(ref, door.post(f"{_path(ref)}/replay", json={"value": mended}), as_json=as_json)


@app.command()
def discard(context: typer.Context, ref: Ref, tenant: Tenant = DEMO, *, as_json: AsJson = False) -> None:
    """Close it without processing; it stays in the table as discarded."""
    with gateway(context, tenant) as door:
        _done(ref, door.post(f"{_path(ref)}/discard"), as_json=as_json)


def _done(ref: str, answer: dict[str, Any], *, as_json: bool) -> None:
    if as_json:
        output.as_json(answer)
    else:
        output.console().print(output.text(f"{ref}: {answer['closed_by']}", "green"))


def _path(ref: str) -> str:
    service, slash, number = ref.rpartition("/")
    if not slash or not service or not number.isdecimal():
        raise CliError("bad_id", f"{ref!r} is not a service and a number.", "Such as po-service/17; `postroom parked list` shows them.")
    return f"/parked/{quote(service, safe='')}/{number}"


def _text(file: Path) -> str:
    try:
        return (sys.stdin.buffer.read() if file == STDIN else file.read_bytes()).decode("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise CliError("unreadable", f"{file} can't be read: {error}.", "The mended value is a text file in UTF-8.") from error
