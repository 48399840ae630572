"""`postroom explain`: what became of an event, a message or an order, and why (not)."""

from typing import Annotated, Any
from urllib.parse import quote

import typer
from rich.text import Text
from rich.tree import Tree

from postroom_cli import output
from postroom_cli.errors import REFUSED
from postroom_cli.options import DEMO, AsJson, Tenant, gateway

Ref = Annotated[str, typer.Argument(metavar="EVENT_ID|MESSAGE_ID|ORDER_NO")]
_HINT = """\
It may not have arrived yet (`postroom status` shows the lag), or wait for its order.
Take an event's id, a message's id or an order's number."""
_PARTS = ("events", "messages", "correspondences", "parked")


def explain(context: typer.Context, ref: Ref, tenant: Tenant = DEMO, *, as_json: AsJson = False) -> None:
    """Event → decisions → messages → envelopes → attempts, and why nothing was sent. Exit code 1 if nothing is known."""
    with gateway(context, tenant) as door:
        answer = door.get(f"/explain/{quote(ref, safe='')}")
    known = any(answer.get(part) for part in _PARTS)
    if as_json:
        output.as_json(answer)
    elif known:
        output.console().print(tree(ref, answer))
    else:
        _nothing(ref)
    if not known:
        raise typer.Exit(REFUSED)


def _nothing(ref: str) -> None:
    output.console().print(output.text(f"Nothing is known about {ref}."))
    output.console().print(output.text(_HINT, "dim"))


def tree(ref: str, answer: dict[str, Any]) -> Tree:
    """The whole answer as a tree."""
    root = Tree(output.text(ref, "bold"))
    for event in answer.get("events", ()):
        _event(root, event)
    for message in answer.get("messages", ()):
        _message(root, message)
    for correspondence in answer.get("correspondences", ()):
        _correspondence(root, correspondence)
    for row in answer.get("parked", ()):
        root.add(_line("parked", "red", f"{row.get('service')}/{row['id']}", f"{row['reason']}: {row['detail']}", row.get("path") or ""))
    return root


def _event(root: Tree, event: dict[str, Any]) -> None:
    facts = (event["type"], event["id"], f"from {event['source']}", _order(event), output.moment(event["accepted_at"]))
    branch = root.add(_line("event", "bold cyan", *facts))
    decisions = event.get("decisions", ())
    for decision in decisions:
        who = f"→ {decision['person']}" if decision.get("person") else ""
        hop = f"as {decision['hop']}" if decision.get("hop") else ""
        what = (
            decision["rule"],
            decision["message_type"] if decision["message_type"] != decision["rule"] else "",
            who,
            hop,
            decision["reason"],
        )
        twig = branch.add(Text.assemble(output.text(decision["outcome"]), " ", _line("", "", *what)))
        message = decision.get("message")
        if isinstance(message, dict):
            _message(twig, message)
    if not decisions:
        branch.add(output.text("no decision yet", "yellow"))


def _message(branch: Tree, message: dict[str, Any]) -> None:
    recipient = message.get("recipient") or {}
    to = " ".join(filter(None, (recipient.get("name"), f"<{recipient['email']}>" if recipient.get("email") else "")))
    twig = branch.add(
        _line("message", "bold", f"“{message.get('subject') or message['message_type']}”", f"to {to}" if to else "", message["message"])
    )
    envelopes = message.get("envelopes", ())
    for envelope in envelopes:
        _envelope(twig, envelope)
    if not envelopes:
        twig.add(output.text(message.get("reason") or "inbox only, no mail", "dim"))


def _envelope(branch: Tree, envelope: dict[str, Any]) -> None:
    due = f"next attempt {output.moment(envelope['next_attempt_at'])}" if envelope.get("next_attempt_at") else ""
    held = f"held: {envelope['hold_reason']}" if envelope.get("hold_reason") else ""
    twig = branch.add(Text.assemble(output.text(envelope["state"]), " ", _line("", "", envelope["address"], held, due)))
    for attempt in envelope.get("attempts", ()):
        when = output.moment(attempt["opened_at"])
        reply = " ".join(str(part) for part in (attempt.get("code"), attempt.get("detail")) if part)
        twig.add(_line(f"attempt {attempt['attempt']}", "dim", when, attempt.get("result") or "open", reply))


def _correspondence(root: Tree, row: dict[str, Any]) -> None:
    facts = [f"{name.replace('_', ' ')} {value}" for name, value in row.items() if isinstance(value, str | int)]
    branch = root.add(_line("correspondence", "bold magenta", *facts))
    for recipient in row.get("recipients", ()):
        branch.add(
            Text.assemble(output.text(recipient.get("state")), " ", _line("", "", recipient.get("address"), recipient.get("detail")))
        )


def _order(event: dict[str, Any]) -> str:
    return f"order {event['order_number']}" if event.get("order_number") else ""


def _line(word: str, style: str, *facts: Any) -> Text:
    """The kind of thing in its style, then the facts that are there."""
    rest = " · ".join(output.plain(fact) for fact in facts if fact)
    return Text.assemble((word, style), " " if word else "", rest)
