"""The way out of a kind of mail, without signing in: a page with a button, and what the button (or a mail program) posts."""

from collections.abc import Mapping
from typing import Any

import httpx
from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse

from gateway import pages
from gateway.proxy import inner_path
from gateway.routes import RULES
from gateway.upstream import SERVER_ERROR, Upstream

router = APIRouter(include_in_schema=False)
_POLICY = pages.POLICY.replace("form-action 'none'", "form-action 'self'")
_HEADERS = {**pages.HEADERS, "content-security-policy": _POLICY, "cache-control": "no-store", "x-robots-tag": "noindex"}
_WORDS: dict[str, dict[str, str]] = {
    "en": {
        "ask": "No more mail of this kind?",
        "what": "“{label}”, to {person}. The messages stay in the inbox; only the e-mail stops.",
        "button": "Send me no more of these",
        "done": "You get no more mail of this kind.",
        "undo": "“{label}”, to {person}. The messages are still in the inbox. You can have the mail again by your preferences.",
        "refused": "That did not work",
        "unknown": "This link is not one of ours, or a part of it is missing. Take the whole link from the mail, or sign in and set "
        "your preferences.",
        "must": "Mail of this kind can't be switched off: it is something that you must get.",
        "away": "The service does not answer just now. Nothing was changed: try again in a minute.",
    },
    "de": {
        "ask": "Keine E-Mails dieser Art mehr?",
        "what": "„{label}“, an {person}. Die Nachrichten bleiben im Posteingang; nur die E-Mails enden.",
        "button": "Keine solchen E-Mails mehr senden",
        "done": "Sie erhalten keine E-Mails dieser Art mehr.",
        "undo": "„{label}“, an {person}. Die Nachrichten stehen weiterhin im Posteingang. In Ihren Einstellungen können Sie die E-Mails "
        "wieder einschalten.",
        "refused": "Das hat nicht geklappt",
        "unknown": "Dieser Link ist nicht von uns, oder ein Teil davon fehlt. Nehmen Sie den ganzen Link aus der E-Mail, oder melden Sie "
        "sich an und ändern Sie Ihre Einstellungen.",
        "must": "E-Mails dieser Art lassen sich nicht abschalten: Sie müssen sie erhalten.",
        "away": "Der Dienst antwortet gerade nicht. Es wurde nichts geändert: Versuchen Sie es in einer Minute wieder.",
    },
}


@router.get("/unsubscribe/{token}")
async def look(request: Request, token: str) -> HTMLResponse:
    """What would end, and the button; looking changes nothing, for mail programs follow links on their own."""
    status, answer = await _asked(request, "GET")
    language = _language(request, answer)
    if status != httpx.codes.OK:
        return _refused(language, status)
    words = _WORDS[language]
    if answer["off"]:
        return _page(language, "done", _told(words["undo"], language, answer))
    return _page(language, "ask", _told(words["what"], language, answer), button=words["button"])


@router.post("/unsubscribe/{token}")
async def end(request: Request, token: str) -> HTMLResponse:
    """One click (RFC 8058), by a person or their mail program. What is posted says nothing; the token is all."""
    status, answer = await _asked(request, "POST")
    language = _language(request, answer)
    if status != httpx.codes.OK:
        return _refused(language, status)
    return _page(language, "done", _told(_WORDS[language]["undo"], language, answer))


async def _asked(request: Request, method: str) -> tuple[int, dict[str, Any]]:
    """The rules' answer. The caller's headers and body stay here."""
    upstream: Upstream = request.app.state.upstream
    pool = upstream.pool(RULES)
    url = pool.base_url.copy_with(raw_path=inner_path(request))
    try:
        answer = await pool.request(method, url, timeout=10)
    except httpx.TransportError:
        return httpx.codes.SERVICE_UNAVAILABLE, {}
    return answer.status_code, answer.json() if "json" in answer.headers.get("content-type", "") else {}


def _refused(language: str, status: int) -> HTMLResponse:
    if status >= SERVER_ERROR:
        return _page(language, "refused", _WORDS[language]["away"], status=httpx.codes.SERVICE_UNAVAILABLE)
    return _page(language, "refused", _WORDS[language]["unknown" if status == httpx.codes.NOT_FOUND else "must"], status=status)


def _told(words: str, language: str, answer: Mapping[str, Any]) -> str:
    return words.format(label=answer["label"].get(language) or answer["label"]["en"], person=answer.get("person", ""))


def _language(request: Request, answer: Mapping[str, Any]) -> str:
    """What the browser asks for; a mail program that asks for nothing gets the person's own."""
    asked = request.headers.get("accept-language", "").lower() or str(answer.get("language", ""))
    tags = sorted(
        (-_weight(weight), place, tag.strip().partition("-")[0])
        for place, (tag, _, weight) in enumerate(one.partition(";") for one in asked.split(","))
    )
    return next((tag for _, _, tag in tags if tag in _WORDS), "en")


def _weight(parameter: str) -> float:
    try:
        return float(parameter.strip().removeprefix("q="))
    except ValueError:
        return 1.0


def _page(language: str, title: str, text: str, *, button: str = "", status: int = 200) -> HTMLResponse:
    return HTMLResponse(pages.notice(_WORDS[language][title], text, language=language, button=button), status, headers=_HEADERS)
