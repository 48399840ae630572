"""`postroom rules`: the table in force, a check of a file before it counts, and a try of what an event would lead to."""

from pathlib import Path
from typing import Annotated, Any

import orjson
import typer

from postroom_cli import output
from postroom_cli.errors import REFUSED, CliError
from postroom_cli.options import DEMO, AsJson, Tenant, gateway
from postroom_cli.trial import tree

app = typer.Typer(no_args_is_help=True, help="The rules: list them, check a file before it counts, try what an event would lead to.")
Alone = Annotated[bool, typer.Option("--alone", help="The file is a whole table (POSTROOM_RULES), not one beside the house's.")]
RulesFile = Annotated[Path, typer.Argument(metavar="FILE", help="A file of rules, as in <custom>/rules/.")]


@app.command("list")
def list_(context: typer.Context, tenant: Tenant = DEMO, *, as_json: AsJson = False) -> None:
    """The rules in force; exit code 1 if a customer's file can't be used, whose last good version is."""
    with gateway(context, tenant) as door:
        answer = door.get("/api/rules")
    faults: dict[str, str] = answer.get("faults", {})
    if as_json:
        output.as_json(answer)
    else:
        console = output.console()
        if console.is_terminal:
            console.print(output.table(("rule", "event", "mail"), [_brief(rule) for rule in answer["rules"]]))
        else:
            console.print(output.table(("rule", "event", "message type", "mail", "file"), [_row(rule) for rule in answer["rules"]]))
        for fault in faults.values():
            output.console(stderr=True).print(output.text(f"{fault}. The last good version stays in force.", "red"))
    if faults:
        raise typer.Exit(REFUSED)


def _row(rule: dict[str, Any]) -> tuple[str, ...]:
    tells = rule.get("message_type") or f"withdraws {', '.join(rule.get('withdraws', [{}])[0].get('message_types', ()))}"
    mail = "mandatory" if rule.get("mandatory") else "inbox only" if "email" not in rule.get("channels", ["email"]) else "optional"
    return (rule["name"], rule["event"], tells, mail if rule.get("message_type") else "", rule.get("file", ""))


def _brief(rule: dict[str, Any]) -> tuple[str, ...]:
    """For a terminal: a type that is called like its rule, and the house's file, go without saying."""
    name, event, tells, mail, file = _row(rule)
    called = [] if tells == name else [f"as {tells}" if mail else tells.replace(" ", "\n")]
    return (name, event, "\n".join(part for part in (mail, *called, "" if file == "rules.yaml" else file) if part))


@app.command()
def check(context: typer.Context, file: RulesFile, tenant: Tenant = DEMO, *, alone: Alone = False, as_json: AsJson = False) -> None:
    """Would this file work, beside the house's rules and the customer's other files? Changes nothing; exit code 1 if not.

    Each rule is run over the golden examples of its event, too.
    """
    with gateway(context, tenant) as door:
        answer = door.post("/api/rules/check", json=_given(file, alone=alone))
    parkings: list[dict[str, str]] = answer["would_park"]
    if as_json:
        output.as_json(answer)
    else:
        _tell(file, answer["rules"], parkings)
    if parkings:
        raise typer.Exit(REFUSED)


def _tell(file: Path, rules: list[dict[str, Any]], parkings: list[dict[str, str]]) -> None:
    failing = {one["rule"] for one in parkings}
    for rule in rules:
        if rule["name"] in failing:
            continue
        tells = f"{rule['event']} → {rule['message_type'] or 'withdraws'}"
        instead = f", instead of {rule['replaces']}" if rule.get("replaces") else ""
        output.console().print(output.text(f"✓ {rule['name']}: {tells}{instead}", "green"))
    for detail in dict.fromkeys(one["detail"] for one in parkings):
        like = ", ".join(one["example"] for one in parkings if one["detail"] == detail)
        output.console().print(output.text(f"✗ An event like the example {like} would be parked: {detail}", "red"))
    count = f"{len(rules)} rule" if len(rules) == 1 else f"{len(rules)} rules"
    output.console().print(output.text(f"{file}: {count}, {f'{len(failing)} to mend' if failing else 'nothing wrong'}."))


@app.command("try")
def try_(
    context: typer.Context,
    given: Annotated[list[str], typer.Argument(metavar="[FILE] EVENT", help="The event: its JSON file, or a past one's id.")],
    emitter: Annotated[str | None, typer.Option(metavar="NAME", help="As if this registered system had written it.")] = None,
    tenant: Tenant = DEMO,
    *,
    alone: Alone = False,
    as_json: AsJson = False,
) -> None:
    """What would this event lead to, and why? Nothing is stored and nothing is sent.

    Without FILE by the rules in force. Exit code 1 if nobody would be told.
    """
    *files, event = given
    if len(files) > 1:
        raise CliError("usage", "Give at most one file of rules, and one event.", "postroom rules try my-rules.yaml event.json")
    asked = {**(_given(Path(files[0]), alone=alone) if files else {}), **_event(event), "emitter": emitter}
    with gateway(context, tenant) as door:
        answer = door.post("/api/rules/try", json=asked)
    if as_json:
        output.as_json(answer)
    else:
        output.console().print(tree(answer))
    if not any(rule["messages"] or rule["withdraws"] for rule in answer["rules"]):
        raise typer.Exit(REFUSED)


def _given(file: Path, *, alone: bool) -> dict[str, Any]:
    return {"text": _read(file).decode("utf-8", "replace"), "name": file.name, "alone": alone}


def _event(given: str) -> dict[str, Any]:
    """A file's event, or the id of a past one."""
    path = Path(given)
    if not path.is_file():
        return {"event_id": given}
    try:
        return {"event": orjson.loads(_read(path))}
    except orjson.JSONDecodeError as error:
        hint = "A structured CloudEvent, as those in shared/postroom/contracts/examples."
        raise CliError("no_json", f"{given} is no JSON: {error}.", hint) from error


def _read(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise CliError("unreadable", f"{file} can't be read: {error.strerror}.", "Give the path of a file.") from error
