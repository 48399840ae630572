"""commlog-service on a real database, beside a stand-in that answers HTTP as po-service and mailer-service promise to."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from hashlib import sha256
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI, Request, Response
from tests.conftest import FreshDatabase

from commlog_service.app import build
from commlog_service.remote import MailerService, PoService, client
from commlog_service.settings import Settings
from embedded.issuer import ensure_issuer
from postroom import problems
from postroom.auth import Caller, Principal, issue
from postroom.problems import Problem

NOWHERE = "http://127.0.0.1:9"


@dataclass
class Neighbours:
    """Orders and documents of the stand-in, by order id; `pinned` are hashes of documents whose bytes a test has stored."""

    orders: dict[str, dict[str, Any]] = field(default_factory=dict)
    contacts: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    documents: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    deleted: set[str] = field(default_factory=set)
    pinned: dict[str, str] = field(default_factory=dict)

    def add(self, order: str, tenant: str = "acme", supplier: str = "seller") -> None:
        """An order with a contact on each side, one without an address, and a document."""
        self.orders[order] = {
            "id": order,
            "number": f"PO-{order}",
            "tenant": tenant,
            "supplier": {"id": supplier, "name": supplier.title()},
            "buyer": {"id": "buyer", "name": "Buyer"},
            "contract": {"id": "k1"},
        }
        self.contacts[order] = [
            {"person": "sam", "name": "Sam", "email": "sam@seller.example", "side": "supplier", "company": supplier},
            {"person": "bea", "name": "Bea", "email": "bea@buyer.example", "side": "client", "company": "buyer"},
            {"person": "max", "name": "Max", "email": None, "side": "client", "company": "buyer"},
        ]
        plan = {"filename": "plan.pdf", "media_type": "application/pdf", "size": 4, "sha256": "0" * 64}
        self.documents[order] = [{"document": f"doc-{order}", **plan}]

    def mine(self, principal: Principal, order: str) -> dict[str, Any]:
        """The order, if it is this caller's."""
        found = self.orders.get(order)
        if found is None or found["tenant"] != principal.tenant:
            raise Problem(404, "not_found", "There is no such order.")
        if principal.side == "supplier" and principal.company != found["supplier"]["id"]:
            raise Problem(404, "not_found", "There is no such order.")
        return found

    def app(self, issuer_public: bytes) -> FastAPI:
        """The stand-in's HTTP, which checks tokens and orders as po-service does."""
        app = FastAPI()
        app.state.issuer_public = issuer_public
        problems.install(app)

        @app.get("/orders/{order}/parties")
        async def parties(caller: Caller, order: str) -> dict[str, Any]:
            one = self.mine(caller, order)
            names = {f"{side}{end}": one[side][field] for side in ("supplier", "buyer") for end, field in (("", "id"), ("_name", "name"))}
            return {**one, **names, "contract": one["contract"]["id"], "contacts": self.contacts[order]}

        @app.get("/orders/{order}/documents")
        async def documents(caller: Caller, order: str) -> dict[str, Any]:
            return {"documents": self.documents[self.mine(caller, order)["id"]]}

        @app.post("/orders/{order}/documents/pin")
        async def pin(caller: Caller, order: str, request: Request) -> dict[str, Any]:
            known = {one["document"]: one for one in self.documents[self.mine(caller, order)["id"]]}
            asked = (await request.json())["documents"]
            for gone in set(asked) & self.deleted:
                name = known[gone]["filename"] if gone in known else gone
                raise Problem(409, "document_deleted", f"The document {name!r} was deleted from the order. Choose again.", "documents")
            if set(asked) - known.keys():
                raise Problem(404, "unknown_document", "No such document on this order.", "documents")
            hashes = {one: self.pinned.get(one) or sha256(one.encode()).hexdigest() for one in asked}
            return {"documents": [{**known[one], "sha256": hashes[one]} for one in asked]}

        @app.post("/pdf")
        async def pdf(_: Caller, request: Request) -> Response:
            return Response(b"%PDF-" + await request.body(), media_type="application/pdf")

        return app


@dataclass
class House:
    """The running service, its neighbours, and how to ask it as someone."""

    app: FastAPI
    settings: Settings
    neighbours: Neighbours
    http: httpx.AsyncClient
    private: bytes
    away: Callable[[], None]
    back: Callable[[], None]

    def headers(self, side: str = "supplier", tenant: str = "acme", company: str | None = "seller", person: str = "sam") -> dict[str, str]:
        """A token of this person, as a header."""
        who = {"person": person, "name": person.title(), "email": f"{person}@{company}.example"}
        principal = Principal.model_validate({**who, "tenant": tenant, "side": side, "company": company})
        return {"authorization": f"Bearer {issue(principal, self.private)}"}

    async def ask(self, method: str, path: str, body: Any = None, *, key: str | None = None, **who: Any) -> httpx.Response:
        """One request, as Sam of the supplier unless told otherwise."""
        headers = self.headers(**who) | ({"idempotency-key": key} if key else {})
        return await self.http.request(method, path, json=body, headers=headers)

    async def rows(self, statement: str, *values: Any) -> list[dict[str, Any]]:
        """What the worker sees in the database."""
        return [dict(row) for row in await self.app.state.wiring.worker.fetch(statement, *values)]


@pytest.fixture
async def house(fresh_database: FreshDatabase, tmp_path: Path) -> AsyncIterator[House]:
    """The service with its neighbours up; Kafka stays away, since HTTP has to work all the same."""
    keys = ensure_issuer(tmp_path / "issuer")
    settings = await fresh_database(
        Settings, "commlog_service", kafka="127.0.0.1:9", issuer_public=keys.public, po_url=NOWHERE, mailer_url=NOWHERE
    )
    neighbours = Neighbours()
    async with _started(build(settings)) as app, client(NOWHERE) as gone:
        transport = httpx.ASGITransport(neighbours.app(keys.public.read_bytes()))
        async with httpx.AsyncClient(transport=transport, base_url="http://neighbour") as near, _reach(app) as http:

            def away() -> None:
                app.state.wiring = replace(app.state.wiring, po=PoService(gone), mailer=MailerService(gone))

            def back() -> None:
                app.state.wiring = replace(app.state.wiring, po=PoService(near), mailer=MailerService(near))

            back()
            yield House(app, settings, neighbours, http, keys.private.read_bytes(), away, back)


@asynccontextmanager
async def _started(app: FastAPI) -> AsyncIterator[FastAPI]:
    async with app.router.lifespan_context(app):
        yield app


def _reach(app: FastAPI) -> httpx.AsyncClient:
    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://commlog")
