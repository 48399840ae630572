"""`postroom restore`: the database came from an older copy; what may be out already, and how to go on."""

from typing import Annotated, Any

import typer

from postroom_cli import output
from postroom_cli.errors import REFUSED, CliError
from postroom_cli.options import DEMO, AsJson, Tenant, gateway

app = typer.Typer(no_args_is_help=True, help="After a restore from an older copy: what is known, what is in doubt, and going on.")
MAILER = "mailer-service"


@app.command()
def status(context: typer.Context, tenant: Tenant = DEMO, *, as_json: AsJson = False) -> None:
    """Which services run on an older copy, and how far the mailer knows what is out. Exit code 1 while sending is held."""
    with gateway(context, tenant) as door:
        answer = door.get("/restore")
    services: dict[str, Any] = answer["services"]
    if as_json:
        output.as_json(answer)
    else:
        output.missing(answer.get("unreachable", ()))
        rows = [row for name, told in services.items() for row in _rows(name, told)]
        output.console().print(output.table(("service", "", ""), rows) if rows else "No service runs on an older copy.")
    if any(told["older_copy"] for told in services.values()):
        raise typer.Exit(REFUSED)


def _rows(name: str, told: dict[str, Any]) -> list[tuple[str, str, str]]:
    rows = []
    if held := told["older_copy"]:
        gone = f", of which {held['records_gone']} are in Kafka no more" if held["records_gone"] else ""
        rows.append((name, "an older copy", f"found {output.moment(held['found_at'])}, {held['records_behind']} records behind{gone}"))
        rows.append(("", "taken about", output.moment(held["last_sign"]) or "before it published anything"))
    if held and name == MAILER:
        read = f"{told['sent_by_outcomes']} sent, the last {output.moment(told['last_outcome'])}" if told["outcomes_read"] else "being read"
        rows.append(("", "outcomes since", read))
        rows.append(("", "read again", "all" if told["read_again"] else "not yet all"))
    if told.get("doubtful"):
        rows.append(("" if held else name, "in doubt", f"{told['doubtful']} mails may be out already: postroom restore list"))
    return rows


@app.command("list")
def list_(context: typer.Context, tenant: Tenant = DEMO, *, as_json: AsJson = False) -> None:
    """The mails that may be out already: compare them with the mail server's log."""
    with gateway(context, tenant) as door:
        answer = door.get("/restore")
    if MAILER not in answer["services"]:
        raise CliError("unreachable", "mailer-service does not answer.", "Try again when it does.")
    told = answer["services"][MAILER]
    if as_json:
        output.as_json({"doubtful": told["doubtful"], "envelopes": told["envelopes"]})
        return
    columns = ("envelope", "message_type", "order_number", "address", "state", "created_at")
    rows = [[output.moment(row[name]) if name == "created_at" else row[name] for name in columns] for row in told["envelopes"]]
    output.console().print(output.table([name.replace("_", " ") for name in columns], rows) if rows else "Nothing is in doubt.")
    if told["doubtful"] > len(rows):
        output.console(stderr=True).print(output.text(f"{told['doubtful']} in all, of every tenant.", "yellow"))


@app.command()
def release(
    context: typer.Context,
    tenant: Tenant = DEMO,
    *,
    all_: Annotated[bool, typer.Option("--all", help="Send also what may be out already: some may come twice.")] = False,
    sent_by_outcomes: Annotated[
        bool,
        typer.Option("--sent-by-outcomes", help="Send what is certainly not out; hold what may be, each for a person."),
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Go on sending. What its outcome in Kafka calls sent is never sent again."""
    if all_ == sent_by_outcomes:
        raise CliError("usage", "Say how: --all, or --sent-by-outcomes.", "postroom restore status and list show what is in doubt.")
    with gateway(context, tenant) as door:
        answer = door.post("/restore/release", json={"doubtful": "send" if all_ else "hold"})
    if as_json:
        output.as_json(answer)
        return
    output.missing(answer.get("unreachable", ()))
    mailer = answer["services"][MAILER]
    told = f"{mailer['sent_again']} that were in doubt are sent" if all_ else f"{mailer['held']} that are in doubt are held"
    output.console().print(output.text(f"Sending goes on: {told}.", "green"))
