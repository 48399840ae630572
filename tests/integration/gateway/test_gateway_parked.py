"""Operations on the page: parked records of a kind are replayed together, as far as a person waits."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from fastapi import FastAPI, Request
from tests.integration.gateway.conftest import served, stand_in
from tests.integration.gateway.desk import OLGA, Desk, desk_of
from tests.integration.gateway.test_gateway_sessions import keys, settings

from embedded.issuer import Issuer
from gateway.routes import PO
from gateway.settings import Settings
from gateway.web import operations
from postroom.auth import Operator

__all__ = ["keys", "settings"]
KIND = {"reason": "unknown_type", "topic": "in.erp", "emitter": "erp"}


@dataclass
class Orders:
    """A service with some thousand parked records; `answers` to a replay, one after the other."""

    asked: list[Any] = field(default_factory=list)
    answers: list[dict[str, Any]] = field(default_factory=list)

    def app(self, issuer_public: bytes) -> FastAPI:
        app = FastAPI()

        @app.get("/operations/parked")
        async def parked(_: Operator) -> dict[str, Any]:
            common = {"id": 8_017, "topic": "in.erp", "reason": "unknown_type"}
            row = {**common, "path": "", "detail": "too new", "parked_at": "2026-11-23T09:15:00Z"}
            return {"parked": [row], "kinds": [{**KIND, "records": 8_000, "newest": 8_017}, {**KIND, "reason": "lonely", "records": 1}]}

        @app.post("/operations/parked/replay")
        async def replay(request: Request, _: Operator) -> dict[str, Any]:
            self.asked.append(await request.json())
            return self.answers.pop(0)

        # The routes of the one above, before what the stand-in itself answers.
        whole = stand_in(PO, issuer_public, [])
        whole.router.routes[:0] = app.router.routes
        return whole


@pytest.fixture
def orders() -> Orders:
    return Orders()


@pytest.fixture
async def desk(settings: Settings, keys: Issuer, orders: Orders) -> AsyncIterator[Desk]:
    async with (
        served(orders.app(keys.public.read_bytes())) as url,
        desk_of(OLGA, settings.model_copy(update={"po_url": url})) as desk,
    ):
        yield desk


async def test_kinds_are_shown_with_their_number(desk: Desk) -> None:
    """One of a kind stands in the list below, and needs no line of its own."""
    page = await desk.get("/operations")
    assert page.status_code == 200
    for words in ("8,000", "unknown_type", "Replay all", 'name="until" value="8017"'):
        assert words in page.text
    assert "lonely" not in page.text


async def test_all_of_a_kind_are_replayed_slice_by_slice(desk: Desk, orders: Orders) -> None:
    orders.answers = [{"replayed": 500, "refused": [], "next": 600}, {"replayed": 3, "refused": [], "next": None}]
    done = await desk.post("/operations/parked/po-service/replay", **KIND, until=8_017)
    assert (done.status_code, done.headers["location"]) == (303, "/operations#parked")
    assert orders.asked == [{**KIND, "until": "8017", "after": after} for after in (0, 600)]


async def test_nobody_waits_longer_for_it_than_a_page_may_take(desk: Desk, orders: Orders) -> None:
    orders.answers = [{"replayed": 1, "refused": [], "next": number} for number in range(1, 20)]
    done = await desk.post("/operations/parked/po-service/replay", **KIND, until=8_017)
    assert (done.status_code, len(orders.asked)) == (303, operations.SLICES)
