"""A pool whose next connection breaks where it is told to; the database behind it is the real one."""

import contextlib
from collections.abc import AsyncIterator
from typing import Any

from postroom.db import Pool


class Broken(ConnectionError):  # noqa: N818 - what happened, not what is wrong
    """The connection is gone."""


class Flaky:
    """`breaks_at` 1, 2 …: before that statement; "answer": the commit goes through, and its answer is lost. It breaks once."""

    def __init__(self, pool: Pool) -> None:
        self.pool = pool
        self.breaks_at: int | str | None = None

    @contextlib.asynccontextmanager
    async def acquire(self) -> AsyncIterator["FlakyConnection"]:
        async with self.pool.acquire() as connection:
            yield FlakyConnection(connection, self)

    def statement(self) -> None:
        """One is about to be sent."""
        if isinstance(self.breaks_at, int):
            self.breaks_at -= 1
            if self.breaks_at <= 0:
                self.breaks_at = None
                raise Broken("before a statement")

    def answered(self) -> None:
        """A commit has gone through."""
        if self.breaks_at == "answer":
            self.breaks_at = None
            raise Broken("the answer to a commit was lost")


class FlakyConnection:
    """What the mailer does with a connection."""

    def __init__(self, connection: Any, flaky: Flaky) -> None:
        self._connection = connection
        self._flaky = flaky
        self._depth = 0

    async def execute(self, *asked: Any) -> Any:
        return await self._do(self._connection.execute, *asked)

    async def fetch(self, *asked: Any) -> Any:
        return await self._do(self._connection.fetch, *asked)

    async def fetchval(self, *asked: Any) -> Any:
        return await self._do(self._connection.fetchval, *asked)

    async def fetchrow(self, *asked: Any) -> Any:
        return await self._do(self._connection.fetchrow, *asked)

    async def _do(self, what: Any, *asked: Any) -> Any:
        self._flaky.statement()
        answer = await what(*asked)
        if not self._depth:
            self._flaky.answered()
        return answer

    @contextlib.asynccontextmanager
    async def transaction(self) -> AsyncIterator[None]:
        async with self._connection.transaction():
            self._depth += 1
            try:
                yield
            finally:
                self._depth -= 1
        self._flaky.answered()
