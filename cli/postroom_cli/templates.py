"""`postroom templates`: what mails read like, and a customer's own words: checked, previewed, tested, saved."""

from pathlib import Path
from typing import Annotated, Any
from urllib.parse import quote

import orjson
import typer
from rich.text import Text

from postroom_cli import output
from postroom_cli.client import Gateway
from postroom_cli.errors import REFUSED, CliError
from postroom_cli.folders import read_folder, write_folder
from postroom_cli.options import DEMO, AsJson, Tenant, gateway

app = typer.Typer(no_args_is_help=True, help="The templates of mails: list and show them, check, preview, test and save your own.")
MessageType = Annotated[str, typer.Argument(metavar="TYPE", help="The message type, such as budget-warning.")]
FolderArgument = Annotated[Path, typer.Argument(metavar="FOLDER", help="subject.txt, body.txt, body.html, and the same below de/.")]
Event = Annotated[
    str | None, typer.Option("--event", metavar="TYPE", help="The event it tells of, such as BudgetExpired.v1; else that of past messages.")
]
Message = Annotated[str | None, typer.Option("--message", metavar="ID", help="A past message whose facts it shows, of any type.")]
Facts = Annotated[Path | None, typer.Option("--facts", metavar="FILE", help="Facts instead: a CloudEvent, or its data, as JSON.")]
Language = Annotated[str | None, typer.Option("--language", metavar="TAG", help="en, de, de-AT …; else the message's.")]


@app.command("list")
def list_(context: typer.Context, tenant: Tenant = DEMO, *, as_json: AsJson = False) -> None:
    """The message types that have templates; exit code 1 if some of the customer's can't be used."""
    with gateway(context, tenant) as door:
        answer = door.get("/api/templates")
    rows: list[dict[str, Any]] = answer["templates"]
    if as_json:
        output.as_json(answer)
    else:
        shown = [(row["message_type"], row["whose"] or "nobody's", " ".join(row["languages"]), _state(row)) for row in rows]
        output.console().print(output.table(("message type", "whose", "languages", "state"), shown))
        output.console().print(output.text(f"The customer's folder: {answer['custom'] or 'none (POSTROOM_CUSTOM)'}", "dim"))
    if any(row["problem"] for row in rows):
        raise typer.Exit(REFUSED)


def _state(row: dict[str, Any]) -> Text:
    if not row["problem"]:
        return output.text("in force", "green")
    return output.text(f"{'what was in force before stays' if row['whose'] else 'its mails are held'}: {row['problem']}", "red")


@app.command()
def show(
    context: typer.Context,
    message_type: MessageType,
    to: Annotated[Path | None, typer.Option("--to", metavar="FOLDER", help="Write the files there, to start from.")] = None,
    tenant: Tenant = DEMO,
    *,
    as_json: AsJson = False,
) -> None:
    """The files of a type that are in force."""
    with gateway(context, tenant) as door:
        answer = door.get(_path(message_type))
    if to:
        write_folder(to, answer["files"])
        output.console(stderr=as_json).print(output.text(f"{len(answer['files'])} files written to {to}.", "green"))
    elif not as_json:
        for name, text in answer["files"].items():
            output.console().print(output.text(f"── {name}", "bold"), output.text(text), sep="\n")
    if as_json:
        output.as_json(answer)


@app.command()
def check(context: typer.Context, folder: FolderArgument, event: Event = None, tenant: Tenant = DEMO, *, as_json: AsJson = False) -> None:
    """What is wrong with these templates? The folder is named like the message type. Changes nothing; exit code 1 if something is."""
    files = read_folder(folder)
    with gateway(context, tenant) as door:
        answer = _checked(door, folder.resolve().name, files, event)
    if as_json:
        output.as_json(answer)
    else:
        _tell(folder, answer)
    if not answer["ok"]:
        raise typer.Exit(REFUSED)


@app.command()
def save(
    context: typer.Context,
    message_type: MessageType,
    folder: FolderArgument,
    event: Event = None,
    tenant: Tenant = DEMO,
    *,
    as_json: AsJson = False,
) -> None:
    """Check these templates and put them in force, in place of the type's as a whole; nothing is saved if something is wrong."""
    files = read_folder(folder)
    with gateway(context, tenant) as door:
        answer = _checked(door, message_type, files, event)
        if answer["ok"]:
            answer |= door.put(_path(message_type), json={"event": event, "files": files})
    if as_json:
        output.as_json(answer)
    else:
        _tell(folder, answer)
    if not answer["ok"]:
        raise typer.Exit(REFUSED)
    if not as_json:
        output.console().print(output.text(f"{message_type}: in force from now on.", "green"))


@app.command()
def remove(context: typer.Context, message_type: MessageType, tenant: Tenant = DEMO, *, as_json: AsJson = False) -> None:
    """Take the customer's templates of a type away; the house's, if there are some, are in force again."""
    with gateway(context, tenant) as door:
        answer = door.delete(_path(message_type))
    if as_json:
        output.as_json(answer)
        return
    now = "the house's are in force again" if answer["whose"] else "there are none now, and its mails will be held"
    output.console().print(output.text(f"{message_type}: {now}." if answer["removed"] else f"{message_type}: the customer has none."))


@app.command()
def preview(  # noqa: PLR0913 - each option is an argument
    context: typer.Context,
    message_type: MessageType,
    message: Message = None,
    facts: Facts = None,
    language: Language = None,
    folder: Annotated[Path | None, typer.Option("--folder", metavar="FOLDER", help="With these files, which are not saved yet.")] = None,
    html: Annotated[Path | None, typer.Option("--html", metavar="FILE", help="Write the HTML part there, to open in a browser.")] = None,
    tenant: Tenant = DEMO,
    *,
    as_json: AsJson = False,
) -> None:
    """The mail as its reader would see it; nothing is sent."""
    asked = {**_asked(message, facts, language), **({"files": read_folder(folder)} if folder else {})}
    with gateway(context, tenant) as door:
        answer = door.post(f"{_path(message_type)}/preview", json=asked)
    if html:
        html.write_text(answer["html"], "utf-8")
    if as_json:
        output.as_json(answer)
        return
    output.console().print(Text.assemble(("Subject: ", "dim"), (output.plain(answer["subject"]), "bold")), output.text(""), sep="\n")
    output.console().print(output.text(answer["text"]))
    if html:
        output.console().print(output.text(f"The HTML part is in {html}.", "dim"))


@app.command("test")
def send_test(
    context: typer.Context,
    message_type: MessageType,
    message: Message = None,
    facts: Facts = None,
    language: Language = None,
    to: Annotated[
        str | None, typer.Option("--to", metavar="ADDRESS", envvar="POSTROOM_EMAIL", help="Your address (local issuer; else your token's).")
    ] = None,
    tenant: Tenant = DEMO,
    *,
    as_json: AsJson = False,
) -> None:
    """Send the mail to yourself, marked as a test; nobody else gets it."""
    with gateway(context, tenant) as door:
        if to:
            door.reachable_at(to)
        answer = door.post(f"{_path(message_type)}/test", json=_asked(message, facts, language))
    if as_json:
        output.as_json(answer)
        return
    output.console().print(output.text(f"“{answer['subject']}” is on its way to {answer['to']}.", "green"))
    output.console().print(output.text(f"postroom explain {answer['message']} tells what becomes of it.", "dim"))


def _checked(door: Gateway, message_type: str, files: dict[str, str], event: str | None) -> dict[str, Any]:
    return dict(door.post(f"{_path(message_type)}/check", json={"event": event, "files": files}))


def _tell(folder: Path, answer: dict[str, Any]) -> None:
    """The findings as compilers print them, so that editors jump to the line."""
    for one in answer["findings"]:
        place = f"{folder / one['file']}:{one['line']}" if one["line"] else str(folder / one["file"])
        output.console().print(Text.assemble((place, "bold"), ": ", (output.plain(one["problem"]), "red")))
    if answer["ok"]:
        told = (
            f"{answer['message_type']}: nothing wrong, with each of {', '.join(answer['examples'])} ({answer['event']}) in every language."
        )
        output.console().print(output.text(told, "green"))
    else:
        output.console().print(output.text(f"{len(answer['findings'])} to mend.", "red"))


def _asked(message: str | None, facts: Path | None, language: str | None) -> dict[str, Any]:
    if (message is None) == (facts is None):
        raise CliError("usage", "Give --message ID or --facts FILE.", "postroom explain names the messages of an order or an event.")
    return {"language": language, **({"message": message} if facts is None else _facts(facts))}


def _facts(file: Path) -> dict[str, Any]:
    """The data of an event, with its type; or data alone, taken as they are."""
    try:
        found = orjson.loads(file.read_bytes())
    except (OSError, orjson.JSONDecodeError) as error:
        raise CliError("unreadable", f"{file} can't be read: {error}.", "A CloudEvent, or its data, as a JSON object.") from error
    if not isinstance(found, dict):
        raise CliError("unreadable", f"{file} is no JSON object.", "A CloudEvent, or its data.")
    return {"facts": found.get("data"), "event": found.get("type")} if "specversion" in found else {"facts": found}


def _path(message_type: str) -> str:
    return f"/api/templates/{quote(message_type, safe='')}"
