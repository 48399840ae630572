"""The inbox on the page: what is marked as read is what was shown."""

import re
from typing import Any

from fastapi import FastAPI, Request
from tests.integration.gateway.conftest import served, stand_in
from tests.integration.gateway.desk import desk_of
from tests.integration.gateway.test_gateway_sessions import SAM, keys, settings

from embedded.issuer import Issuer
from gateway.routes import MAILER
from gateway.settings import Settings
from postroom.auth import Caller

__all__ = ["keys", "settings"]
ENTRY: dict[str, Any] = {"subject": "Hello", "sender": "Postroom", "created_at": "2026-11-23T09:30:00Z"}
ENTRY |= {"read_at": None, "withdrawn_at": None, "forwarded": []}


def mailer(issuer_public: bytes, marked: list[Any]) -> FastAPI:
    """Two pages of two messages."""
    app = stand_in(MAILER, issuer_public, [])

    @app.get("/inbox")
    async def inbox(_: Caller, before: str = "") -> dict[str, Any]:
        names = ("m-1", "m-0") if before else ("m-3", "m-2")
        return {"messages": [{**ENTRY, "message": name} for name in names], "unread": 4, "next": None if before else "m-2"}

    @app.post("/inbox/read-all")
    async def read_all(_: Caller, request: Request) -> dict[str, Any]:
        marked.append(await request.json())
        return {"read": 4, "unread": 0}

    return app


async def test_all_read_is_all_that_was_shown_on_this_page_and_those_before(settings: Settings, keys: Issuer) -> None:
    """Once it marked also what had come since the page was opened."""
    marked: list[Any] = []
    async with (
        served(mailer(keys.public.read_bytes(), marked)) as url,
        desk_of(SAM, settings.model_copy(update={"mailer_url": url})) as desk,
    ):
        page = (await desk.get("/inbox")).text
        older = re.findall(r'href="(/inbox\?before=[^"]*)"', page)[0].replace("&amp;", "&")
        for shown in (page, (await desk.get(older)).text):
            [until] = re.findall(r'name="until" value="([^"]*)"', shown)
            assert (await desk.post("/inbox/read-all", until=until)).status_code == 303
    assert marked == [{"until": "m-3"}] * 2
