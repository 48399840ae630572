"""The correspondence generator: contacts, To, subject, documents; Send, Send and return, Generate PDF."""

from typing import Any
from urllib.parse import quote

from starlette.responses import Response

from gateway.routes import COMMLOG
from gateway.web import page, routing
from gateway.web.outcomes import watch
from gateway.web.visit import Acting, Form, Visit, Visiting, new_key, typed
from postroom.problems import Problem

router = routing.router(prefix="/correspondences/{correspondence}")


@router.get("")
async def generator(visit: Visiting, correspondence: str) -> Response:
    """The window: what it froze, whom and what can be chosen, and what was sent from it."""
    window = await visit.get(COMMLOG, "/correspondences/{}", correspondence)
    return page.show(visit, "generator.html", **_shown(window, Form({"subject": [window["subject"]]})))


@router.get("/result")
async def result(visit: Visiting, correspondence: str, seen: str = "") -> Response:
    """What became of what was sent, where it is something else than what the page has `seen`."""
    window = await visit.get(COMMLOG, "/correspondences/{}", correspondence)
    now = watch(window["sends"])
    if now.seen == seen and now.every:
        return page.nothing_new()
    return page.show(visit, "_sends.html", window=window, sends=window["sends"][::-1], watch=now)


@router.post("/send")
async def send(correspondence: str, acting: Acting) -> Response:
    """Send, and stay or return. What is refused leaves everything as it was typed."""
    visit, form = acting
    body = {
        "contacts": form.all("contacts"),
        "to": typed(form.text("to")),
        "subject": form.text("subject"),
        "documents": form.all("documents"),
        "attach_pdf": bool(form.text("attach_pdf")),
        "confirm_identical": bool(form.text("confirm_identical")),
        "language": visit.speech.language,
        "zone": visit.session.zone,
    }
    try:
        sent = (await visit.post(COMMLOG, "/correspondences/{}/send", correspondence, body=body, key=form.text("key") or new_key())).json()
    except Problem as problem:
        return await _refused(visit, correspondence, form, problem)
    if _returning(form):
        return page.go(visit.request, f"/purchase-orders/{quote(sent['order'], safe='')}/correspondence?sent={sent['send']}")
    # A new key: what is sent next from this window is another correspondence, and an identical one is asked about.
    return await _answered(visit, correspondence, Form({**form, "key": [new_key()]}), accepted=sent)


@router.post("/pdf")
async def pdf(correspondence: str, acting: Acting) -> Response:
    """The chosen logs as a PDF; nothing is sent."""
    visit, form = acting
    body = {"subject": form.text("subject") or None, "language": visit.speech.language, "zone": visit.session.zone}
    try:
        answer = await visit.post(COMMLOG, "/correspondences/{}/pdf", correspondence, body=body)
    except Problem as problem:
        return await _answered(visit, correspondence, form, problem=problem)
    headers = {**page.HEADERS, "content-disposition": answer.headers["content-disposition"]}
    return Response(answer.content, media_type="application/pdf", headers=headers)


def _returning(form: Form) -> bool:
    """Whether the button that was pressed leads back to the order; the one that confirms says what the first one did."""
    return "return" in (form.text("then"), form.text("confirm_identical"))


async def _refused(visit: Visit, correspondence: str, form: Form, problem: Problem) -> Response:
    if problem.code == "idempotency_conflict":
        form = Form({**form, "key": [new_key()]})
    return await _answered(visit, correspondence, form, problem=problem)


async def _answered(
    visit: Visit, correspondence: str, form: Form, *, accepted: dict[str, Any] | None = None, problem: Problem | None = None
) -> Response:
    """What came of the click: beside the buttons, or, for a browser without scripts, on the whole page again with all that was typed."""
    status = problem.status if problem else 200
    try:
        window = await visit.get(COMMLOG, "/correspondences/{}", correspondence)
    except Problem:
        # What was refused is told, also while the window can't be shown again.
        if problem is None:
            raise
        return routing.refused(visit, problem)
    shown = _shown(window, form, accepted=accepted, problem=problem)
    return page.show(visit, "_result.html" if visit.by_htmx else "generator.html", status=status, **shown)


def _shown(window: dict[str, Any], form: Form, *, accepted: dict[str, Any] | None = None, problem: Problem | None = None) -> dict[str, Any]:
    return {
        "window": window,
        "sends": window["sends"][::-1],
        "watch": watch(window["sends"]),
        "form": form,
        "key": form.text("key") or new_key(),
        "returning": _returning(form),
        "accepted": accepted,
        "problem": problem,
    }
