"""Operations on the page: mails whose reply was lost are shown, and an operator's decision goes to the mailer."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import httpx
import pytest
from fastapi import FastAPI, Request
from tests.integration.gateway.conftest import served, stand_in
from tests.integration.gateway.desk import OLGA, Desk, desk_of
from tests.integration.gateway.test_gateway_sessions import SAM, keys, settings
from tests.unit.cli.test_cli_unknown import MAIL, PAGE

from embedded.issuer import Issuer
from gateway.routes import MAILER
from gateway.settings import Settings
from postroom.auth import Operator, Principal

__all__ = ["keys", "settings"]


@dataclass
class Mailer:
    """What it was asked; `answers` to a decision, one after the other."""

    asked: list[Any] = field(default_factory=list)
    queries: list[str] = field(default_factory=list)
    answers: list[dict[str, Any]] = field(default_factory=list)

    def app(self, issuer_public: bytes) -> FastAPI:
        app = stand_in(MAILER, issuer_public, [])

        @app.get("/unknown")
        async def unknown(request: Request, _: Operator) -> dict[str, Any]:
            self.queries.append(str(request.query_params))
            return PAGE

        @app.post("/unknown/decisions")
        async def decide(request: Request, _: Operator) -> dict[str, Any]:
            self.asked.append(await request.json())
            return self.answers.pop(0)

        return app


async def decided(desk: Desk, **fields: Any) -> httpx.Response:
    return await desk.post("/operations/unknown", **{"as_of": PAGE["as_of"], "reason": "", **fields})


@pytest.fixture
def mailer() -> Mailer:
    return Mailer()


@pytest.fixture
async def desk(settings: Settings, keys: Issuer, mailer: Mailer, who: Principal) -> AsyncIterator[Desk]:
    async with (
        served(mailer.app(keys.public.read_bytes())) as url,
        desk_of(who, settings.model_copy(update={"mailer_url": url})) as desk,
    ):
        yield desk


@pytest.fixture
def who() -> Principal:
    return OLGA


async def test_it_shows_what_to_look_for_in_the_servers_log(desk: Desk, mailer: Mailer) -> None:
    page = await desk.get("/operations?order=4711&address=%40example.com&other=x")
    assert page.status_code == 200
    for word in ("m-1@postroom.example", "anna@example.com", "451 4.7.1 greylisted", "3 more go out once more by themselves", "3f2a/2"):
        assert word in page.text
    assert mailer.queries == ["order=4711&address=%40example.com"]


async def test_the_ticked_ones_are_decided(desk: Desk, mailer: Mailer) -> None:
    mailer.answers = [{"decided": 1, "refused": [], "left": 0}]
    done = await decided(desk, one=["3f2a/2"], then="arrived", reason="queue id\r\n4xZ")
    assert (done.status_code, done.headers["location"]) == (303, "/operations#unknown")
    chosen = [{"envelope": MAIL["envelope"], "attempt": 2}]
    assert mailer.asked == [{"decision": "arrived", "reason": "queue id 4xZ", "chosen": chosen}]


async def test_all_that_match_are_those_of_the_list(desk: Desk, mailer: Mailer) -> None:
    mailer.answers = [{"decided": 1_000, "refused": [], "left": 1}, {"decided": 1, "refused": [], "left": 0}]
    done = await decided(desk, all="1", address="@example.com", then="leave", reason="gone")
    assert done.headers["location"] == "/operations?address=%40example.com#unknown"
    matching = {"address": "@example.com", "until": PAGE["as_of"]}
    assert mailer.asked == 2 * [{"decision": "leave", "reason": "gone", "matching": matching}]


async def test_what_is_something_else_by_now_is_told(desk: Desk, mailer: Mailer) -> None:
    mailer.answers = [{"decided": 0, "refused": [{"envelope": "3f2a", "attempt": 2, "detail": "it is sent at attempt 2"}], "left": 0}]
    told = await decided(desk, one=["3f2a/2"], then="resend")
    assert told.status_code == 409
    assert "1 mail is something else by now" in told.text
    assert "it is sent at attempt 2" in told.text


@pytest.mark.parametrize(("fields", "words"), [({"then": "arrived"}, "Tick the mails"), ({"then": "leave", "one": ["3f2a/2"]}, "Say why")])
async def test_what_is_missing_is_told_and_nothing_is_lost(desk: Desk, mailer: Mailer, fields: dict[str, Any], words: str) -> None:
    told = await decided(desk, **fields)
    assert told.status_code == 422
    assert words in told.text
    assert ('value="3f2a/2" checked' in told.text) == ("one" in fields)
    assert not mailer.asked


@pytest.mark.parametrize("who", [SAM])
async def test_operators_alone(desk: Desk, mailer: Mailer) -> None:
    assert (await desk.get("/operations")).status_code == 403
    assert (await decided(desk, one=["3f2a/2"], then="arrived")).status_code == 403
    assert not mailer.asked
