"""A database for each test, copied from one that was migrated once; the next copy is made while the test runs."""

import asyncio
import os
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import count

import asyncpg


class Databases:
    """Copies of templates on one server. `close` drops what is left of them."""

    def __init__(self, dsn: str) -> None:
        self._dsn = dsn
        self._names = count(1)
        self._spares: dict[str, Future[str]] = {}
        # Copying is the server's work: one thread is enough to ask for it while a test keeps this process busy.
        self._clerk = ThreadPoolExecutor(1, thread_name_prefix="databases")
        self._loop = asyncio.Runner()
        self._connection: asyncpg.Connection[asyncpg.Record] | None = None

    async def take(self, package: str) -> str:
        """A new database of this package's."""
        spare = self._spares.pop(package, None) or self._clerk.submit(self._copy, package)
        name = await asyncio.wrap_future(spare)
        self._spares[package] = self._clerk.submit(self._copy, package)
        return name

    def give_back(self, name: str) -> None:
        """It goes away, a little later."""
        self._clerk.submit(self._execute, f'DROP DATABASE "{name}" WITH (FORCE)')

    def close(self) -> None:
        """Nothing of this session is left on the server but the templates."""
        for spare in self._spares.values():
            self.give_back(spare.result())
        self._clerk.submit(self._leave).result()
        self._clerk.shutdown()

    def _copy(self, package: str) -> str:
        name = f"test_{os.getpid()}_{next(self._names)}_{package}"
        self._execute(f'CREATE DATABASE "{name}" TEMPLATE "{template_of(package)}"')
        return name

    def _execute(self, statement: str) -> None:
        self._loop.run(self._ask(statement))

    async def _ask(self, statement: str) -> None:
        """By one connection for all: to sign in takes as long as to drop a database."""
        if self._connection is None:
            self._connection = await asyncpg.connect(f"{self._dsn}/postgres")
        await self._connection.execute(statement)

    def _leave(self) -> None:
        if self._connection is not None:
            self._loop.run(self._connection.close())
        self._loop.close()


def template_of(package: str) -> str:
    """The migrated database that a package's copies are made of."""
    return f"template_{package}_{os.getpid()}"
