"""A streaming reverse proxy for the declared routes: nothing is buffered, and nothing that ends at a hop is passed on."""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterable

import httpx
from fastapi import APIRouter, Request
from fastapi.responses import StreamingResponse
from starlette.background import BackgroundTask

from gateway import endless
from gateway.routes import ROUTES, Route
from gateway.upstream import Upstream, away, silent
from postroom import failpoints
from postroom.auth import Caller
from postroom.problems import Problem

Forward = Callable[[Request, Caller], Awaitable[StreamingResponse]]
MAX_BODY = 25 * 1024 * 1024
PREFIX = "/api"
# RFC 9110, 7.6.1, and what httpx sets itself. `server` and `date` are uvicorn's own.
_HOP_BY_HOP = {
    "connection",
    "keep-alive",
    "proxy-authenticate",
    "proxy-authorization",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
}
_NOT_FORWARDED = _HOP_BY_HOP | {"host", "cookie", "expect", "x-issuer-secret"}
_NOT_RETURNED = _HOP_BY_HOP | {"server", "date", "set-cookie"}


def router() -> APIRouter:
    """All declared routes below /api. Their schemas come from the services' own documents (openapi.py)."""
    routes = APIRouter(prefix=PREFIX)
    for route in ROUTES:
        routes.add_api_route(route.path, _forwarder(route), methods=list(route.methods), include_in_schema=False, response_model=None)
    return routes


def _forwarder(route: Route) -> Forward:
    async def forward(request: Request, _: Caller) -> StreamingResponse:
        upstream: Upstream = request.app.state.upstream
        if not route.endless:
            return await pass_on(request, upstream.pool(route.service), route.service, inner_path(request))
        answer = await pass_on(request, upstream.streams(route.service), route.service, inner_path(request))
        answer.body_iterator = endless.until(upstream.closing, answer.body_iterator)
        return answer

    return forward


async def pass_on(request: Request, pool: httpx.AsyncClient, service: str, path: bytes) -> StreamingResponse:
    """The service's answer, streamed. Raises Problem 400, 413, 414, 503 or 504."""
    _check_length(request)
    outgoing = pool.build_request(
        request.method,
        _url(request, pool.base_url, path),
        headers=_without(request.headers.raw, _NOT_FORWARDED),
        content=_limited(request) if _has_body(request) else None,
    )
    try:
        answer = await pool.send(outgoing, stream=True)
    except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout) as error:
        raise away(service) from error
    except httpx.TransportError as error:
        raise silent(service) from error
    failpoints.reach("gateway.passing")
    response = StreamingResponse(_stream(answer), answer.status_code, background=BackgroundTask(answer.aclose))
    response.raw_headers = _without(answer.headers.raw, _NOT_RETURNED)
    return response


async def _stream(answer: httpx.Response) -> AsyncIterator[bytes]:
    """The body as it comes; a caller who goes away must not keep the connection from its pool."""
    try:
        async for chunk in answer.aiter_raw():
            yield chunk
    finally:
        await answer.aclose()


def inner_path(request: Request) -> bytes:
    """The path behind the door. Raises Problem 404 for one that would be read differently there."""
    raw: bytes = request.scope.get("raw_path") or request.url.path.encode()
    path = raw.partition(b"?")[0].removeprefix(PREFIX.encode())
    # A dot segment or a hidden slash would be read differently behind the door than at it, and no id holds a NUL.
    segments = request.url.path.split("/")
    if {".", ".."} & set(segments) or any(hidden in path.lower() for hidden in (b"%2f", b"%5c", b"%00")):
        raise Problem(404, "not_found", "There is no such path.")
    return path


def _check_length(request: Request) -> None:
    """One length, and not too much of it. Two are how a request is smuggled into another (RFC 9112, 6.1)."""
    declared = request.headers.get("content-length", "0")
    if "transfer-encoding" in request.headers and "content-length" in request.headers:
        raise Problem(400, "two_lengths", "Content-Length and Transfer-Encoding both say where the body ends. Send one of them.", "body")
    if not declared.isdecimal() or int(declared) > MAX_BODY:
        raise _too_large()


def _url(request: Request, base: httpx.URL, path: bytes) -> httpx.URL:
    query = request.scope["query_string"]
    try:
        return base.copy_with(raw_path=path + (b"?" + query if query else b""))
    except httpx.InvalidURL as error:
        raise Problem(414, "uri_too_long", f"The address can't be passed on: {error}.") from error


def _has_body(request: Request) -> bool:
    return request.headers.get("content-length", "0") != "0" or "transfer-encoding" in request.headers


async def _limited(request: Request) -> AsyncIterator[bytes]:
    size = 0
    async for chunk in request.stream():
        size += len(chunk)
        if size > MAX_BODY:
            raise _too_large()
        yield chunk


def _too_large() -> Problem:
    return Problem(413, "too_large", f"The body is larger than {MAX_BODY} bytes, or its Content-Length is no number.")


def _without(headers: Iterable[tuple[bytes, bytes]], left_out: set[str]) -> list[tuple[bytes, bytes]]:
    pairs = list(headers)
    named = {
        token.strip().lower() for name, value in pairs if name.lower() == b"connection" for token in value.decode("latin-1").split(",")
    }
    return [(name.lower(), value) for name, value in pairs if name.decode("latin-1").lower() not in left_out | named]
