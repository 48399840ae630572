"""For operators: how the installation does, what is parked, and why somebody got a message or didn't."""

from typing import Annotated, Any, Literal
from urllib.parse import urlencode

from fastapi import Depends
from starlette.responses import Response

from gateway import operations
from gateway.explain import explain
from gateway.upstream import SERVER_ERROR
from gateway.web import page, routing, unknown
from gateway.web.visit import Acting, Visit, Visiting
from postroom.problems import Problem

router = routing.router()
# Of some seconds each.
SLICES = 5
# What stands in the table by itself; the rest of a service's figures is listed as it tells them.
_COLUMNS = {"service", "older_copy", "lag", "outbox", "parked", "duplicates"}


def _operator(visit: Visiting) -> Visit:
    if visit.who.side != "operator":
        raise Problem(403, "forbidden", "This is for operators only.")
    return visit


Operating = Annotated[Visit, Depends(_operator)]


@router.get("/operations")
async def how_it_does(visit: Operating) -> Response:
    """Lag, outbox, parked and each service's own figures; mails whose reply was lost; what can't be processed, and why."""
    return await _shown(visit, unknown.filtered(visit.request.query_params))


async def _shown(visit: Visit, given: dict[str, str], *, status: int = 200, **said: Any) -> Response:
    """The page, with what an act on it has to say."""
    doing = await operations.status(visit.upstream, visit.token)
    parked = await operations.parked(visit.upstream, visit.token, None, closed=False)
    services = [_row(name, found) for name, found in doing["services"].items()]
    older = {name: found["older_copy"] for name, found in doing["services"].items() if "older_copy" in found}
    shown = {"services": services, "older": older, "unreachable": doing["unreachable"]}
    shown |= {"parked": parked["parked"], "kinds": [kind for kind in parked["kinds"] if kind["records"] > 1]}
    lost: dict[str, Any] = {
        "unknown": await unknown.listed(visit, given),
        "filter": given,
        "problem": None,
        "refused": [],
        "ticked": [],
        "reason": "",
    }
    return page.show(visit, "operations.html", status=status, **shown, **(lost | said))


@router.post("/operations/unknown")
async def decide(acting: Acting) -> Response:
    """They arrived, they are sent once more, or left: those ticked, or all that match."""
    visit, form = _operator(acting[0]), acting[1]
    given = unknown.filtered(form)
    try:
        refused = await unknown.decide(visit, form)
    except Problem as problem:
        if problem.status >= SERVER_ERROR:
            raise
        typed = {"ticked": form.all("one"), "reason": form.text("reason")}
        return await _shown(visit, given, status=problem.status, problem=problem, **typed)
    if refused:
        return await _shown(visit, given, status=409, refused=refused)
    return page.go(visit.request, f"/operations?{urlencode(given)}#unknown" if given else "/operations#unknown")


def _row(name: str, found: dict[str, Any]) -> dict[str, Any]:
    """One service's line: what is alike for all, and its own figures, those of several parts put one after the other."""
    own = [(key.replace("_", " "), value) for key, value in found.items() if key not in _COLUMNS and not isinstance(value, list)]
    figures = [(f"{key}: {part}" if part else key, number) for key, value in own for part, number in _parts(value)]
    return {
        "name": name,
        "lag": sum(found.get("lag", {}).values()),
        **{key: found[key] for key in ("outbox", "parked")},
        "figures": figures,
    }


def _parts(value: Any) -> list[tuple[str, Any]]:
    return sorted(value.items()) if isinstance(value, dict) else [("", value)]


@router.get("/why")
async def why(visit: Operating, ref: str = "") -> Response:
    """What became of an order, a budget, an event or a message: who was told, by which rule, or why nobody was."""
    try:
        told = await explain(visit.upstream, visit.token, ref.strip()) if ref.strip() else None
    except Problem as problem:
        return page.show(visit, "why.html", status=problem.status, ref=ref, told=None, problem=problem)
    return page.show(visit, "why.html", ref=ref, told=told, problem=None)


@router.post("/operations/parked/{service}/replay")
async def replay_all(service: str, acting: Acting) -> Response:
    """Replay all of a kind that the page has shown, as far as it goes while a person waits; the page shows what is left."""
    visit, form = _operator(acting[0]), acting[1]
    kind = {name: form.text(name) for name in ("reason", "topic", "emitter", "until")}
    answer: dict[str, Any] = {"next": 0}
    for _ in range(SLICES):
        answer = (await visit.post(service, "/operations/parked/replay", body={**kind, "after": answer["next"]})).json()
        if answer["next"] is None:
            break
    return page.go(visit.request, "/operations#parked")


@router.post("/operations/parked/{service}/{number}/{action}")
async def settle(service: str, number: int, action: Literal["replay", "discard"], acting: Acting) -> Response:
    """Replay a parked record as it came, or discard it."""
    visit = _operator(acting[0])
    body = {"value": None} if action == "replay" else None
    await visit.post(service, f"/operations/parked/{number}/{action}", body=body)
    return page.go(visit.request, "/operations#parked")
