"""One request of a signed-in person: who, in which language, with which token they ask the services, and what their form holds."""

import re
import secrets
from dataclasses import dataclass, replace
from typing import Annotated, Any
from urllib.parse import parse_qs, quote, urlsplit

import httpx
from fastapi import Depends, Request

from gateway.issuer import TokenRequest
from gateway.upstream import SERVER_ERROR, Upstream
from gateway.web.sessions import Session, Sessions
from gateway.web.speech import Speech
from postroom.auth import Principal
from postroom.problems import Problem

COOKIE = "__Host-postroom"
# A message may have 20,000 characters, each of up to 12 bytes as a form writes it.
MAX_FORM = 512 * 1024
MAX_FIELDS = 2_000
_KEY = re.compile(r"[\w-]{0,200}", re.ASCII)
# Ids of the parts of a page that renew themselves.
_BY_THEMSELVES = {"sends", "history", "logs", "messages"}
PDF_SECONDS = 45.0
_BETWEEN = re.compile(r"[\s,;]+")
_NAMED = re.compile(r"<([^<>\s]+)>")
_ENDS_OF_NAMES = ",;<>\n"


class SignedOut(Exception):  # noqa: N818 - a fact, and an answer: the page to sign in
    """Nobody is signed in, or the session ran out; `form` is what was posted, so that nothing typed is lost."""

    def __init__(self, form: "Form | None" = None) -> None:
        super().__init__()
        self.form = form


class Form(dict[str, list[str]]):
    """The fields of a posted form."""

    def text(self, name: str) -> str:
        """A field's value; browsers write line ends as CRLF, and we mean LF."""
        return self.get(name, [""])[0].replace("\r\n", "\n")

    def all(self, name: str) -> list[str]:
        """Every value of a field, such as ticked boxes."""
        return self.get(name, [])


@dataclass(frozen=True, slots=True)
class Visit:
    """A request of a signed-in person, and how they ask the services."""

    request: Request
    session: Session
    speech: Speech
    upstream: Upstream
    token: str

    @property
    def who(self) -> Principal:
        return self.session.principal

    @property
    def by_htmx(self) -> bool:
        """Whether a part of a page is asked for."""
        return by_htmx(self.request)

    async def get(self, service: str, path: str, *ids: str, **params: Any) -> Any:
        """A service's JSON; each {} of the path is one of the ids."""
        given = {name: value for name, value in params.items() if value not in (None, "")}
        return await self.upstream.ask(service, self.token, _filled(path, ids), **given)

    async def post(self, service: str, path: str, *ids: str, body: Any = None, key: str = "") -> httpx.Response:
        """A service's answer to an act; `key` makes a second try the same act. Raises Problem 422 for one that no page of ours holds."""
        if not _KEY.fullmatch(key):
            raise Problem(422, "invalid", "This form can't be read. Load the page again; nothing was saved.", "key")
        headers = {"idempotency-key": key} if key else {}
        return await self.upstream.call(service, self.token, "POST", _filled(path, ids), json=body, headers=headers, timeout=PDF_SECONDS)

    async def fetch(self, service: str, path: str, *ids: str) -> httpx.Response:
        """A document."""
        return await self.upstream.call(service, self.token, "GET", _filled(path, ids), timeout=PDF_SECONDS)


def by_htmx(request: Request) -> bool:
    """Whether a part of a page is asked for. A step back in the history always wants the whole."""
    return request.headers.get("hx-request") == "true" and request.headers.get("hx-history-restore-request") != "true"


def by_itself(request: Request) -> bool:
    """Whether a page that lies open asks, and not the person: nobody is led away for it, and it says of nobody that they are there."""
    return request.headers.get("hx-trigger") in _BY_THEMSELVES or request.headers.get("accept") == "text/event-stream"


def _filled(path: str, ids: tuple[str, ...]) -> str:
    return path.format(*(quote(one, safe="") for one in ids))


def typed(text: str) -> list[str]:
    """Addresses or names as people type and paste them: between blanks, commas, semicolons; of `Anna Berger <a@b.example>` the address."""
    words: list[str] = []
    done = 0
    for named in _NAMED.finditer(text):
        before = text[done : named.start()]
        name_begins = max(before.rfind(end) for end in _ENDS_OF_NAMES) + 1
        words += [*_BETWEEN.split(before[:name_begins]), named[1]]
        done = named.end()
    return [one for one in [*words, *_BETWEEN.split(text[done:])] if one]


def new_key() -> str:
    """An Idempotency-Key for the form on the page: whatever becomes of the click, its retry is the same act."""
    return secrets.token_urlsafe(18)


async def found(request: Request) -> Visit | None:
    """Who is signed in, if anybody."""
    cookie = request.cookies.get(COOKIE)
    sessions: Sessions = request.app.state.sessions
    session = await sessions.find(cookie, used=not by_itself(request)) if cookie else None
    if session and session.stale and not session.token:
        session = await _still(request, cookie or "", session)
    if session is None:
        return None
    token = session.token or request.app.state.issuer.pass_for(session.principal)
    return Visit(request, session, Speech(session.language, session.zone), request.app.state.upstream, token)


async def _still(request: Request, cookie: str, session: Session) -> Session | None:
    """The session as the directory has the person now; None, and ended, for whoever has left. While po-service is away it goes on."""
    sessions: Sessions = request.app.state.sessions
    asked = TokenRequest(person=session.principal.person, tenant=session.principal.tenant)
    try:
        principal = (await request.app.state.issuer.token(request.app.state.upstream, asked)).principal
    except Problem as problem:
        if problem.status >= SERVER_ERROR:
            return session
        await sessions.end(cookie)
        return None
    if principal != session.principal:
        await sessions.renew(cookie, principal)
    return replace(session, principal=principal)


async def visiting(request: Request) -> Visit:
    """Who asks for a page. Raises SignedOut."""
    visit = await found(request)
    if visit is None:
        raise SignedOut
    return visit


async def form_of(request: Request) -> Form:
    """The posted fields. Raises Problem 413."""
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > MAX_FORM:
            raise Problem(413, "too_large", "What was typed is too long for one form. Shorten it; nothing was saved.")
    try:
        return Form(parse_qs(body.decode(), keep_blank_values=True, max_num_fields=MAX_FIELDS, errors="strict"))
    except ValueError as error:
        raise Problem(422, "invalid", "This form can't be read. Go back and try again; nothing was saved.") from error


def check_origin(request: Request) -> None:
    """Raise Problem 403 for a form that another site posted: browsers say where it came from."""
    origin, site = request.headers.get("origin"), request.headers.get("sec-fetch-site")
    foreign = origin not in (None, "null") and urlsplit(origin or "").netloc != request.headers.get("host", "")
    if foreign or origin == "null" or site in ("cross-site", "same-site"):
        raise Problem(403, "foreign_form", "This came from another site and was not carried out. Open the page here and do it again.")


async def acting(request: Request) -> tuple[Visit, Form]:
    """Who posts a form, and what it holds. Raises SignedOut with the form, or Problem 403 where it is not this session's own."""
    check_origin(request)
    form = await form_of(request)
    visit = await found(request)
    if visit is None:
        raise SignedOut(form)
    if not secrets.compare_digest(form.text("csrf").encode(), visit.session.csrf.encode()):
        detail = "Somebody else signed in since this page was opened, or it is from an earlier session. Nothing was done: load it again."
        raise Problem(403, "other_session", detail)
    return visit, form


Visiting = Annotated[Visit, Depends(visiting)]
Acting = Annotated[tuple[Visit, Form], Depends(acting)]
