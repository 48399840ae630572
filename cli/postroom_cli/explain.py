"""`postroom explain`: what became of an order, a document, an event or a message, and why (not)."""

from typing import Annotated
from urllib.parse import quote

import typer

from postroom_cli import output
from postroom_cli.errors import REFUSED
from postroom_cli.options import DEMO, AsJson, Tenant, gateway
from postroom_cli.story import tree

Ref = Annotated[
    str,
    typer.Argument(
        metavar="REF", help="The number or id of an order, invoice or document, or the id of a budget, template, event, message …"
    ),
]
_PARTS = ("orders", "catalogs", "invoices", "documents", "events", "messages", "correspondences", "logs", "parked")
_HINT = """\
It may not have arrived yet (`postroom status` shows the lag), or may be parked under no name (`postroom parked list`).
Take the number or id of an order, an invoice, a document or a delivery note, or the id of a budget, a cost code, a template, a catalog,
an event or a message."""


def explain(context: typer.Context, ref: Ref, tenant: Tenant = DEMO, *, as_json: AsJson = False) -> None:
    """Order → documents → events → decisions → messages → attempts, and why nothing was sent. Exit code 1 if nothing is known."""
    with gateway(context, tenant) as door:
        answer = door.get(f"/explain/{quote(ref, safe='')}", or_empty=True)
    known = any(answer.get(part) for part in _PARTS)
    if as_json:
        output.as_json({"ref": ref, **answer})
    else:
        output.missing(answer.get("unavailable", ()))
        if known:
            output.console().print(tree(ref, answer))
        else:
            _nothing(ref)
    if not known:
        raise typer.Exit(REFUSED)


def _nothing(ref: str) -> None:
    output.console().print(output.text(f"Nothing is known about {ref}."))
    output.console().print(output.text(_HINT, "dim"))
