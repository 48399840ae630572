"""Signing in and out: by choosing one of the demo's people where that is switched on, else with a token of your identity provider."""

from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote

import jwt
from fastapi import Request
from starlette.responses import Response

from gateway.issuer import OPERATOR, Issuer, TokenRequest
from gateway.routes import PO
from gateway.settings import Settings
from gateway.upstream import Upstream
from gateway.web import page, routing
from gateway.web.sessions import LIFE, Sessions
from gateway.web.speech import LANGUAGES, known_zone, spoken
from gateway.web.visit import COOKIE, Acting, Form, check_origin, form_of, found
from postroom.auth import Principal, verify
from postroom.problems import Problem

router = routing.router()
MOST_PEOPLE, MAX_NAME = 60, 200
_SIDES = ("supplier", "client", "operator")


@router.get("/sign-in")
async def ask(request: Request, next: str = "/", ended: str = "") -> Response:  # noqa: A002 - the address's own word
    """Ask who it is."""
    if not ended and await found(request):
        return page.go(request, _inside(next))
    return await _ask(request, next, ended=bool(ended))


@router.post("/sign-in")
async def sign_in(request: Request) -> Response:
    """Begin a session, and go where the person wanted to."""
    check_origin(request)
    form = await form_of(request)
    try:
        principal, person, token = await _known(request, form)
    except Problem as problem:
        return await _ask(request, form.text("next"), problem=problem)
    language = spoken(person.get("language"), request.headers.get("accept-language", ""))
    zone = known_zone(person.get("zone"), form.text("zone"))
    cookie = await _sessions(request).begin(principal, language=language, zone=zone, token=token, life=_life(token))
    answer = page.go(request, _inside(form.text("next")))
    answer.set_cookie(COOKIE, cookie, path="/", secure=True, httponly=True, samesite="lax")
    return answer


@router.post("/sign-out")
async def sign_out(request: Request, acting: Acting) -> Response:
    """End the session, here and in the database; what this browser keeps of typed texts and pages goes too."""
    await _sessions(request).end(request.cookies[COOKIE])
    answer = page.go(request, "/sign-in")
    answer.delete_cookie(COOKIE, path="/", secure=True, httponly=True, samesite="lax")
    answer.headers["clear-site-data"] = '"cache", "storage"'
    return answer


@router.post("/language")
async def speak(request: Request, acting: Acting) -> Response:
    """Speak another language from now on."""
    _, form = acting
    if form.text("language") in LANGUAGES:
        await _sessions(request).speak(request.cookies[COOKIE], form.text("language"))
    return page.go(request, _inside(form.text("back")))


async def _ask(request: Request, next_: str, *, ended: bool = False, problem: Problem | None = None) -> Response:
    tenant = _demo_tenant(request)
    people, away = [], ""
    try:
        people = await _people(request, tenant) if tenant else []
    except Problem as one:
        away = one.detail
    shown: dict[str, Any] = {"next": _inside(next_), "ended": ended, "problem": problem, "tenant": tenant, "people": people, "away": away}
    return page.show_stranger(request, "sign_in.html", status=problem.status if problem else 200, **shown)


async def _people(request: Request, tenant: str) -> list[tuple[tuple[str, str], list[dict[str, Any]]]]:
    """The demo's people by company, those of the supplier first."""
    token = _issuer(request).operator(tenant, 60).token
    upstream: Upstream = request.app.state.upstream
    companies = {one["company"]: one for one in (await upstream.ask(PO, token, "/companies"))["companies"]}
    grouped: dict[tuple[int, str], list[dict[str, Any]]] = {}
    everybody = (await upstream.ask(PO, token, "/people"))["people"]
    for person in [one for one in everybody if one["active"] and one["company"] in companies and one["maintained"]][:MOST_PEOPLE]:
        company = companies[person["company"]]
        grouped.setdefault((_SIDES.index(company["side"]), company["name"]), []).append(person)
    return [((name, _SIDES[side]), people) for (side, name), people in sorted(grouped.items())]


async def _known(request: Request, form: Form) -> tuple[Principal, dict[str, Any], str | None]:
    """Who signs in, what the directory says of them, and the token where it is their own."""
    tenant, person = _demo_tenant(request), form.text("person").strip()
    upstream: Upstream = request.app.state.upstream
    if token := form.text("token").strip():
        principal = verify(token, request.app.state.issuer_public)
        return principal, {}, token
    if not tenant:
        raise Problem(422, "token_missing", "Paste a token of your identity provider.", "token")
    if not 0 < len(person) <= MAX_NAME or not person.isprintable():
        raise Problem(422, "person_missing", "Choose who you are.", "person")
    issuer = _issuer(request)
    signed = await issuer.token(upstream, TokenRequest(person=person, tenant=tenant))
    if person == OPERATOR:
        return signed.principal, {}, None
    known = await upstream.ask(PO, issuer.operator(tenant, 60).token, f"/people/{quote(person, safe='')}", tenant=tenant)
    return signed.principal, known, None


def _life(token: str | None) -> timedelta:
    """A session never outlives the token that it was begun with."""
    if token is None:
        return LIFE
    ends = jwt.decode(token, options={"verify_signature": False})["exp"]
    return datetime.fromtimestamp(ends, UTC) - datetime.now(UTC)


def _inside(path: str) -> str:
    """A path of our own, or the beginning: no address may send a person elsewhere."""
    plain = path.startswith("/") and not path.startswith(("//", "/\\")) and "\\" not in path and path.isprintable()
    return path if plain and not path.startswith("/sign-") else "/"


def _demo_tenant(request: Request) -> str:
    settings: Settings = request.app.state.settings
    return settings.demo_tenant if _issuer(request).secret else ""


def _issuer(request: Request) -> Issuer:
    issuer: Issuer = request.app.state.issuer
    return issuer


def _sessions(request: Request) -> Sessions:
    sessions: Sessions = request.app.state.sessions
    return sessions
