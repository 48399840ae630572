"""`postroom preferences`: how a person wants their mail."""

import re
from typing import Annotated, Any

import typer

from postroom_cli import output
from postroom_cli.errors import CliError
from postroom_cli.options import DEMO, As, AsJson, Tenant, gateway

app = typer.Typer(no_args_is_help=True, help="How a person wants their mail: now, in the daily digest, or off; quiet hours.")
_QUIET = re.compile(r"(\d\d:\d\d)-(\d\d:\d\d)")
_PATH = "/api/preferences"
_HINT = "One of now, digest, off; or default, to follow --mail again. As in `postroom preferences set --as anna catalog-changed=digest`."


@app.command()
def show(
    context: typer.Context,
    person: Annotated[str | None, typer.Argument(metavar="PERSON", help="Somebody's, read as operator; left out: your own.")] = None,
    as_: As = None,
    tenant: Tenant = DEMO,
    *,
    as_json: AsJson = False,
) -> None:
    """Every message type that can go by mail, and how the person wants it."""
    with gateway(context, tenant, as_) as door:
        _tell(door.get(_PATH, person=person), as_json=as_json)


@app.command("set")
def set_(
    context: typer.Context,
    types: Annotated[list[str] | None, typer.Argument(metavar="TYPE=MAIL…", help="now, digest, off or default, by type.")] = None,
    mail: Annotated[str | None, typer.Option("--mail", metavar="MAIL", help="For all optional types: now, digest or off.")] = None,
    quiet: Annotated[str | None, typer.Option("--quiet", metavar="FROM-UNTIL", help="Quiet hours: 22:00-06:00, or none.")] = None,
    digest_at: Annotated[str | None, typer.Option("--digest-at", metavar="HH:MM", help="When the daily digest comes.")] = None,
    as_: As = None,
    tenant: Tenant = DEMO,
    *,
    as_json: AsJson = False,
) -> None:
    """Set your own (--as PERSON, or POSTROOM_TOKEN); what isn't named stays. Exit code 1 for a mandatory type: nobody switches it off."""
    wishes: dict[str, Any] = {"types": dict(_wish(one) for one in types or ())}
    wishes |= {name: value for name, value in (("mail", mail), ("digest_at", digest_at)) if value is not None}
    if quiet is not None:
        wishes["quiet_hours"] = _quiet(quiet)
    with gateway(context, tenant, as_) as door:
        _tell(door.put(_PATH, json=wishes), as_json=as_json)


def _wish(given: str) -> tuple[str, str | None]:
    name, equals, mail = given.partition("=")
    if not name or not equals:
        raise CliError("usage", f"{given!r} is no TYPE=MAIL.", _HINT)
    return name, None if mail == "default" else mail


def _quiet(given: str) -> dict[str, str] | None:
    if given == "none":
        return None
    if not (found := _QUIET.fullmatch(given)):
        raise CliError("usage", f"{given!r} are no quiet hours.", "Give them as 22:00-06:00, or none for no quiet hours.")
    return {"from": found[1], "until": found[2]}


def _tell(answer: dict[str, Any], *, as_json: bool) -> None:
    if as_json:
        output.as_json(answer)
        return
    quiet, console = answer["quiet_hours"], output.console()
    to = f"<{answer['email']}>" if answer["email"] else "no address: the inbox only"
    console.print(output.text(f"{answer['name']} ({answer['person']}) {to}", "bold"))
    console.print(
        output.text(f"optional mail {answer['mail']} · digest at {answer['digest_at']} · {_quiet_told(quiet)} · {answer['zone']}")
    )
    rows = [(one["message_type"], one["label"]["en"], one["mail"], _why(one)) for one in answer["types"]]
    console.print(output.table(("type", "", "mail", ""), rows))


def _quiet_told(quiet: dict[str, str] | None) -> str:
    return f"quiet from {quiet['from']} until {quiet['until']}" if quiet else "no quiet hours"


def _why(one: dict[str, Any]) -> str:
    return "mandatory" if one["mandatory"] else "" if one["own"] else "as all"
