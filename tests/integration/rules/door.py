"""The service as app.py puts it together, Kafka away, and calls in anybody's name."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
from tests.integration.rules.conftest import Rules, composed

from embedded.issuer import Issuer, ensure_issuer
from notification_rules.app import build
from notification_rules.settings import Settings
from postroom.auth import Principal, issue


@dataclass
class Door:
    """`rules` shares the service's database: what it takes in, the service knows."""

    rules: Rules
    http: httpx.AsyncClient
    issuer: Issuer

    async def call(self, method: str, path: str, person: str = "anna", side: str = "client", tenant: str = "demo", **more: Any) -> Any:
        """The answer; `side` operator asks as one."""
        principal = Principal.model_validate({"person": person, "tenant": tenant, "side": side})
        headers = {"Authorization": f"Bearer {issue(principal, self.issuer.private.read_bytes())}"}
        return await self.http.request(method, path, headers=headers, **more)

    async def get(self, path: str, person: str = "anna", **more: Any) -> Any:
        answer = await self.call("GET", path, person, **more)
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def put(self, path: str, body: Any, person: str = "anna", **more: Any) -> Any:
        answer = await self.call("PUT", path, person, json=body, **more)
        assert answer.status_code == 200, answer.text
        return answer.json()


@asynccontextmanager
async def opened(settings: Settings, issuer: Issuer) -> AsyncIterator[Door]:
    """The running service; `settings.issuer_public` must be the issuer's."""
    app, rules = build(settings), await composed(settings)
    transport = httpx.ASGITransport(app)
    async with app.router.lifespan_context(app), httpx.AsyncClient(transport=transport, base_url="http://rules") as http:
        yield Door(rules, http, issuer)
    await rules.pool.close()


def issuer_in(folder: Path) -> Issuer:
    """Keys of the test's own."""
    return ensure_issuer(folder / "issuer")
