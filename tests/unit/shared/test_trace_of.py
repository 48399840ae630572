"""What is away or full is told in one line at each try; what is our own fault, with its trace."""

import asyncio

import asyncpg
import pytest
import structlog
from structlog.testing import capture_logs

from postroom import running
from postroom.db import trace_of


@pytest.mark.parametrize(
    "error",
    [
        asyncpg.DiskFullError("could not extend file"),
        asyncpg.CannotConnectNowError("the database system is starting up"),
        asyncpg.ReadOnlySQLTransactionError("cannot execute INSERT"),
        asyncpg.ConnectionDoesNotExistError("connection was closed"),
        ConnectionRefusedError(),
        TimeoutError(),
    ],
)
def test_the_world(error: Exception) -> None:
    assert trace_of(error) is None


@pytest.mark.parametrize("error", [asyncpg.UndefinedColumnError("no such column"), asyncpg.InterfaceError("in progress"), KeyError("x")])
def test_our_own(error: Exception) -> None:
    assert trace_of(error) is error


@pytest.mark.parametrize(("error", "traced"), [(asyncpg.DiskFullError("full"), False), (KeyError("x"), True)])
async def test_a_worker_that_crashes_says_as_much_as_helps(error: Exception, monkeypatch: pytest.MonkeyPatch, *, traced: bool) -> None:
    async def work() -> None:
        raise error

    monkeypatch.setattr(running, "log", structlog.wrap_logger(None))
    with capture_logs() as logs:
        async with running.background(work):
            await asyncio.sleep(0)
            await asyncio.sleep(0)
    assert [bool(one["exc_info"]) for one in logs] == [traced]
