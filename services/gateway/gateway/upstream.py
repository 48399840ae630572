"""The services behind the gateway: connection pools, and questions asked for the gateway's own answers."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import httpx

from gateway.routes import COMMLOG, MAILER, PO, RULES
from gateway.settings import Settings
from postroom.problems import Problem

_TIMEOUT = httpx.Timeout(60, connect=2, pool=5)
# The services close idle connections after 5 s: ours go first, so that no request meets a closing one.
_LIMITS = httpx.Limits(max_connections=100, max_keepalive_connections=20, keepalive_expiry=3)
# Answers that don't end each hold a connection: they must not take those of the others. Their heartbeats come every 15 s.
_STREAMS = httpx.Limits(max_connections=2_000, max_keepalive_connections=0)
SERVER_ERROR = 500
_PROBLEM_FIELDS = {"type", "title", "status", "code", "detail", "field"}


class Upstream:
    """Each service's pool, by the service's name."""

    def __init__(self, pools: Mapping[str, httpx.AsyncClient], streams: Mapping[str, httpx.AsyncClient]) -> None:
        self._pools = dict(pools)
        self._streams = dict(streams)
        self.closing = asyncio.Event()

    @property
    def services(self) -> tuple[str, ...]:
        return tuple(self._pools)

    def pool(self, service: str) -> httpx.AsyncClient:
        """Raises Problem 404 for a service that there isn't."""
        if service not in self._pools:
            raise Problem(404, "unknown_service", f"There is no service {service!r}: they are {', '.join(self._pools)}.", "service")
        return self._pools[service]

    def streams(self, service: str) -> httpx.AsyncClient:
        """The pool for answers that don't end."""
        return self._streams[service]

    async def ask(self, service: str, token: str, path: str, **params: Any) -> Any:
        """A service's JSON. Raises Problem 503 naming it while it is away, or the problem it answers with."""
        return (await self.call(service, token, "GET", path, params=params)).json()

    async def call(self, service: str, token: str, method: str, path: str, **request: Any) -> httpx.Response:
        """A service's answer to a whole request. Raises as `ask` does; Problem 504 where it may have done what was asked."""
        headers = {"authorization": f"Bearer {token}", **request.pop("headers", {})}
        try:
            answer = await self.pool(service).request(method, path, headers=headers, timeout=request.pop("timeout", 10), **request)
        except (httpx.ReadTimeout, httpx.ReadError, httpx.RemoteProtocolError) as error:
            raise away(service) if method == "GET" else silent(service) from error
        except httpx.TransportError as error:
            raise away(service) from error
        if answer.status_code >= SERVER_ERROR:
            raise _told(answer) or away(service)
        if answer.is_error:
            raise _told(answer) or Problem(answer.status_code, "refused", f"{service} refused this.")
        return answer


def _told(answer: httpx.Response) -> Problem | None:
    """The problem that an answer is, with all that it says."""
    if "json" not in answer.headers.get("content-type", ""):
        return None
    body = answer.json()
    if not isinstance(body, dict) or "code" not in body or body["code"] == "internal":
        return None
    more = {name: value for name, value in body.items() if name not in _PROBLEM_FIELDS}
    return Problem(answer.status_code, body["code"], body.get("detail", ""), body.get("field"), **more)


def silent(service: str) -> Problem:
    """What is answered when a service took a request and was not heard of again."""
    detail = f"{service} took the request and didn't answer. It may have done it: look, or repeat it with the same Idempotency-Key."
    return Problem(504, "service_silent", detail, service=service)


def away(service: str) -> Problem:
    """What is answered while a service can't be reached."""
    detail = f"{service} can't be reached just now. Nothing that was accepted is lost: try again in a moment."
    return Problem(503, "service_unavailable", detail, service=service)


@asynccontextmanager
async def connect(settings: Settings) -> AsyncIterator[Upstream]:
    """Pools to all services; they connect when they are first used."""
    urls = {PO: settings.po_url, COMMLOG: settings.commlog_url, RULES: settings.rules_url, MAILER: settings.mailer_url}
    # One for all: each reads the system's certificates anew, which takes longer than all else at the start.
    tls = httpx.create_ssl_context()
    async with AsyncExitStack() as stack:
        pools = {service: await stack.enter_async_context(_pool(url, _LIMITS, tls)) for service, url in urls.items()}
        streams = {service: await stack.enter_async_context(_pool(url, _STREAMS, tls)) for service, url in urls.items()}
        yield Upstream(pools, streams)


def _pool(url: str, limits: httpx.Limits, tls: ssl.SSLContext) -> httpx.AsyncClient:
    return httpx.AsyncClient(base_url=url, timeout=_TIMEOUT, limits=limits, verify=tls, trust_env=False, follow_redirects=False)
