"""`postroom audit`: is the official history whole? And the one way to take something out of it."""

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO, Annotated, Any

import orjson
import typer
from rich.progress import Progress

from postroom_cli import heads, output
from postroom_cli.client import Gateway
from postroom_cli.errors import REFUSED, CliError
from postroom_cli.heads import Published
from postroom_cli.options import DEMO, AsJson, Tenant, gateway, settings
from postroom_cli.verification import Finding, missing, pending, verify

app = typer.Typer(no_args_is_help=True, help="Prove that the official history is whole, and erase where the law asks for it.")
Tell = Callable[[str, int, int], None]
Heads = Annotated[
    list[Path] | None,
    typer.Option("--heads", metavar="FILE", help="A file of published heads (again for more); else this installation's own."),
]


@app.command("verify")
def verify_history(
    context: typer.Context,
    heads_files: Heads = None,
    order: Annotated[str | None, typer.Option("--order", metavar="ORDER", help="Only this order, by its id or number.")] = None,
    tenant: Tenant = DEMO,
    *,
    without_kafka: Annotated[bool, typer.Option("--without-kafka", help="Check against the files alone.")] = False,
    as_json: AsJson = False,
) -> None:
    """Check each order's chain, what the service shows, and the published heads. Exit code 0 whole, 1 changed, 2 not checked."""
    files = heads_files or [path for path in (settings(context).heads_file(),) if path]
    if without_kafka and not files:
        raise CliError("no_heads", "There is nothing to check the chains against.", "Give --heads FILE, or leave --without-kafka out.")
    kafka = None if without_kafka else settings(context).kafka_address()
    with gateway(context, tenant) as door, output.progress() as progress, TemporaryFile() as kept:
        tell = _bar(progress)
        beginning = _export(door, order, kept, tell)
        # The heads are read after the export: what it holds was published by then, or stands in it as on its way.
        published: dict[str, Published] = {"file": heads.from_files(files, tenant)} if files else {}
        if kafka:
            published["kafka"] = heads.from_kafka(kafka, tenant, partial(tell, "reading heads"))
        answer = check(tenant, beginning, _counted(kept, partial(tell, "verifying"), beginning["orders"]), published, order)
    _tell(answer, as_json=as_json)
    if not answer["whole"]:
        raise typer.Exit(REFUSED)


def check(
    tenant: str, beginning: dict[str, Any], orders: Iterator[dict[str, Any]], published: dict[str, Published], order: str | None = None
) -> dict[str, Any]:
    """The verdict over an export. Raises CliError where it breaks off: half an export would look like deleted orders."""
    findings: list[Finding] = []
    seen: set[str] = set()
    on_their_way, entries = pending(beginning), 0
    for one in orders:
        seen.add(one["order"])
        entries += len(one["entries"])
        findings += verify(tenant, one, published, on_their_way)
    if len(seen) != beginning["orders"]:
        raise CliError("cut_export", f"The export broke off after {len(seen)} of {beginning['orders']} orders.", "Run it again.")
    if order is not None:
        wanted = seen | {order}
        published = {name: Published({id_: found for id_, found in one.heads.items() if id_ in wanted}) for name, one in published.items()}
        if not seen and not any(one.heads for one in published.values()):
            raise CliError("unknown_order", f"Nothing is known about the order {order}.", "Give its id or its number.", field="--order")
    findings += missing(seen, published)
    return {
        "tenant": tenant,
        "whole": not findings,
        "orders": len(seen),
        "entries": entries,
        "heads": {name: sum(map(len, one.heads.values())) for name, one in published.items()},
        "pending": {name: len(on_their_way[name]) for name in published},
        "unreadable": [where for one in published.values() for where in one.unreadable],
        "findings": [finding.as_json() for finding in findings],
    }


@app.command()
def erase(
    context: typer.Context,
    order: Annotated[str, typer.Argument(metavar="ORDER", help="The order's id.")],
    ref: Annotated[str, typer.Argument(metavar="REF", help="The id of a log, or of a send.")],
    reason: Annotated[str, typer.Option("--reason", metavar="TEXT", help="Why; it stays in the history, so name nobody.")],
    tenant: Tenant = DEMO,
    *,
    yes: Annotated[bool, typer.Option("--yes", help="Don't ask.")] = False,
    as_json: AsJson = False,
) -> None:
    """Blank a log, or a send with its recipients and outcomes, for good. The chain stays whole and tells that it was done."""
    if not yes:
        typer.confirm(f"Erase {output.plain(ref)} of order {output.plain(order)}? It can't be undone.", abort=True, err=True)
    with gateway(context, tenant) as door:
        answer = _erased(door, order, ref, reason)
    if as_json:
        output.as_json(answer)
        return
    entries = ", ".join(map(str, answer["erased"]))
    output.console().print(
        output.text(f"Erased: entry {entries} of order {answer['order']}; entry {answer['entry']} tells of it.", "green")
    )


def _erased(door: Gateway, order: str, ref: str, reason: str) -> dict[str, Any]:
    return dict(door.post("/audit/erasures", json={"order": order, "ref": ref, "reason": reason}))


def _export(door: Gateway, order: str | None, kept: IO[bytes], tell: Tell) -> dict[str, Any]:
    """Keep the orders' lines in this file, so that the database's moment is not held longer than needed; → the first line."""
    lines = door.lines("/audit/history", order=order)
    beginning = next(lines, None)
    if not isinstance(beginning, dict) or "pending" not in beginning:
        raise CliError("no_export", f"{door.url} gives no export of the history.", "Is that address really Postroom's gateway?")
    for number, line in enumerate(lines, 1):
        kept.write(orjson.dumps(line, option=orjson.OPT_APPEND_NEWLINE))
        tell("exporting", number, beginning["orders"])
    kept.seek(0)
    return beginning


def _counted(kept: IO[bytes], tell: Callable[[int, int], None], orders: int) -> Iterator[dict[str, Any]]:
    for number, line in enumerate(kept, 1):
        yield orjson.loads(line)
        tell(number, orders)


def _bar(progress: Progress) -> Tell:
    task = progress.add_task("exporting", total=None)
    return lambda what, done, total: progress.update(task, description=what, completed=done, total=total)


def _many(number: int, one: str, several: str = "") -> str:
    return f"{number} {one if number == 1 else several or one + 's'}"


def _tell(answer: dict[str, Any], *, as_json: bool) -> None:
    if as_json:
        output.as_json(answer)
        return
    console = output.console()
    against = " and ".join(f"{_many(number, 'published head')} ({source})" for source, number in answer["heads"].items())
    for one in answer["findings"]:
        console.print(output.text(f"order {one['order']}, entry {one['entry']}: {one['what']}", "red"))
        console.print(output.text(f"  expected {one['expected']}"))
        console.print(output.text(f"  found    {one['found']}"))
    for where in answer["unreadable"]:
        output.console(stderr=True).print(output.text(f"{where} can't be read as a head and was passed over.", "yellow"))
    for source, number in answer["pending"].items():
        if number:
            # Normal for a moment; not for an hour: until it is published, the end of a chain can be cut unseen.
            told = f"{_many(number, 'head')} on the way to {source} and not published yet: if it lasts, `postroom status` says more."
            output.console(stderr=True).print(output.text(told, "yellow"))
    told = f"{_many(answer['orders'], 'order')} with {_many(answer['entries'], 'entry', 'entries')} against {against}"
    if answer["whole"]:
        console.print(output.text(f"The history is whole: {told}.", "green"))
    else:
        console.print(output.text(f"{_many(len(answer['findings']), 'finding')}: {told}.", "bold red"))
