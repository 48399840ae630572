"""Communication logs: the tab, New communication log, and the way from there to sending."""

import asyncio
from typing import Any
from urllib.parse import quote

from starlette.responses import Response

from gateway.routes import COMMLOG
from gateway.web import orders, page, routing
from gateway.web.orders import order_of
from gateway.web.visit import Acting, Form, Visit, Visiting, new_key
from postroom.problems import Problem

router = routing.router(prefix="/purchase-orders/{order}")
LATEST = 100


@router.get("/communication-logs")
async def communication_logs(visit: Visiting, order: str, before: int = 0, new: str = "", saved: str = "", send: str = "") -> Response:
    """The order's logs. `new` opens the pop-up, `saved` names the log just saved, `send` asks which logs are to be sent."""
    given: dict[str, Any] = {"limit": LATEST} | ({"before": before} if before else {})
    head, found = await asyncio.gather(order_of(visit, order), visit.get(COMMLOG, "/orders/{}/logs", order, **given))
    held = (await visit.get(COMMLOG, "/orders/{}/reviews", order))["reviews"] if found["held"] else []
    newest = found["logs"][-1]["log"] if found["logs"] and not before else ""
    shown = {
        "logs": found["logs"],
        "total": found["total"],
        "reviews": held,
        "types": found["types"],
        "form": new_log(Form()),
        "opened": "new" if new else "scope" if send else "",
        "saved": saved,
        "before": before,
        "newest": newest,
        "latest": send or newest,
        "scope": {"problem": None},
    }
    template = "communication-logs" if not visit.by_htmx else "_logs"
    return orders.tab(visit, head, template, **shown)


def new_log(form: Form, problem: Problem | None = None) -> dict[str, Any]:
    """What the pop-up holds: what was typed, and what is wrong with it."""
    # A key that stands for another text already would be refused for ever.
    fresh = problem is not None and problem.code == "idempotency_conflict"
    return {"key": new_key() if fresh else form.text("key") or new_key(), "type": form.text("type"), "message": form.text("message")} | {
        "problem": problem
    }


@router.post("/communication-logs")
async def write(order: str, acting: Acting) -> Response:
    """Save, or save and go on to sending. A second click, or a retry, is the same log."""
    visit, form = acting
    intent = "save_and_send" if form.text("intent") == "save_and_send" else "save"
    body = {"type": form.text("type"), "message": form.text("message"), "intent": intent}
    try:
        log = (await visit.post(COMMLOG, "/orders/{}/logs", order, body=body, key=form.text("key") or new_key())).json()
    except Problem as problem:
        return await _again(visit, order, form, problem)
    there = f"/purchase-orders/{quote(order, safe='')}/communication-logs"
    shown = f"send={log['log']}" if intent == "save_and_send" else f"saved={log['log']}"
    return page.go(visit.request, f"{there}?{shown}")


async def _again(visit: Visit, order: str, form: Form, problem: Problem) -> Response:
    """The pop-up once more, with what was typed and what is wrong."""
    types = await _types(visit, form)
    shown: dict[str, Any] = {"order": {"id": order}, "types": types, "form": new_log(form, problem)}
    if visit.by_htmx:
        return page.show(visit, "_new_log.html", status=problem.status, **shown)
    return page.show(visit, "new_log.html", status=problem.status, **shown)


async def _types(visit: Visit, form: Form) -> list[str]:
    """The types to choose from; while they can't be asked for, the one that was chosen."""
    try:
        found: list[str] = (await visit.get(COMMLOG, "/log-types"))["types"]
    except Problem:
        return [form.text("type")]
    return found


@router.post("/correspondences")
async def choose(order: str, acting: Acting) -> Response:
    """Freeze only the latest log, or all, and open the correspondence generator on them."""
    visit, form = acting
    try:
        body = {"scope": _chosen(form), "log": form.text("log") or None, "language": visit.speech.language}
        opened = (await visit.post(COMMLOG, "/orders/{}/correspondences", order, body=body)).json()
    except Problem as problem:
        shown: dict[str, Any] = {"order": {"id": order}, "latest": form.text("log"), "scope": {"problem": problem}}
        return page.show(visit, "_scope.html" if visit.by_htmx else "scope.html", status=problem.status, **shown)
    return page.go(visit.request, f"/correspondences/{opened['id']}")


@router.post("/reviews/{review}")
async def review(order: str, review: str, acting: Acting) -> Response:
    """Let a reply that was held into the thread, or leave it out."""
    visit, form = acting
    then = "accept" if form.text("then") == "accept" else "discard"
    await visit.post(COMMLOG, f"/reviews/{{}}/{then}", review)
    return page.go(visit.request, f"/purchase-orders/{quote(order, safe='')}/communication-logs")


def _chosen(form: Form) -> str:
    scope = form.text("scope")
    if scope not in ("latest", "all"):
        raise Problem(422, "scope_missing", "Choose which logs to send: only the latest, or all.", "scope")
    return scope
