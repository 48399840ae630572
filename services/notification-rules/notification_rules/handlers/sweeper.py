"""Looks again at what is undecided when its time has come, also when no directory record wakes it."""

import asyncio

from notification_rules.handlers.batch import Handlers
from postroom.db import Pool
from postroom.intake import Retry


class Sweeper:
    """Any number of instances may run: each takes rows that no other one holds."""

    def __init__(self, pool: Pool, handlers: Handlers, seconds: float) -> None:
        self._pool = pool
        self._handlers = handlers
        self._seconds = seconds

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            while await self.sweep():
                pass
            await asyncio.sleep(self._seconds)

    async def sweep(self) -> int:
        """One transaction's worth. Returns how many rows were due."""
        while True:
            try:
                async with self._pool.acquire() as connection, connection.transaction():
                    return await self._handlers.look_again(connection)
            except Retry:
                await asyncio.sleep(0)
