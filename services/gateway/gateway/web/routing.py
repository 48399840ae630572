"""A route whose errors are pages: what went wrong, and what to do next, in the reader's words."""

from collections.abc import Callable, Coroutine
from typing import Any
from urllib.parse import quote

import structlog
from fastapi import APIRouter, Request
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from starlette.responses import Response

from gateway.web import page
from gateway.web.visit import Form, SignedOut, Visit, found
from postroom.problems import DATABASE_AWAY, Problem

log = structlog.get_logger()
Handler = Callable[[Request], Coroutine[Any, Any, Response]]
# Parts of a page that renew themselves: nobody has clicked, so nobody is led away.
_BY_THEMSELVES = {"sends", "history", "logs", "messages"}
# What a form carries for us and nobody has typed.
_OURS = {"csrf", "key", "then", "confirm_identical"}
_TITLES = {
    403: "This is not yours to do",
    404: "There is no such page",
    409: "This can't be done any more",
    413: "That is too large",
    422: "Something is not right",
    503: "A part of Postroom is away",
    504: "No answer came",
}


class PageRoute(APIRoute):
    """One page. Problems become pages, and who is signed out is asked to sign in and comes back."""

    def get_route_handler(self) -> Handler:
        handler = super().get_route_handler()

        async def handle(request: Request) -> Response:
            try:
                return await handler(request)
            except SignedOut as signed_out:
                return _to_sign_in(request, signed_out.form)
            except Problem as problem:
                return await _told(request, problem)
            except RequestValidationError:
                return await _told(
                    request, Problem(404, "not_found", "There is no such page. Check the address, or begin at Purchase Orders.")
                )
            except DATABASE_AWAY as error:
                log.warning("the sessions' database is away", error=str(error) or type(error).__name__)
                detail = "Who is signed in can't be looked up just now. Nothing is lost: try again in a moment."
                return page.show_stranger(request, "problem.html", status=503, title=_TITLES[503], problem=Problem(503, "away", detail))

        return handle


def router(**given: Any) -> APIRouter:
    """Routes of pages, which are no part of the OpenAPI document."""
    return APIRouter(route_class=PageRoute, include_in_schema=False, **given)


def _to_sign_in(request: Request, form: Form | None) -> Response:
    """To the page to sign in, which leads back. What was posted is kept by the browser's script, and shown where there is none."""
    by_htmx = request.headers.get("hx-request") == "true"
    if by_htmx and request.headers.get("hx-trigger") in _BY_THEMSELVES:
        return page.nothing_new()
    if request.method == "GET" and not by_htmx:
        query = f"?{request.url.query}" if request.url.query else ""
        return page.go(request, f"/sign-in?next={quote(request.url.path + query, safe='/')}")
    back = request.headers.get("hx-current-url") or request.headers.get("referer") or "/"
    if by_htmx:
        return page.go(request, f"/sign-in?ended=1&next={quote(_path(back), safe='/')}")
    typed = {name: values for name, values in (form or {}).items() if name not in _OURS and any(values)}
    return page.show_stranger(request, "ended.html", status=401, back=_path(back), typed=typed)


def _path(url: str) -> str:
    """The path of one of our own addresses."""
    return "/" + url.partition("://")[2].partition("/")[2] if "://" in url else url


async def _told(request: Request, problem: Problem) -> Response:
    """The problem as a page, or as a line for the form that asked."""
    title = _TITLES.get(problem.status, "Something went wrong")
    visit = await found(request)
    if visit is None:
        return page.show_stranger(request, "problem.html", status=problem.status, title=title, problem=problem)
    return refused(visit, problem, title)


def refused(visit: Visit, problem: Problem, title: str = "") -> Response:
    """What is wrong, where the eye is: in the form's own place for it, or on a page."""
    if visit.by_htmx and visit.request.method == "POST":
        return page.show(visit, "_problem.html", status=problem.status, headers={"x-problem": problem.code}, problem=problem)
    return page.show(visit, "problem.html", status=problem.status, title=title or _TITLES.get(problem.status, ""), problem=problem)
