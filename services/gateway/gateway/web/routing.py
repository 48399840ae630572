"""A route whose errors are pages: what went wrong, and what to do next, in the reader's words."""

from collections.abc import Awaitable, Callable, Coroutine
from typing import Any
from urllib.parse import quote

import structlog
from fastapi import APIRouter, Request
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from starlette.responses import Response

from gateway.web import page
from gateway.web.visit import Form, SignedOut, Visit, by_htmx, by_itself, found
from postroom.problems import DATABASE_AWAY, Problem

log = structlog.get_logger()
Handler = Callable[[Request], Coroutine[Any, Any, Response]]
Told = Callable[[Request, Any], Response | Awaitable[Response]]
# What a form carries for us and nobody has typed.
_OURS = {"csrf", "key", "then", "confirm_identical"}
_NO_PAGE = "There is no such page. Check the address, or begin at Purchase Orders."
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
                return await _answer(handler, request)
            except DATABASE_AWAY as error:
                log.warning("the sessions' database is away", error=str(error) or type(error).__name__)
                detail = "Who is signed in can't be looked up just now. Nothing is lost: try again in a moment."
                return _refused(request, None, Problem(503, "away", detail))

        return handle


async def _answer(handler: Handler, request: Request) -> Response:
    try:
        return await handler(request)
    except SignedOut as signed_out:
        return _to_sign_in(request, signed_out.form)
    except Problem as problem:
        return _refused(request, await found(request), problem)
    except RequestValidationError:
        return _refused(request, await found(request), Problem(404, "not_found", _NO_PAGE))


def router(**given: Any) -> APIRouter:
    """Routes of pages, which are no part of the OpenAPI document."""
    return APIRouter(route_class=PageRoute, include_in_schema=False, **given)


def _to_sign_in(request: Request, form: Form | None) -> Response:
    """To the page to sign in, which leads back. What was posted is kept by the browser's script, and shown where there is none."""
    if by_itself(request):
        return page.nothing_new()
    back = page.whence(request)
    if by_htmx(request):
        return page.go(request, f"/sign-in?ended=1&next={quote(back, safe='/')}")
    if request.method == "GET":
        return page.go(request, f"/sign-in?next={quote(back, safe='/')}")
    typed = {name: values for name, values in (form or {}).items() if name not in _OURS and any(values)}
    return page.show_stranger(request, "ended.html", status=401, back=back, typed=typed)


def or_page(problem: Told) -> Told:
    """The handler of errors for an address that isn't one: a page for whoever came with a browser, else the problem that it was."""

    async def no_page(request: Request, error: Exception) -> Response:
        if "text/html" not in request.headers.get("accept", "") or request.url.path.startswith("/api/"):
            told = problem(request, error)
            return told if isinstance(told, Response) else await told
        try:
            visit = await found(request)
        except DATABASE_AWAY:
            visit = None
        return _refused(request, visit, Problem(404, "not_found", _NO_PAGE))

    return no_page


def refused(visit: Visit, problem: Problem) -> Response:
    """What is wrong, where the eye is: in the form's own place for it, or on a page."""
    return _refused(visit.request, visit, problem)


def _refused(request: Request, visit: Visit | None, problem: Problem) -> Response:
    given: dict[str, Any] = {"status": problem.status, "problem": problem, "title": _TITLES.get(problem.status, "Something went wrong")}
    template = "problem.html"
    if by_htmx(request):
        # By the header page.js knows that this is a line for a form, and no page.
        template, given["headers"] = "_problem.html", {"x-problem": problem.code}
    return page.show(visit, template, **given) if visit else page.show_stranger(request, template, **given)
