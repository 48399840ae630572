"""A tried event as a tree: rule → conditions → people → claims → mail, one function a kind of branch."""

from typing import Any

from rich.panel import Panel
from rich.tree import Tree

from postroom_cli import output
from postroom_cli.facts import line, state

Json = dict[str, Any]


def tree(answer: Json) -> Tree:
    """The whole answer as a tree."""
    event = answer["event"]
    root = Tree(line("event", "bold cyan", event["type"], f"from {event['emitter']}", f"subject {event['subject']}", ident=event["id"]))
    for rule in answer["rules"]:
        _rule(root, rule)
    if answer.get("none"):
        root.add(state("none", answer["none"]))
    root.add(output.text("tried only: nothing was stored and nothing was sent", "dim"))
    return root


def _rule(root: Tree, rule: Json) -> None:
    branch = root.add(line("rule", "bold", rule["rule"], rule["message_type"] if rule["message_type"] != rule["rule"] else ""))
    for one in rule["conditions"]:
        _condition(branch, one)
    if rule["error"]:
        branch.add(state("parked", rule["error"]))
    told = {message["message"] for message in rule["messages"]}
    for decision in rule["decisions"]:
        if decision["message"] not in told:
            who = f"→ {decision['person']}" if decision["person"] else ""
            twig = branch.add(state(decision["outcome"], who, decision["hop"] and f"as {decision['hop']}", decision["reason"]))
            _claims(twig, decision.get("claims", ()))
    for message in rule["messages"]:
        _message(branch, message)
    for one in rule["withdraws"]:
        _withdrawal(branch, one)


def _condition(branch: Tree, one: Json) -> None:
    passed = one["passed"]
    mark, style = {True: ("✓", "green"), False: ("✗", "red"), None: ("?", "yellow")}[passed]
    lines = f"{one['passed_lines']} of {one['lines']} line(s)" if one.get("lines") is not None else ""
    branch.add(line(mark, style, one["source"], lines, "" if passed else one["error"] or one["otherwise"]))


def _message(branch: Tree, message: Json) -> None:
    to = message["recipient"]
    address = f"<{to['email']}>" if to.get("email") else "no address"
    twig = branch.add(state("message", f"→ {to['name']} ({to['person']}) {address}", f"as {to['hop']}", message["reason"]))
    _claims(twig, message["claims"])
    twig.add(line("mail", "bold", message["mail"]))
    preview = message["preview"]
    if preview:
        twig.add(Panel(output.text(preview["text"]), title=output.text(preview["subject"], "bold"), title_align="left", expand=False))
    else:
        twig.add(output.text(message["no_preview"], "yellow"))


def _claims(twig: Tree, claims: Any) -> None:
    for claim in claims:
        twig.add(line("claim", "bold", claim["key"], f"about {claim['about']}", _taken(claim)))


def _taken(claim: Json) -> str:
    if not claim["taken"]:
        return "free"
    told = f"told in message {', '.join(claim['messages'])}"
    return f"{told} by this event itself" if claim["itself"] else f"taken: {told}"


def _withdrawal(branch: Tree, one: Json) -> None:
    told = f"from message {', '.join(one['messages'])}" if one["messages"] else "nothing of it has been told"
    branch.add(line("withdraws", "bold yellow", ", ".join(one["message_types"]), f"about {', '.join(one['about'])}", told))
