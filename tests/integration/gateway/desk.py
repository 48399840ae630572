"""A signed-in operator's browser without scripts, before a gateway on a real port."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

import httpx
from tests.integration.gateway.conftest import served

from gateway.app import build
from gateway.settings import Settings
from gateway.web.sessions import Sessions
from gateway.web.visit import COOKIE
from postroom.auth import Principal

OLGA = Principal(person="olga", tenant="acme", side="operator", name="Olga")


@dataclass
class Desk:
    """What a browser without scripts does."""

    http: httpx.AsyncClient
    cookie: str
    csrf: str

    async def get(self, path: str) -> httpx.Response:
        return await self.http.get(path, headers={"cookie": self.cookie})

    async def post(self, path: str, **fields: Any) -> httpx.Response:
        headers = {"cookie": self.cookie, "content-type": "application/x-www-form-urlencoded"}
        return await self.http.post(path, content=urlencode({"csrf": self.csrf, **fields}, doseq=True), headers=headers)


@asynccontextmanager
async def desk_of(who: Principal, settings: Settings) -> AsyncIterator[Desk]:
    """Signed in, in English."""
    sessions = Sessions(settings)
    cookie = await sessions.begin(who, language="en", zone="UTC")
    found = await sessions.find(cookie)
    await sessions.close()
    assert found
    async with served(build(settings)) as door, httpx.AsyncClient(base_url=door, trust_env=False, timeout=30) as http:
        yield Desk(http, f"{COOKIE}={cookie}", found.csrf)
