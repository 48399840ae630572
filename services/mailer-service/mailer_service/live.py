"""Who watches their inbox just now, and what they are told: one listening connection a process, one query for many who watch."""

import asyncio
import contextlib
from collections import defaultdict, deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager

import orjson
import structlog

from mailer_service import views
from mailer_service.customer.templates import Templates
from mailer_service.rows import Row
from mailer_service.store import inbox as store
from mailer_service.withdrawing import cut
from postroom.cancellation import obey_cancellation
from postroom.db import DATABASE_AWAY, Connection, Pool
from postroom.problems import Problem

log = structlog.get_logger()
# A commit is told at once; commits of a burst share a query. What a lost notification would hide, the sweep finds.
GATHER_SECONDS, SWEEP_SECONDS = 0.05, 15.0
AT_ONCE, QUEUED, PER_PERSON, IN_ALL = 200, 400, 10, 2_000
# So many readers' changes, and so many messages with their facts (up to 256 KB each), are in memory at a time.
READERS, SHOWN_AT_ONCE = 100, 20
Reader = tuple[str, str]  # tenant, person


class Watcher:
    """One open stream. `since` is the transaction from which on it has not been told; None before its first word."""

    def __init__(self, reader: Reader, since: int | None) -> None:
        self.reader = reader
        self.since = since
        self.begun = self.over = False
        self.told: set[tuple[str, int]] = set()
        self._queue: deque[bytes] = deque()
        self._stirred = asyncio.Event()

    def put(self, chunks: Sequence[bytes]) -> None:
        """Say this; who reads so slowly that it finds no room is cut off, and goes on from its last event when it comes back."""
        self._queue.extend(chunks)
        self.over |= len(self._queue) > QUEUED
        self._stirred.set()

    def end(self) -> None:
        """Nothing more is said."""
        self.over = True
        self._stirred.set()

    async def next(self, seconds: float) -> bytes:
        """What there is to say; nothing if there is nothing for so long, or any more."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._stirred.wait()
        self._stirred.clear()
        said = b"" if self.over else b"".join(self._queue)
        self._queue.clear()
        return said


class Live:
    """Fans the inbox's changes out to those who watch."""

    def __init__(self, pool: Pool, templates: Templates) -> None:
        self._pool = pool
        self._templates = templates
        self._watchers: defaultdict[Reader, set[Watcher]] = defaultdict(set)
        self._wake = asyncio.Event()

    def check_room(self, reader: Reader) -> None:
        """Raises Problem 429 when this person, or everybody, has too many streams."""
        if len(self._watchers.get(reader, ())) >= PER_PERSON:
            raise Problem(
                429, "too_many_streams", f"{PER_PERSON} streams of yours are open already. Close one, or share it among your pages."
            )
        if sum(map(len, self._watchers.values())) >= IN_ALL:
            raise Problem(429, "too_many_streams", "Too many people watch their inbox through this server. Ask with GET /inbox meanwhile.")

    @contextmanager
    def watching(self, reader: Reader, since: int | None) -> Iterator[Watcher]:
        """A stream, for as long as the block lasts."""
        watcher = Watcher(reader, since)
        self._watchers[reader].add(watcher)
        self._wake.set()
        try:
            yield watcher
        finally:
            self._watchers[reader].discard(watcher)
            if not self._watchers[reader]:
                del self._watchers[reader]

    async def run(self) -> None:
        """Until cancelled; then, or when the database goes away, all streams end, and clients come back."""
        try:
            while True:
                try:
                    await self._listening()
                except DATABASE_AWAY as error:
                    log.warning("live updates wait for the database", error=repr(error))
                obey_cancellation()
                self.close()
                await asyncio.sleep(0.5)
        finally:
            self.close()

    def close(self) -> None:
        """End all streams."""
        for watchers in self._watchers.values():
            for watcher in watchers:
                watcher.end()

    async def _listening(self) -> None:
        async with self._pool.acquire() as connection:
            await connection.add_listener("inbox", self._woken)
            try:
                while not connection.is_closed():
                    await self._wait()
                    await self._tell(connection)
            finally:
                with contextlib.suppress(*DATABASE_AWAY):
                    await connection.remove_listener("inbox", self._woken)

    def _woken(self, *_: object) -> None:
        self._wake.set()

    async def _wait(self) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(SWEEP_SECONDS):
                await self._wake.wait()
        await asyncio.sleep(GATHER_SECONDS)
        self._wake.clear()

    async def _tell(self, connection: Connection) -> None:
        """Read what is new for all who watch, and hand it to them: some at a time, for after a restart much may be new to everybody."""
        watching = [(reader, list(watchers)) for reader, watchers in self._watchers.items()]
        if not watching:
            return
        # Asked first: what commits between this and the next statement is told now, and remembered as told.
        horizon = await store.horizon(connection)
        for start in range(0, len(watching), READERS):
            await self._tell_some(connection, dict(watching[start : start + READERS]), horizon)

    async def _tell_some(self, connection: Connection, watching: Mapping[Reader, Sequence[Watcher]], horizon: int) -> None:
        since = [(*reader, min(_since(one, horizon) for one in watchers)) for reader, watchers in watching.items()]
        of = defaultdict(list)
        for row in await store.changes(connection, since, AT_ONCE + 1):
            of[row["of_tenant"], row["of_person"]].append(row)
        unread = await store.unread_of(connection, [reader for reader, some in watching.items() if reader in of or _any_new(some)])
        fresh = {watcher: _fresh(watcher, of[reader], horizon) for reader in unread for watcher in watching[reader]}
        one_by_one = [row for watcher, rows in fresh.items() if not _many(of[watcher.reader]) for row in rows]
        said = await self._said_of(connection, list(dict.fromkeys(row["id"] for row in one_by_one if row["change"] == "new")))
        for watcher, rows in fresh.items():
            _hand(watcher, of[watcher.reader], rows, unread[watcher.reader], horizon, said)

    async def _said_of(self, connection: Connection, messages: Sequence[str]) -> dict[str, dict[str, object]]:
        """What is said of each new message. Facts may be large: no more are read than are shown at once."""
        said: dict[str, dict[str, object]] = {}
        for start in range(0, len(messages), SHOWN_AT_ONCE):
            rows = await store.entries(connection, messages[start : start + SHOWN_AT_ONCE])
            briefs = await self._templates.briefs([cut(row) for row in rows])
            said |= {row["id"]: _said(views.inbox_entry(briefs, row)) for row in rows}
        return said


def _since(watcher: Watcher, horizon: int) -> int:
    # An id from another database may lie in the future of this one.
    return horizon if watcher.since is None else min(watcher.since, horizon)


def _any_new(watchers: Iterable[Watcher]) -> bool:
    return any(not watcher.begun for watcher in watchers)


def _many(rows: Sequence[Row]) -> bool:
    # Also where few of these are news to a stream, for another of the same person's goes on from further back: more may follow.
    return len(rows) > AT_ONCE


def _fresh(watcher: Watcher, rows: Sequence[Row], horizon: int) -> list[Row]:
    """What this stream has not been told."""
    return [row for row in rows if row["changed"] >= _since(watcher, horizon) and (row["id"], row["changed"]) not in watcher.told]


def _hand(
    watcher: Watcher, rows: Sequence[Row], fresh: Sequence[Row], unread: int, horizon: int, said: Mapping[str, dict[str, object]]
) -> None:
    """Tell this stream what is fresh of the rows. More changes than are told one by one are told as a new count: load the list again."""
    many = _many(rows)
    # Of many, a late commit may lie before those that were read: once the transactions of that time are over, the count is told again.
    caught_up = not many or horizon == watcher.since
    if watcher.begun and not fresh and caught_up:
        return
    events = [] if watcher.begun and not many else [_event("unread", {"unread": unread})]
    events += [] if many else [_event(row["change"], _change(row, unread, said)) for row in fresh]
    watcher.put([*events[:-1], b"id: %d\n" % horizon + events[-1]])
    watcher.begun, watcher.since = True, horizon
    watcher.told = {(row["id"], row["changed"]) for row in rows if row["changed"] >= horizon}


def _change(row: Row, unread: int, said: Mapping[str, dict[str, object]]) -> dict[str, object]:
    change: dict[str, object] = {"message": row["id"], "unread": unread}
    if row["change"] == "new":
        return change | said[row["id"]]
    return change | ({"reason": row["withdrawn_reason"]} if row["change"] == "withdrawn" else {})


def _said(entry: Mapping[str, object]) -> dict[str, object]:
    return {name: entry[name] for name in ("message_type", "subject", "sender", "created_at", "opens")}


def _event(name: str, data: dict[str, object]) -> bytes:
    return b"event: %s\ndata: %s\n\n" % (name.encode(), orjson.dumps(data))
