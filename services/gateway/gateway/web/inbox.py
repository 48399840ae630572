"""The person's inbox of status messages, as the lobby of an e-procurement platform shows it."""

from typing import Any
from urllib.parse import quote

from fastapi import Request
from starlette.responses import Response

from gateway import endless
from gateway.proxy import pass_on
from gateway.routes import MAILER
from gateway.upstream import away
from gateway.web import page, routing
from gateway.web.visit import Acting, Form, Visit, Visiting, new_key, typed
from gateway.web.visit import found as signed_in
from postroom.problems import DATABASE_AWAY, Problem

router = routing.router(prefix="/inbox")
PAGE = 50
OK, NO_CONTENT = 200, 204
COME_BACK = b"retry: 5000\n\n"


@router.get("")
async def messages(visit: Visiting, unread: str = "", before: str = "", until: str = "") -> Response:
    """The messages, the newest first; `until` is the first of those on the pages before."""
    found = await visit.get(MAILER, "/inbox", unread="true" if unread else "", before=before, limit=PAGE)
    shown = {"messages": found["messages"], "unread": found["unread"], "next": found["next"], "only_unread": bool(unread)}
    newest = found["messages"][0]["message"] if found["messages"] else ""
    return page.show(visit, "_messages.html" if visit.by_htmx else "inbox.html", before=before, until=until or newest, **shown)


@router.get("/events")
async def events(request: Request) -> Response:
    """What happens in the inbox, as it happens: the mailer's stream, by the session instead of a token.

    A browser gives up for good when it is answered an error. So it hears only that it should stop, once nobody is signed in, or
    come back in a moment.
    """
    try:
        visit = await signed_in(request)
        return await _stream(request, visit) if visit else Response(status_code=NO_CONTENT)
    except (Problem, *DATABASE_AWAY):
        return Response(COME_BACK, media_type="text/event-stream", headers={"cache-control": "no-store"})


async def _stream(request: Request, visit: Visit) -> Response:
    headers = [(b"authorization", f"Bearer {visit.token}".encode())]
    if since := request.headers.get("last-event-id"):
        headers.append((b"last-event-id", since.encode("latin-1")))
    asking = Request({**request.scope, "headers": headers}, request.receive)
    answer = await pass_on(asking, visit.upstream.streams(MAILER), MAILER, b"/inbox/events")
    if answer.status_code != OK and answer.background:
        await answer.background()
        raise away(MAILER)
    answer.body_iterator = endless.until(visit.upstream.closing, answer.body_iterator)
    return answer


@router.post("/read-all")
async def read_all(acting: Acting) -> Response:
    """Mark all as read that the person was shown."""
    visit, form = acting
    await visit.post(MAILER, "/inbox/read-all", body={"until": form.text("until") or None})
    return page.go(visit.request, "/inbox")


@router.get("/{message}")
async def message(visit: Visiting, message: str, forwarded: str = "") -> Response:
    """One message; opening it is reading it. `forwarded` says that it was passed on just now."""
    found = await visit.get(MAILER, "/inbox/{}", message)
    if found["read_at"] is None and found["withdrawn_at"] is None:
        await visit.post(MAILER, "/inbox/{}/read", message)
    form: dict[str, Any] = {"key": new_key(), "problem": None, "to": "", "note": ""}
    return page.show(visit, "message.html", message=found, opens=opened(found["opens"]), forwarded=bool(forwarded), **form)


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
        # A key that stands for other words already would be refused for ever.
        key = "" if problem.code == "idempotency_conflict" else form.text("key")
        typed: dict[str, Any] = {"to": form.text("to"), "note": form.text("note"), "key": key or new_key(), "problem": problem}
        shown = {"message": found, "opens": opened(found["opens"]), "forwarded": False}
        return page.show(visit, "message.html", status=problem.status, **shown, **typed)
    return page.go(visit.request, f"/inbox/{quote(message, safe='')}?forwarded=1")


def _people(form: Form) -> list[str]:
    found = typed(form.text("to"))
    if not found:
        raise Problem(422, "nobody_named", "Name at least one person: their user names, with a comma between them.", "to")
    return found


def opened(opens: dict[str, str] | None) -> str:
    """The page that a click on the message leads to; '' where there is none of ours."""
    ours = opens and opens["what"] == "order" and "/" not in opens["id"]
    return f"/purchase-orders/{quote(opens['id'], safe='')}" if ours and opens else ""
