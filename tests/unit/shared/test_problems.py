"""What a caller reads when it is neither their fault nor ours."""

import asyncpg
import httpx
import pytest
from fastapi import FastAPI

from postroom import problems


@pytest.mark.parametrize(
    ("error", "status", "code"),
    [
        (ConnectionRefusedError("connect"), 503, "database_away"),
        (asyncpg.ConnectionDoesNotExistError("cut"), 503, "database_away"),
        (asyncpg.CannotConnectNowError("starting up"), 503, "database_away"),
        (asyncpg.AdminShutdownError("stopping"), 503, "database_away"),
        (asyncpg.TooManyConnectionsError("full"), 503, "database_away"),
        (asyncpg.InterfaceError("the connection is closed"), 503, "database_away"),
        (TimeoutError(), 503, "database_away"),
        (asyncpg.DeadlockDetectedError("each waits for the other"), 503, "database_away"),
        (asyncpg.LockNotAvailableError("lock_timeout"), 503, "database_away"),
        (asyncpg.IdleInTransactionSessionTimeoutError("15 s"), 503, "database_away"),
        (asyncpg.TransactionTimeoutError("60 s"), 503, "database_away"),
        (asyncpg.ReadOnlySQLTransactionError("a standby"), 503, "database_away"),
        (asyncpg.DataError("no such number"), 422, "invalid"),
    ],
    ids=lambda one: type(one).__name__ if isinstance(one, Exception) else None,
)
async def test_an_outage_is_no_mistake_of_ours(error: Exception, status: int, code: str) -> None:
    app = FastAPI()
    problems.install(app)

    @app.get("/")
    async def fail() -> None:
        raise error

    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://door") as door:
        answer = await door.get("/")
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert answer.headers["content-type"] == problems.MEDIA_TYPE
    assert answer.json()["detail"]


async def test_a_nul_is_named_by_its_parameter() -> None:
    app = FastAPI()
    problems.install(app)

    @app.get("/")
    async def fail(number: str) -> None:
        raise asyncpg.DataError(number)

    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://door") as door:
        answer = await door.get("/", params={"number": "a\x00"})
    assert (answer.status_code, answer.json()["field"]) == (422, "number")
