"""The gateway's explanation as a tree: one function a kind of branch."""

from typing import Any

from rich.text import Text
from rich.tree import Tree

from postroom_cli import output
from postroom_cli.facts import at, line, reply, state
from postroom_cli.purchasing import purchasing

Json = dict[str, Any]


def tree(ref: str, answer: Json) -> Tree:
    """The whole answer as a tree."""
    root = Tree(output.text(ref, "bold"))
    purchasing(root, answer)
    if answer.get("more"):
        root.add(output.text("the newest of it; ask with the id of an event or a message to see what is older", "yellow"))
    for event in answer.get("events", ()):
        _event(root, event, ref)
    for log in answer.get("logs", ()):
        _log(root, log)
    for correspondence in answer.get("correspondences", ()):
        _correspondence(root, correspondence)
    for message in answer.get("messages", ()):
        _message(root, message)
    for row in answer.get("parked", ()):
        _parked(root, row)
    return root


def _event(root: Tree, event: Json, ref: str) -> None:
    order = f"order {event['order_number']}" if event.get("order_number") not in {None, "", ref} else ""
    facts = (event["type"], f"from {event['source']}", order, at(event, "accepted_at"))
    branch = root.add(line("event", "bold cyan", *facts, ident=event["id"]))
    for decision in event.get("decisions", ()):
        _decision(branch, decision)
    if not event.get("decisions"):
        branch.add(output.text("no decision yet", "yellow"))


def _decision(branch: Tree, decision: Json) -> None:
    who = f"→ {decision['person']}" if decision.get("person") else ""
    hop = f"as {decision['hop']}" if decision.get("hop") else ""
    kind = decision.get("message_type") or ""
    twig = branch.add(state(decision["outcome"], decision["rule"], kind if kind != decision["rule"] else "", who, hop, decision["reason"]))
    message = decision.get("message")
    if isinstance(message, dict):
        _message(twig, message)
    elif message:
        twig.add(line("message", "bold", message, "on its way to the mailer"))


def _message(branch: Tree, message: Json) -> None:
    recipient = message.get("recipient") or {}
    to = " ".join(part for part in (recipient.get("name"), f"<{recipient['email']}>" if recipient.get("email") else "") if part)
    subject = f"“{message['subject']}”" if message.get("subject") else message["message_type"]
    twig = branch.add(line("message", "bold", subject, f"to {to}" if to else "", at(message, "created_at"), ident=message["message"]))
    if message.get("withdrawn"):
        twig.add(_withdrawn(message["withdrawn"]))
    envelopes = message.get("envelopes", ())
    for envelope in envelopes:
        _envelope(twig, envelope)
    if message.get("digest"):
        twig.add(_digest(message))
    elif not envelopes:
        unmailed = message.get("unmailed")
        twig.add(output.text(f"no mail: {unmailed}" if unmailed else "in the inbox only, no mail", "dim"))


def _withdrawn(void: Json) -> Text:
    """What does not hold any more, why, and which event said so."""
    lines = "" if void["whole"] else "only " + ", ".join(void["about"])
    return state("withdrawn", lines, void["reason"], f"by {void['cause']['type']} {void['cause']['id']}", at(void, "at"))


def _digest(message: Json) -> Text:
    """Where the mail of a message is that goes with others, once a day."""
    digest, moment = message["digest"], at(message["digest"], "moment")
    if digest["message"]:
        where = ", ".join(f"{one['state']} to {one['address']}" for one in digest["envelopes"])
        return line("digest", "bold", f"of {moment}", where, ident=digest["message"])
    if (message.get("withdrawn") or {}).get("whole"):
        return line("digest", "dim", f"of {moment}", "left out of it")
    return state("waiting", f"for the daily digest of {moment}")


def _envelope(branch: Tree, envelope: Json) -> None:
    held = f"held: {envelope['hold_reason']}" if envelope.get("hold_reason") else ""
    due = f"next attempt {at(envelope, 'next_attempt_at')}" if envelope.get("next_attempt_at") else ""
    attempts = envelope.get("attempts", ())
    # What the server said stands at the attempt already.
    why = "" if attempts else envelope.get("detail")
    twig = branch.add(state(envelope["state"], envelope["address"], held, due, why))
    for attempt in attempts:
        twig.add(line(f"attempt {attempt['attempt']}", "dim", at(attempt, "opened_at"), attempt.get("result") or "open", reply(attempt)))


def _log(root: Tree, log: Json) -> None:
    author = log.get("author") or {}
    root.add(line("log", "bold magenta", log.get("log_type"), f"by {author.get('name', '?')}", at(log, "created_at"), ident=log["log"]))


def _correspondence(root: Tree, row: Json) -> None:
    sender = row.get("sender") or {}
    subject = f"“{row.get('subject', '')}”"
    branch = root.add(
        line("correspondence", "bold magenta", subject, f"by {sender.get('name', '?')}", at(row, "requested_at"), ident=row["send"])
    )
    for recipient in row.get("recipients", ()):
        branch.add(state(recipient["state"], recipient["address"], reply(recipient)))
    for message in row.get("messages", ()):
        _message(branch, message)


def _parked(root: Tree, row: Json) -> None:
    place = f"at {row['path']}" if row.get("path") else ""
    closed = f"closed: {row['closed_by']}" if row.get("closed_by") else ""
    root.add(state("parked", f"{row['service']}/{row['id']}", f"{row['reason']}: {row['detail']}", place, closed, at(row, "parked_at")))
