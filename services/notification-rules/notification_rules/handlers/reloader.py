"""Looks at the customer's folder every few seconds, so that other rules need no restart."""

import asyncio

from notification_rules.library import Library, Marks
from notification_rules.store import rules as store
from notification_rules.store import undecided as undecided_store
from postroom.db import Pool

# Before the first batch nobody wants to wait as long as between two looks.
BEGIN_SECONDS = 0.2


class Reloader:
    """What is in force is kept, for the next start."""

    def __init__(self, pool: Pool, library: Library, seconds: float) -> None:
        self._pool = pool
        self._library = library
        self._seconds = seconds
        self._kept: dict[str, str] = {}
        self._seen: Marks = {}

    async def begin(self) -> None:
        """Before the first batch: what was in force, and then what lies in the folder."""
        async with self._pool.acquire() as connection:
            self._kept = await store.accepted(connection)
        self._library.recall(self._kept)
        while not await self.look():  # noqa: ASYNC110 - a file system tells nobody
            await asyncio.sleep(BEGIN_SECONDS)

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            await self.look()
            if self._library.files != self._kept:
                await self._keep(dict(self._library.files))
            await asyncio.sleep(self._seconds)

    async def look(self) -> bool:
        """Whether it is read: not while it looks otherwise than a moment ago, for somebody is writing or copying it just now.

        What is decided by half a file stays decided.
        """
        before, self._seen = self._seen, await asyncio.to_thread(self._library.marks)
        if self._seen != before:
            return False
        # In a thread: compiling takes a part of a second, in which batches go on by the rules they had.
        await asyncio.to_thread(self._library.look)
        return True

    async def _keep(self, files: dict[str, str]) -> None:
        rulebook = self._library.rulebook
        async with self._pool.acquire() as connection, connection.transaction():
            await store.accept(connection, files)
            if rulebook.complete:
                await undecided_store.hand_over(connection, [rule.name for rule in rulebook], rulebook.in_place_of)
        self._kept = files
