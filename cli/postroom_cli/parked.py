"""`postroom parked`: what could not be processed, and what to do with it."""

import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import quote

import typer
from rich.console import Group
from rich.padding import Padding
from rich.text import Text

from postroom_cli import output
from postroom_cli.client import Gateway
from postroom_cli.errors import FAILED, CliError
from postroom_cli.lines import STDIN
from postroom_cli.options import DEMO, AsJson, Tenant, gateway

app = typer.Typer(no_args_is_help=True, help="Records that can't be processed: list, show, replay (mended or not), discard, one or all.")
Ref = Annotated[str, typer.Argument(metavar="ID", help="service/number, as `postroom parked list` shows it.")]
Service = Annotated[str | None, typer.Option(help="Of this service only.")]
Reason = Annotated[str | None, typer.Option(help="Parked for this reason, such as unknown_type.")]
Topic = Annotated[str | None, typer.Option(help="That came in this topic.")]
Emitter = Annotated[str | None, typer.Option(help="Of this emitter.")]


@app.command("list")
def list_(
    context: typer.Context,
    service: Service = None,
    tenant: Tenant = DEMO,
    *,
    closed: Annotated[bool, typer.Option("--closed", help="Those too that were replayed, mended, corrected or discarded.")] = False,
    as_json: AsJson = False,
) -> None:
    """What is parked, the newest first; where that is much, how many there are of which kind."""
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
    else:
        columns = ("id", "parked at", "from", "event", *(("closed",) if closed else ()), "reason", "detail")
        console.print(output.table(columns, [_row(row, closed=closed) for row in rows]))
    if not closed:
        _tell_kinds(answer.get("kinds", []), len(rows))


def _tell_kinds(kinds: list[dict[str, Any]], shown: int) -> None:
    """On stderr, that a script's lines stay records: what there is beyond those that are shown."""
    number = sum(kind["records"] for kind in kinds)
    if number <= shown:
        return
    columns = ("records", "service", "reason", "topic", "emitter")
    table = output.table(columns, [tuple(kind[name] for name in columns) for kind in kinds])
    told = output.text(f"{number:,} are parked; these are the newest {shown:,}. All together:", "yellow")
    way = output.text("`postroom parked replay-all` tries them again; --service, --reason, --topic and --emitter narrow it.", "dim")
    output.console(stderr=True).print(Group(told, table, way))


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


@app.command("replay-all")
def replay_all(
    context: typer.Context,
    service: Service = None,
    reason: Reason = None,
    topic: Topic = None,
    emitter: Emitter = None,
    tenant: Tenant = DEMO,
    *,
    as_json: AsJson = False,
) -> None:
    """Process all again that are parked now, as they came, in the order they were parked. Exit code 1 if one is refused again."""
    told: dict[str, Any] = {"replayed": 0, "refused": []}
    try:
        with gateway(context, tenant) as door:
            _replay_all(door, [*_all(door, service, reason=reason, topic=topic, emitter=emitter)], told)
    except CliError:
        if told["replayed"] or told["refused"]:
            _tell_replayed(told, as_json=as_json)
        raise
    _tell_replayed(told, as_json=as_json)
    if told["refused"]:
        raise typer.Exit(1)


def _tell_replayed(told: dict[str, Any], *, as_json: bool) -> None:
    if as_json:
        output.as_json(told)
        return
    output.console().print(output.text(f"{told['replayed']:,} replayed", "green"))
    for one in told["refused"]:
        output.console(stderr=True).print(output.text(f"{one['id']}: still refused: {one['reason']}: {_detail(one)}", "yellow"))


@app.command()
def discard(context: typer.Context, ref: Ref, tenant: Tenant = DEMO, *, as_json: AsJson = False) -> None:
    """Close it without processing; it stays in the table as discarded."""
    with gateway(context, tenant) as door:
        _done(ref, door.post(f"{_path(ref)}/discard"), as_json=as_json)


@app.command("discard-all")
def discard_all(
    context: typer.Context,
    service: Service = None,
    reason: Reason = None,
    topic: Topic = None,
    emitter: Emitter = None,
    tenant: Tenant = DEMO,
    *,
    as_json: AsJson = False,
) -> None:
    """Close all that are parked now for a --reason, in a --topic, or of an --emitter; they stay in the table as discarded."""
    if not (reason or topic or emitter):
        raise CliError("usage", "Say which ones: a --reason, a --topic or an --emitter.", "`postroom parked list` shows them.")
    with gateway(context, tenant) as door:
        parts = [*_all(door, service, reason=reason, topic=topic, emitter=emitter)]
        number = sum(door.post(f"{path}/discard", json=common)["discarded"] for path, _, common in parts)
    if as_json:
        output.as_json({"discarded": number})
    else:
        output.console().print(output.text(f"{number:,} discarded", "green"))


def _all(door: Gateway, service: str | None, **common: str | None) -> Iterator[tuple[str, int, dict[str, Any]]]:
    """(path, how many records, what they have in common) of each service that has some: those that are parked now, none later.

    Raises CliError where a service that may have some doesn't answer.
    """
    answer = door.get("/parked/kinds", service=service)
    if answer["unreachable"]:
        detail = f"{', '.join(answer['unreachable'])} does not answer, and may have some of them."
        raise CliError("unavailable", detail, "Try again in a moment, or name another --service.", exit_code=FAILED)
    kinds = [kind for kind in answer["kinds"] if all(value in (None, kind[name]) for name, value in common.items())]
    for name in dict.fromkeys(kind["service"] for kind in kinds):
        own = [kind for kind in kinds if kind["service"] == name]
        records, newest = sum(kind["records"] for kind in own), max(kind["newest"] for kind in own)
        yield f"/parked/{quote(name, safe='')}", records, {**common, "until": newest}


def _replay_all(door: Gateway, parts: Sequence[tuple[str, int, dict[str, Any]]], told: dict[str, Any]) -> None:
    """In slices of some seconds, in each service in the order they were parked: an event that builds on another comes after it.

    Adds to what is told, which holds also if a later slice fails.
    """
    with output.progress() as progress:
        bar = progress.add_task("replaying", total=sum(records for _, records, _ in parts))
        for path, _, common in parts:
            after: int | None = 0
            while after is not None:
                answer = door.post(f"{path}/replay", json={**common, "after": after})
                told["replayed"] += answer["replayed"]
                told["refused"] += [{**one, "id": f"{path.removeprefix('/parked/')}/{one['id']}"} for one in answer["refused"]]
                progress.update(bar, completed=told["replayed"] + len(told["refused"]))
                after = answer["next"]


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
