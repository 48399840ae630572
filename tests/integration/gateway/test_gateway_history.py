"""The tab Correspondence: all that was ever sent about an order can be reached, page by page."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
from fastapi import FastAPI
from tests.integration.gateway.conftest import served, stand_in
from tests.integration.gateway.desk import Desk, desk_of
from tests.integration.gateway.test_gateway_sessions import SAM, keys, settings

from embedded.issuer import Issuer
from gateway.routes import PO
from gateway.settings import Settings
from gateway.web import orders
from postroom.auth import Caller

__all__ = ["keys", "settings"]
PATH = "/purchase-orders/o-1/correspondence"


def _sent(entry: int) -> dict[str, Any]:
    at = "2026-11-23T09:15:00+00:00"
    to = {"address": f"to-{entry}@buyer.example", "state": "sent", "detail": "", "changed_at": at}
    who = {"name": "Frida", "company": "Seller"}
    facts = {"sender": who, "requested_at": at, "recipients": [to], "subject": f"Subject {entry}", "documents": [], "logs": ["l"]}
    return {**facts, "send": f"s-{entry}", "entry": entry, "correspondence": "c", "scope": "all", "attach_pdf": False, "erased": False}


def _services(issuer_public: bytes) -> FastAPI:
    """An order with five sends, at the places 2, 4, 6, 8 and 10 of its history."""
    app = FastAPI()

    @app.get("/orders/o-1")
    async def order(_: Caller) -> dict[str, Any]:
        company = {"id": "c", "name": "Company"}
        head = {"id": "o-1", "number": "4711", "status": "ordered", "supplier": company, "buyer": company}
        return {**head, "backorder": False, "estimated_delivery": None, "issue_date": "2026-11-02"}

    @app.get("/orders/o-1/correspondences")
    async def correspondences(_: Caller, limit: int, before: int = 1_000) -> dict[str, Any]:
        return {"correspondences": [_sent(entry) for entry in (2, 4, 6, 8, 10) if entry < before][-limit:], "total": 5}

    whole = stand_in(PO, issuer_public, [])
    whole.router.routes[:0] = app.router.routes
    return whole


@pytest.fixture
async def desk(settings: Settings, keys: Issuer) -> AsyncIterator[Desk]:
    async with (
        served(_services(keys.public.read_bytes())) as url,
        desk_of(SAM, settings.model_copy(update={"po_url": url, "commlog_url": url})) as desk,
    ):
        yield desk


async def test_it_tells_how_many_there_are_and_leads_to_the_earlier_ones(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(orders, "SENDS", 2)
    seen: list[str] = []
    way = PATH
    for earlier in ("8", "4", None):
        page = (await desk.get(way)).text
        assert "5 correspondences" in page
        seen += [subject for subject in map("Subject {}".format, range(11)) if f">{subject}<" in page]
        assert ("Show the newest" in page) == (way != PATH)
        assert (f"before={earlier}" in page) == ("Show earlier ones" in page) == (earlier is not None)
        way = f"{PATH}?before={earlier}"
    assert seen == ["Subject 8", "Subject 10", "Subject 4", "Subject 6", "Subject 2"]


async def test_of_few_there_is_one_page(desk: Desk) -> None:
    page = (await desk.get(PATH)).text
    assert "5 correspondences" in page
    assert "Show" not in page.partition("<caption")[2].partition("</caption>")[0]
