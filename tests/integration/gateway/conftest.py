"""The gateway on a real port, before stand-in services on real ports: a proxy shows its faults only over real connections."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
import uvicorn
from fastapi import FastAPI, Request, Response
from starlette.responses import StreamingResponse

from embedded.issuer import Issuer, ensure_issuer
from gateway.app import build
from gateway.routes import COMMLOG, MAILER, PO, RULES
from gateway.settings import Settings
from postroom import problems, running
from postroom.auth import Caller, Operator, Principal, issue
from postroom.problems import Problem

NOWHERE = "http://127.0.0.1:9"
PEOPLE: dict[str, dict[str, Any]] = {
    "sam": {
        "name": "Sam",
        "email": "sam@seller.example",
        "company": "seller",
        "side": "supplier",
        "roles": [{"role": "sales"}],
        "active": True,
    },
    "left": {"name": "Gone", "company": "seller", "side": "supplier", "active": False},
    "contact": {"name": "No side"},
    "olga": {"name": "Olga", "side": "operator", "roles": [{"role": "operator", "company": None}]},
}


@asynccontextmanager
async def served(app: FastAPI) -> AsyncIterator[str]:
    """The app on a free port of this machine; yields its address."""
    server = running.Server(uvicorn.Config(app, host="127.0.0.1", port=0, log_config=None, timeout_graceful_shutdown=2))
    server.capture_signals = nullcontext  # type: ignore[method-assign,assignment] # pytest keeps its own handlers
    task = asyncio.create_task(server.serve())
    while not server.started:
        await asyncio.sleep(0.01)
        assert not task.done(), "the server ended while it started"
    yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    server.should_exit = True
    await task


def stand_in(service: str, issuer_public: bytes, seen: list[Request]) -> FastAPI:
    """A service that answers what the tests of the door need: echoes, people, explanations, operations."""
    app = FastAPI(title=service)
    app.state.issuer_public = issuer_public
    app.state.when_closing = []
    problems.install(app)
    _add_echoes(app, service, seen)
    _add_answers(app, service)
    return app


def _add_echoes(app: FastAPI, service: str, seen: list[Request]) -> None:
    @app.get("/orders/{order}")
    async def show(request: Request, caller: Caller, order: str) -> dict[str, Any]:
        seen.append(request)
        return {"service": service, "order": order, "person": caller.person, "query": str(request.query_params)}

    @app.get("/orders/{order}/logs")
    async def logs(order: str) -> Response:
        raise Problem(404, "not_found", f"no order {order}")

    @app.post("/documents")
    async def documents(request: Request) -> dict[str, Any]:
        return {"size": len(await request.body()), "media_type": request.headers["content-type"]}

    @app.get("/orders/{order}/documents/{document}")
    async def download(order: str, document: str) -> StreamingResponse:
        async def chunks() -> AsyncIterator[bytes]:
            yield f"{order}/{document}".encode()
            for _ in range(100):
                yield b"x" * 65_536

        headers = {"content-disposition": "attachment", "set-cookie": "a=b", "connection": "x-secret", "x-secret": "1"}
        return StreamingResponse(chunks(), media_type="application/octet-stream", headers=headers)


def _add_answers(app: FastAPI, service: str) -> None:
    @app.get("/people/{person}")
    async def people(_: Operator, person: str) -> dict[str, Any]:
        if person not in PEOPLE:
            raise Problem(404, "not_found", "nobody")
        return PEOPLE[person]

    @app.get("/explain")
    async def explain(_: Operator, ref: str) -> dict[str, Any]:
        if ref == "unheard-of":
            raise Problem(404, "unknown_reference", "nothing")
        return _explained(service, ref)

    @app.get("/messages")
    async def messages(request: Request, _: Operator) -> dict[str, Any]:
        asked = request.query_params.getlist("cause")
        mails: list[dict[str, Any]] = [
            {"message": "m1", "cause": {"id": "e1"}, "correspondence": None, "envelopes": [{"state": "sent"}]},
            {"message": "m2", "cause": {"id": "s1"}, "correspondence": "s1", "envelopes": []},
        ]
        return {"messages": [one for one in mails if one["cause"]["id"] in asked]}

    @app.get("/operations/status")
    async def status(_: Operator) -> dict[str, Any]:
        return {"service": service, "outbox": 0, "parked": 0}

    _add_parked(app, service)


def _add_parked(app: FastAPI, service: str) -> None:
    @app.get("/operations/parked")
    async def parked(_: Operator, *, event: str | None = None, closed: bool = False) -> dict[str, Any]:
        found = service == RULES and event not in {"unheard-of", "D-1", "4999"}
        return {"parked": [{"id": 7, "event_id": event, "closed": closed}] if found else []}

    @app.get("/operations/parked/kinds")
    async def kinds(_: Operator) -> dict[str, Any]:
        return {"kinds": [{"records": 1}] if service == RULES else []}

    @app.post("/operations/parked/{number}/replay")
    async def replay(request: Request, _: Operator, number: int) -> dict[str, Any]:
        return {"id": number, "service": service, "body": await request.json()}

    @app.post("/operations/parked/replay")
    async def replay_many(request: Request, _: Operator) -> dict[str, Any]:
        return {"replayed": 0, "body": await request.json()}


def _explained(service: str, ref: str) -> dict[str, Any]:
    """The despatch advice D-1 belongs to the order o1, which has an event and a log; D-2 waits for the order 4999."""
    if service == PO:
        order, parked = {"id": "o1", "number": "4711/A"}, {"id": 3, "event_id": None}
        waiting = {"id": "sha-2", "number": "D-2", "order": None, "outcome": "waiting"}
        if ref == "4999":
            return {"orders": [], "documents": [waiting], "parked": []}
        return {"orders": [order], "documents": [{"id": "sha-1", "number": "D-1", "order": "o1"}], "parked": [parked]}
    if ref in {"D-1", "4999"}:
        return {}
    if service == RULES:
        decisions = [{"rule": "r", "outcome": "message", "message": "m1"}]
        return {"events": [{"id": "e1", "type": "GoodsReceived.v1", "accepted_at": "2026-11-23T09:15:00Z", "decisions": decisions}]}
    return {"logs": [{"log": "l1"}], "correspondences": [{"send": "s1", "subject": ref}]}


@dataclass
class Door:
    """The gateway, how to ask it, and what its services saw."""

    http: httpx.AsyncClient
    keys: Issuer
    seen: list[Request]

    def headers(self, side: str = "supplier", person: str = "sam") -> dict[str, str]:
        principal = Principal.model_validate({"person": person, "tenant": "acme", "side": side, "company": "seller"})
        return {"authorization": f"Bearer {issue(principal, self.keys.private.read_bytes())}"}


@pytest.fixture(scope="session")
async def open_doors(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[tuple[Door, Door]]:
    """Two gateways, started once: with nobody at the mailer's address, and with all services up."""
    folder = tmp_path_factory.mktemp("gateway")
    async with _open(folder, [PO, COMMLOG, RULES]) as lacking, _open(folder, [PO, COMMLOG, RULES, MAILER]) as whole:
        yield lacking, whole


@pytest.fixture
def door(open_doors: tuple[Door, Door]) -> Door:
    """The mailer is away."""
    open_doors[0].seen.clear()
    return open_doors[0]


@pytest.fixture
def whole_door(open_doors: tuple[Door, Door]) -> Door:
    """All four services are up."""
    return open_doors[1]


@asynccontextmanager
async def _open(folder: Path, services: list[str]) -> AsyncIterator[Door]:
    keys, seen = ensure_issuer(folder / "issuer"), list[Request]()
    public = keys.public.read_bytes()
    async with AsyncExitStack() as stack:
        urls = {one: await stack.enter_async_context(served(stand_in(one, public, seen))) for one in services}
        named = {"po_url": PO, "commlog_url": COMMLOG, "rules_url": RULES, "mailer_url": MAILER}
        settings = Settings(
            issuer_public=keys.public,
            issuer_private=keys.private,
            issuer_secret=keys.secret,
            **{name: urls.get(service, NOWHERE) for name, service in named.items()},  # type: ignore[arg-type]
        )
        address = await stack.enter_async_context(served(build(settings)))
        yield Door(await stack.enter_async_context(httpx.AsyncClient(base_url=address, trust_env=False)), keys, seen)
