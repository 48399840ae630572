"""`postroom import`: UBL documents to po-service, through the gateway."""

from pathlib import Path
from typing import Annotated, Any

import typer

from postroom_cli import output
from postroom_cli.client import Gateway
from postroom_cli.errors import REFUSED, CliError
from postroom_cli.options import DEMO, AsJson, Tenant, gateway

Files = Annotated[list[Path], typer.Argument(exists=True, dir_okay=False, readable=True, metavar="FILE…", help="UBL 2.1 documents (XML).")]


def import_(context: typer.Context, files: Files, tenant: Tenant = DEMO, *, as_json: AsJson = False) -> None:
    """Hand in UBL documents (orders, despatch advices, …). The same document again has no second effect.

    Exit code 1 if one was parked: `postroom parked list` shows it with the reason, nothing is lost.
    """
    rows: list[dict[str, Any]] = []
    try:
        with gateway(context, tenant) as door, output.progress() as progress:
            for path in progress.track(files, description="importing"):
                rows.append(_hand_in(door, path))  # noqa: PERF401 - one by one: what came before a failure is kept
    finally:
        # Also when the gateway goes away half-way: what was handed in is told, and all of it may be handed in again.
        _tell(rows, as_json=as_json)
    if any(row["outcome"] in {"parked", "refused"} for row in rows):
        raise typer.Exit(REFUSED)


def _tell(rows: list[dict[str, Any]], *, as_json: bool) -> None:
    if as_json:
        output.as_json({"documents": rows})
    elif rows:
        cells = [(row["file"], row.get("kind"), row.get("order_number"), row["outcome"], _why(row)) for row in rows]
        output.console().print(output.table(("file", "kind", "number", "outcome", "reason"), cells))


def _hand_in(door: Gateway, path: Path) -> dict[str, Any]:
    """Hand in one file; a refusal is a row of its own, and the other files go on."""
    try:
        answer = door.post(
            "/api/documents", params={"tenant": door.tenant}, content=path.read_bytes(), headers={"Content-Type": "application/xml"}
        )
    except CliError as error:
        if error.exit_code != REFUSED:
            raise
        return {"file": str(path), "outcome": "refused", "reason": error.code, "detail": error.detail, "path": error.field}
    return {"file": str(path), **answer}


def _why(row: dict[str, Any]) -> str:
    reason = ": ".join(str(part) for part in (row.get("reason"), row.get("detail")) if part)
    where = f" (at {row['path']})" if row.get("path") else ""
    return f"{reason}{where}{_parked_as(row)}"


def _parked_as(row: dict[str, Any]) -> str:
    """The number by which `postroom parked` knows it."""
    return f"; parked as po-service/{row['parked']}" if row.get("parked") else ""
