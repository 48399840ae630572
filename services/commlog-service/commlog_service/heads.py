"""Heads of chains to a file, which neither the database nor Kafka can take back: at least once, synced before the queue forgets them."""

import asyncio
import os
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import orjson
import structlog

from commlog_service.store import heads as store
from postroom import failpoints
from postroom.cancellation import obey_cancellation
from postroom.db import DATABASE_AWAY, Connection, Pool
from postroom.files import sync_folder

log = structlog.get_logger()

BATCH = 1_000
SWEEP_SECONDS = 30.0
PAUSE_SECONDS = 2.0


class HeadsFile:
    """Empties the queue of heads into `path`, one JSON line each. While the file can't be written, the queue keeps them."""

    def __init__(self, pool: Pool, path: Path) -> None:
        self._pool = pool
        self._path = path
        self._wake = asyncio.Event()

    async def run(self) -> None:
        """Until cancelled. The file is there from the start, so that whoever looks for it knows that nothing was published yet."""
        while True:
            try:
                await asyncio.to_thread(append, self._path, [])
                await self._file_until_lost()
            except DATABASE_AWAY as error:
                log.warning("heads wait for their file", path=str(self._path), error=repr(error), again_in=PAUSE_SECONDS)
            obey_cancellation()
            await asyncio.sleep(PAUSE_SECONDS)

    async def _file_until_lost(self) -> None:
        """Woken by the database, also by its going away, and swept for what was missed."""
        async with self._pool.acquire() as connection:
            connection.add_termination_listener(self._woken)
            await connection.add_listener("unfiled_heads", self._woken)
            try:
                while True:
                    self._wake.clear()
                    while await self.file_some(connection):
                        pass
                    obey_cancellation()
                    with suppress(TimeoutError):
                        async with asyncio.timeout(SWEEP_SECONDS):
                            await self._wake.wait()
            finally:
                with suppress(*DATABASE_AWAY):
                    await connection.remove_listener("unfiled_heads", self._woken)

    def _woken(self, *_: object) -> None:
        self._wake.set()

    async def file_some(self, connection: Connection) -> bool:
        """One batch; True while there may be more. A crash between the sync and the commit writes a line twice, which is harmless."""
        async with connection.transaction():
            taken = await store.take(connection, BATCH)
            if taken:
                failpoints.reach("heads.taken")
                await asyncio.to_thread(append, self._path, taken)
                failpoints.reach("heads.filed")
        return len(taken) == BATCH


def append(path: Path, heads: Sequence[dict[str, Any]]) -> None:
    """Add a line for each head, and come back when they are on the disk."""
    new = not path.exists()
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = b"".join(orjson.dumps(head, option=orjson.OPT_APPEND_NEWLINE) for head in heads)
    with path.open("a+b") as file:
        if not _ends_with_a_line(path):
            # A crash tore the last line: it stays as it is, and ours must not hang on to it.
            lines = b"\n" + lines
        file.write(lines)
        file.flush()
        os.fsync(file.fileno())
    if new:
        sync_folder(path.parent)


def _ends_with_a_line(path: Path) -> bool:
    with path.open("rb") as file:
        if not file.seek(0, os.SEEK_END):
            return True
        file.seek(-1, os.SEEK_END)
        return file.read(1) == b"\n"
