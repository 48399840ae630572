"""Mails whose reply was lost: an operator looks at the mail server's log, and decides."""

from typing import Any

from gateway.routes import MAILER
from gateway.upstream import SERVER_ERROR
from gateway.web.visit import Form, Visit
from postroom.problems import Problem

FILTER = ("order", "address")


async def listed(visit: Visit, given: dict[str, str]) -> dict[str, Any] | None:
    """Those that wait for a person, as filtered; None while the mailer is away."""
    try:
        found: dict[str, Any] = await visit.get(MAILER, "/unknown", **given)
    except Problem as problem:
        if problem.status < SERVER_ERROR:
            raise
        return None
    return found


def filtered(form: Form | Any) -> dict[str, str]:
    """What the page was filtered by."""
    text = form.text if isinstance(form, Form) else lambda name: str(form.get(name, ""))
    return {name: value for name in FILTER if (value := text(name).strip())}


async def decide(visit: Visit, form: Form) -> list[dict[str, Any]]:
    """Carry out what was chosen, for the ticked ones or for all that match; → those that are something else by now."""
    body: dict[str, Any] = {"decision": form.text("then"), "reason": " ".join(form.text("reason").split())}
    if body["decision"] == "leave" and not body["reason"]:
        raise Problem(422, "reason_missing", "Say why they are not sent any more. Nothing was changed.", "reason")
    if form.text("all"):
        body["matching"] = {**filtered(form), "until": form.text("as_of")}
    elif not (chosen := form.all("one")):
        raise Problem(422, "nothing_ticked", "Tick the mails that you mean. Nothing was changed.")
    else:
        body["chosen"] = [_one(text) for text in chosen]
    refused: list[dict[str, Any]] = []
    while True:
        answer = (await visit.post(MAILER, "/unknown/decisions", body=body)).json()
        refused += answer["refused"]
        if not answer["left"]:
            return refused


def _one(text: str) -> dict[str, Any]:
    envelope, _, attempt = text.rpartition("/")
    if not attempt.isdecimal():
        raise Problem(422, "invalid", "This form can't be read. Load the page again; nothing was saved.")
    return {"envelope": envelope, "attempt": int(attempt)}
