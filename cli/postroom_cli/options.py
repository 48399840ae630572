"""The options that commands share."""

from typing import Annotated

import typer

from postroom_cli.client import Gateway
from postroom_cli.settings import Settings

# Named one by one, for Typer would take a metavar as the option's name.
AsJson = Annotated[bool, typer.Option("--json", help="The machine form on stdout; errors as JSON on stderr.")]
Tenant = Annotated[str, typer.Option("--tenant", envvar="POSTROOM_TENANT", help="The buying organisation.", metavar="TENANT")]
As = Annotated[
    str | None, typer.Option("--as", metavar="PERSON", help="Sign in as this person (local issuer); else POSTROOM_TOKEN, or the operator.")
]
DEMO = "demo"


def settings(context: typer.Context) -> Settings:
    """The settings that the root command put together."""
    return context.ensure_object(Settings)


def gateway(context: typer.Context, tenant: str, person: str | None = None) -> Gateway:
    """The gateway, as the tenant's operator or as a person of it."""
    return Gateway(settings(context), tenant, person)
