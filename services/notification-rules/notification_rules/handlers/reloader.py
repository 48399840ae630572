"""Looks at the customer's folder every few seconds, so that other rules need no restart."""

import asyncio

from notification_rules.library import Library
from notification_rules.store import rules as store
from postroom.db import Pool


class Reloader:
    """What is in force is kept, for the next start."""

    def __init__(self, pool: Pool, library: Library, seconds: float) -> None:
        self._pool = pool
        self._library = library
        self._seconds = seconds
        self._kept: dict[str, str] = {}

    async def begin(self) -> None:
        """Before the first batch: what was in force, and then what lies in the folder."""
        async with self._pool.acquire() as connection:
            self._kept = await store.accepted(connection)
        self._library.recall(self._kept)
        self._library.look()

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            # In a thread: compiling takes a part of a second, in which batches go on by the rules they had.
            await asyncio.to_thread(self._library.look)
            if self._library.files != self._kept:
                await self._keep(dict(self._library.files))
            await asyncio.sleep(self._seconds)

    async def _keep(self, files: dict[str, str]) -> None:
        async with self._pool.acquire() as connection:
            await store.accept(connection, files)
        self._kept = files
