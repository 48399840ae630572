"""The person's inbox of status messages, as the lobby of an e-procurement platform shows it."""

import re
from typing import Any
from urllib.parse import quote

from fastapi import Request
from starlette.responses import Response

from gateway import endless
from gateway.proxy import pass_on
from gateway.routes import MAILER
from gateway.web import page, routing
from gateway.web.visit import Acting, Form, Visiting, new_key
from postroom.problems import Problem

router = routing.router(prefix="/inbox")
PAGE = 50
_BETWEEN = re.compile(r"[\s,;]+")


@router.get("")
async def messages(visit: Visiting, unread: str = "", before: str = "") -> Response:
    """The messages, the newest first."""
    found = await visit.get(MAILER, "/inbox", unread="true" if unread else "", before=before, limit=PAGE)
    shown = {"messages": found["messages"], "unread": found["unread"], "next": found["next"], "only_unread": bool(unread)}
    return page.show(visit, "_messages.html" if visit.by_htmx else "inbox.html", before=before, **shown)


@router.get("/events")
async def events(request: Request, visit: Visiting) -> Response:
    """What happens in the inbox, as it happens: the mailer's stream, by the session instead of a token."""
    headers = [(b"authorization", f"Bearer {visit.token}".encode())]
    if since := request.headers.get("last-event-id"):
        headers.append((b"last-event-id", since.encode("latin-1")))
    asking = Request({**request.scope, "headers": headers}, request.receive)
    answer = await pass_on(asking, visit.upstream.streams(MAILER), MAILER, b"/inbox/events")
    answer.body_iterator = endless.until(visit.upstream.closing, answer.body_iterator)
    return answer


@router.post("/read-all")
async def read_all(acting: Acting) -> Response:
    """Mark all as read."""
    visit, _ = acting
    await visit.post(MAILER, "/inbox/read-all")
    return page.go(visit.request, "/inbox")


@router.get("/{message}")
async def message(visit: Visiting, message: str) -> Response:
    """One message; opening it is reading it."""
    found = await visit.get(MAILER, "/inbox/{}", message)
    if found["read_at"] is None and found["withdrawn_at"] is None:
        await visit.post(MAILER, "/inbox/{}/read", message)
    return page.show(visit, "message.html", message=found, key=new_key(), opens=opened(found["opens"]), problem=None, to="", note="")


@router.post("/{message}/unread")
async def mark_unread(message: str, acting: Acting) -> Response:
    """Keep it for later."""
    visit, _ = acting
    await visit.post(MAILER, "/inbox/{}/unread", message)
    return page.go(visit.request, "/inbox")


@router.post("/{message}/forward")
async def forward(message: str, acting: Acting) -> Response:
    """Pass it on to colleagues, with a word to them."""
    visit, form = acting
    try:
        body = {"to": _people(form), "note": form.text("note")}
        await visit.post(MAILER, "/inbox/{}/forward", message, body=body, key=form.text("key") or new_key())
    except Problem as problem:
        found = await visit.get(MAILER, "/inbox/{}", message)
        typed: dict[str, Any] = {"to": form.text("to"), "note": form.text("note"), "key": form.text("key") or new_key()}
        return page.show(
            visit, "message.html", status=problem.status, message=found, opens=opened(found["opens"]), problem=problem, **typed
        )
    return page.go(visit.request, f"/inbox/{quote(message, safe='')}")


def _people(form: Form) -> list[str]:
    found = [one for one in _BETWEEN.split(form.text("to")) if one]
    if not found:
        raise Problem(422, "invalid", "Name at least one person: their user names, with a comma between them.", "to")
    return found


def opened(opens: dict[str, str] | None) -> str:
    """The page that a click on the message leads to; '' where there is none of ours."""
    ours = opens and opens["what"] == "order" and "/" not in opens["id"]
    return f"/purchase-orders/{quote(opens['id'], safe='')}" if ours and opens else ""
