"""What operators do with many parked records at once: in the order they were parked, in slices, none that came later."""

from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import asyncpg
import httpx
import pytest
from fastapi import FastAPI
from tests.integration.shared.conftest import Service, budget, raw, record

from postroom import auth, parked, problems, settling
from postroom.auth import Principal
from postroom.blobs import BlobsAwayError
from postroom.contracts.errors import Refused
from postroom.contracts.record import Record

CLUSTER = "a-cluster"
OLGA = Principal(tenant="demo", person="olga", side="operator")


@pytest.fixture
async def http(service: Service) -> AsyncIterator[httpx.AsyncClient]:
    app = FastAPI()
    problems.install(app)
    app.include_router(settling.router(service.pool, service.intake))
    app.dependency_overrides[auth.caller] = lambda: OLGA
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://service") as client:
        yield client


async def ask(http: httpx.AsyncClient, action: str, **body: Any) -> dict[str, Any]:
    answer = await http.post(f"/parked/{action}", json=body)
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


async def refused_once(service: Service, records: list[Record]) -> None:
    """As a service that can't take them yet."""

    def no() -> None:
        raise Refused("unknown_type", "of a later version than this one", "type")

    service.before_save.append(no)
    await service.intake.process(records, CLUSTER)
    service.before_save.clear()
    service.handled.clear()


def fails(service: Service, *errors: Exception | None) -> None:
    """What the next effects come to, one after the other; None: to their row, as all after these."""
    left = list(errors)

    def fail() -> None:
        if left and (error := left.pop(0)):
            raise error

    service.before_save[:] = [fail]


async def test_all_that_match_are_replayed_in_the_order_they_were_parked(service: Service, http: httpx.AsyncClient) -> None:
    """What is still refused stays, says why, and holds up nobody; what an operator replays is no correction."""
    await refused_once(service, [record(budget(f"e{n}"), n) for n in range(3)])
    await service.intake.process([raw(b"{", 3)], CLUSTER)
    await refused_once(service, [record(budget("e4"), 4)])
    told = await ask(http, "replay")
    assert (told["replayed"], told["next"]) == (4, None)
    assert [(one["id"], one["reason"]) for one in told["refused"]] == [(4, "unreadable")]
    assert await service.effects() == ["e0", "e1", "e2", "e4"]
    assert await service.parked() == [("unreadable", "")]
    assert await service.pool.fetchval("SELECT array_agg(DISTINCT closed_by) FROM parked WHERE closed_at IS NOT NULL") == ["replayed"]
    again = await ask(http, "replay")
    assert (again["replayed"], len(again["refused"])) == (0, 1)
    assert len(await service.effects()) == 4


async def test_a_list_loads_the_beginnings_of_what_is_parked(service: Service, http: httpx.AsyncClient) -> None:
    """A refused document of 10 MB is parked whole."""
    big = replace(raw("€".encode() * 1_000_000, 0), key=b"k" * 5_000, headers=(("x", b"h" * 1_000_000),))
    await service.intake.process([big], CLUSTER)
    async with service.pool.acquire() as connection:
        (row,) = await parked.find(connection)
    assert (len(row["value"]), len(row["key"]), "headers" in row) == (2_000, 2_000, False)
    (listed,) = (await http.get("/parked")).json()["parked"]
    assert (listed["value"], listed["key"], listed["reason"]) == ("€" * 500, "k" * 500, "too_large")
    whole = (await http.get("/parked/1")).json()
    assert (len(whole["value"]), whole["headers"]) == (1_000_000, [["x", "h" * 1_000_000]])


async def test_what_is_named_is_replayed_and_nothing_that_was_parked_later(service: Service, http: httpx.AsyncClient) -> None:
    await refused_once(service, [record(budget(f"e{n}"), n) for n in range(3)])
    await service.intake.process([raw(b"{", 3)], CLUSTER)
    answer = (await http.get("/parked")).json()
    common = {"topic": "in.tests", "emitter": "tests"}
    assert answer["kinds"] == [
        {**common, "reason": "unknown_type", "records": 3, "newest": 3},
        {**common, "reason": "unreadable", "records": 1, "newest": 4},
    ]
    assert (await http.get("/parked/kinds")).json() == {"kinds": answer["kinds"]}
    for other in ({"reason": "conflict"}, {"topic": "in.erp"}, {"emitter": "erp"}):
        assert await ask(http, "replay", **other) == {"replayed": 0, "refused": [], "next": None}
    assert await ask(http, "replay", **common, reason="unknown_type", until=2) == {"replayed": 2, "refused": [], "next": None}
    assert await service.effects() == ["e0", "e1"]


async def test_a_request_does_a_slice_and_says_where_to_go_on(
    service: Service, http: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By number, and by time."""
    await refused_once(service, [record(budget(f"e{n}"), n) for n in range(5)])
    monkeypatch.setattr(settling, "AT_ONCE", 2)
    assert await ask(http, "replay") == {"replayed": 2, "refused": [], "next": 2}
    monkeypatch.setattr(settling, "FOR_SECONDS", 0.0)
    assert await ask(http, "replay", after=2) == {"replayed": 1, "refused": [], "next": 3}
    monkeypatch.setattr(settling, "FOR_SECONDS", 3.0)
    assert await ask(http, "replay", after=3) == {"replayed": 2, "refused": [], "next": None}
    assert service.handled == [["e0"], ["e1"], ["e2"], ["e3"], ["e4"]]


async def test_one_that_fails_while_the_database_is_well_holds_up_none_behind_it(
    service: Service, http: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By a lock, or by the time that it takes each time."""
    await refused_once(service, [record(budget(f"e{n}"), n) for n in range(3)])
    fails(service, asyncpg.DeadlockDetectedError("deadlock detected"), None, TimeoutError())
    told = await ask(http, "replay")
    assert ([(one["id"], one["reason"]) for one in told["refused"]], told["replayed"], told["next"]) == (
        [(1, "failed"), (3, "failed")],
        1,
        None,
    )
    assert "DeadlockDetectedError: deadlock detected" in told["refused"][0]["detail"]
    assert await service.effects() == ["e1"]
    fails(service, asyncpg.LockNotAvailableError("lock timeout"), TimeoutError())
    answer = await http.post("/parked/1/replay", json={})
    assert (answer.status_code, answer.json()["code"]) == (422, "failed")
    monkeypatch.setattr(settling, "SLOW_SECONDS", 0.0)
    told = await ask(http, "replay", after=1)
    assert [(one["id"], one["reason"]) for one in told["refused"]] == [(3, "too_costly")]
    assert (await ask(http, "replay"))["replayed"] == 2


async def test_while_the_database_is_away_what_was_done_is_told(
    service: Service, http: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And the next request says what is wrong; nothing of it counts as the record's own fault."""
    await refused_once(service, [record(budget(f"e{n}"), n) for n in range(3)])

    async def away(_: Any) -> bool:
        return False

    monkeypatch.setattr(settling, "is_well", away)
    fails(service, None, ConnectionResetError(), ConnectionResetError())
    assert await ask(http, "replay") == {"replayed": 1, "refused": [], "next": 1}
    assert (await http.post("/parked/replay", json={"after": 1})).json()["code"] == "database_away"
    monkeypatch.undo()
    fails(service, BlobsAwayError())
    assert (await http.post("/parked/replay", json={"after": 1})).json()["code"] == "documents_away"
    assert (await ask(http, "replay"))["replayed"] == 2


async def test_only_a_kind_can_be_discarded(service: Service, http: httpx.AsyncClient) -> None:
    await refused_once(service, [record(budget(f"e{n}"), n) for n in range(2)])
    await service.intake.process([raw(b"{", 2), raw(b"{", 3)], CLUSTER)
    for unnamed in ({}, {"until": 9}):
        refused = await http.post("/parked/discard", json=unnamed)
        assert (refused.status_code, "say which ones" in refused.text) == (422, True)
    assert await ask(http, "discard", reason="unreadable", until=3) == {"discarded": 1}
    assert await ask(http, "discard", reason="unreadable") == {"discarded": 1}
    assert await service.parked() == [("unknown_type", "type")] * 2


async def test_one_that_somebody_settles_meanwhile_is_passed_over(
    service: Service, http: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    await refused_once(service, [record(budget(f"e{n}"), n) for n in range(3)])
    found = parked.numbers

    async def and_then_one_is_gone(*asked: Any) -> list[int]:
        numbers = await found(*asked)
        await service.pool.execute("UPDATE parked SET closed_at = now(), closed_by = 'discarded' WHERE id = 2")
        return numbers

    monkeypatch.setattr(parked, "numbers", and_then_one_is_gone)
    assert await ask(http, "replay") == {"replayed": 2, "refused": [], "next": None}
    assert await service.effects() == ["e0", "e2"]


async def test_it_is_for_operators_and_a_service_without_an_intake_has_nothing_to_replay(service: Service) -> None:
    app = FastAPI()
    problems.install(app)
    app.include_router(settling.router(service.pool, None))
    app.dependency_overrides[auth.caller] = lambda: OLGA
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://service") as client:
        assert await ask(client, "replay") == {"replayed": 0, "refused": [], "next": None}
        app.dependency_overrides[auth.caller] = lambda: OLGA.model_copy(update={"side": "client"})
        for action in ("replay", "discard"):
            assert (await client.post(f"/parked/{action}", json={"reason": "unreadable"})).status_code == 403
