"""po-service over HTTP, as its own composition root builds it; Kafka stays away."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import httpx

from po_service.app import build
from po_service.settings import Settings
from postroom.auth import Principal, issue

OPERATOR = {"person": "operator", "side": "operator", "endpoints": ["*"]}
CLIENT = {"person": "karin", "side": "client", "company": "iyt", "endpoints": ["0088:7398000000124"]}
SUPPLIER = {"person": "john", "side": "supplier", "company": "consortial", "endpoints": ["0088:7385000000124"]}
RIVAL = {"person": "ron", "side": "supplier", "company": "rival", "endpoints": ["0088:1"]}


@dataclass
class Door:
    """Ask the service as someone; `dsn` reaches its database."""

    http: httpx.AsyncClient
    private: bytes
    settings: Settings

    async def ask(self, who: dict[str, Any], method: str, path: str, **more: Any) -> httpx.Response:
        principal = Principal.model_validate({"tenant": "demo", "name": who["person"], **who})
        headers = {"authorization": f"Bearer {issue(principal, self.private)}", **more.pop("headers", {})}
        return await self.http.request(method, path, headers=headers, **more)

    async def get(self, who: dict[str, Any], path: str, **query: Any) -> Any:
        answer = await self.ask(who, "GET", path, params=query)
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def put(self, path: str, body: dict[str, Any]) -> Any:
        answer = await self.ask(OPERATOR, "PUT", path, json=body)
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def hand_in(self, raw: bytes, who: dict[str, Any] = OPERATOR) -> Any:
        answer = await self.ask(who, "POST", "/documents", content=raw)
        assert answer.status_code == 202, answer.text
        return answer.json()


async def _first_slot(door: Door) -> None:
    """The schedule runs each task when the service starts: it must not find, with today's date, what a test is only putting there."""
    while not all(one["slot"] for one in (await door.get(OPERATOR, "/tasks"))["tasks"]):  # noqa: ASYNC110 - it happens in the service
        await asyncio.sleep(0.02)


@asynccontextmanager
async def opened(settings: Settings, private: bytes) -> AsyncIterator[Door]:
    """The running service, once its schedule has had its first turn."""
    app = build(settings)
    async with app.router.lifespan_context(app), httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://po") as http:
        door = Door(http, private, settings)
        await _first_slot(door)
        yield door
