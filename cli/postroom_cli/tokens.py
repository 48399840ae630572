"""`postroom token`: a token of the local issuer, for trying things out."""

import sys
from typing import Annotated

import typer

from postroom_cli import output
from postroom_cli.options import DEMO, AsJson, Tenant, gateway

Person = Annotated[str, typer.Argument(help="The person's id in the directory, or `operator`.")]


def token(context: typer.Context, person: Person, tenant: Tenant = DEMO, *, as_json: AsJson = False) -> None:
    """A token of this person, to send as `Authorization: Bearer …` (local issuer only)."""
    with gateway(context, tenant) as door:
        answer = door.token(person)
    if as_json:
        output.as_json(answer)
    else:
        # Bare, so that TOKEN=$(postroom token jane) works.
        sys.stdout.write(f"{answer['token']}\n")
