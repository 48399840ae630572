"""The intake: a batch of records in, each event's effect exactly once, in one transaction with the next offsets.

The promise (promises.md, *The promise at each hop*): each (emitter, source, id) has its effect once; what can't be
processed is parked in the same transaction, and the rest of the batch goes on.
"""

from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field

import asyncpg
import structlog

from postroom import failpoints, identities, offsets, parked
from postroom.contracts import topics
from postroom.contracts.errors import OURS, Refused, failed_on, of_its_values
from postroom.contracts.event import Event
from postroom.contracts.record import Record
from postroom.db import Connection, Pool, TooMuch
from postroom.fetched import UnreadBatch
from postroom.parked import NotOpenError, Rejected

log = structlog.get_logger()

Handle = Callable[[Connection, Sequence[Event]], Awaitable[None]]
Decode = Callable[[Record], Event]


class Retry(Exception):  # noqa: N818 - no error: the batch runs again on fresh data
    """Another instance's commit changed what this batch had loaded."""


@dataclass(slots=True)
class Tally:
    """What became of a batch."""

    processed: int = 0
    again: Counter[str] = field(default_factory=Counter)
    parked: int = 0

    @property
    def duplicates(self) -> int:
        """Events that had had their effect before; `again` counts them by emitter."""
        return self.again.total()


@dataclass(slots=True)
class _Effect:
    """What became of some events; `conflicts` are the places of those whose id said something else before."""

    processed: int = 0
    again: Counter[str] = field(default_factory=Counter)
    conflicts: list[int] = field(default_factory=list)


def _conflict() -> Refused:
    told = "an event with this source and id has come before and said something else; give the new one an id of its own"
    return Refused("conflict", told, "id")


def too_costly(why: object) -> Refused:
    """The refusal of a record whose effect no transaction can hold: it must not hold up all that follow."""
    return Refused("too_costly", f"its effect is more than one transaction can do: {why}. Write it as several, with fewer lines or people")


def as_refusal(error: Exception) -> Exception:
    """The refusal in an error, if it is a record's fault; the error itself if it is the world's (disk full, deadlock, shutdown).

    SQLSTATE classes 22 (data), 23 (integrity) and 54 (limits, such as an id too long for its index), the driver's own
    encoding errors, and whatever a value is at fault for (ValueError, arithmetic, a contract's limits) name an offender.
    """
    if isinstance(error, Refused):
        return error
    if isinstance(error, asyncpg.PostgresError) and (error.sqlstate or "")[:2] in {"22", "23", "54"}:
        return Refused("refused_by_database", f"SQLSTATE {error.sqlstate}: {error}")
    if isinstance(error, asyncpg.DataError | UnicodeError):
        return Refused("refused_by_database", f"the database's driver can't take it: {error}")
    return of_its_values(error) or error


class Intake:
    """One service's way in: from Kafka in batches (`process`), over HTTP (`submit`), and again from the parked rows (`replay`).

    `handle` gives fresh events their effect, all of a batch at once; it raises Refused for an event that never can have one,
    and Retry when it finds that another instance has changed what it had loaded.
    """

    def __init__(self, *, service: str, pool: Pool, decode: Decode, handle: Handle, first: tuple[str, ...] = ()) -> None:
        self.service = service
        self._pool = pool
        self._decode = decode
        self._handle = handle
        self._first = first

    async def process(self, records: Sequence[Record], cluster: str, known: Mapping[offsets.Partition, int] | None = None) -> Tally:
        """Give each record its effect or its parked row. Raises Overtaken, or what the world did (the batch then comes again).

        `known` are next offsets that the caller has seen in the database: one that has less is an older copy.
        """
        # Before the transaction: of many megabytes it takes its time, and the server ends a transaction that idles.
        events, unreadable = self._read_all(records)
        while True:
            try:
                async with self._pool.acquire() as connection, connection.transaction():
                    await offsets.advance(connection, cluster, records, known)
                    failpoints.reach("intake.advanced")
                    tally = await self._take_in(connection, events, unreadable)
                    failpoints.reach("intake.effected")
            except Retry:
                log.info("batch runs again", reason="another instance was faster", records=len(records))
            else:
                failpoints.reach("intake.committed")
                return tally

    async def refuse(self, record: Record, cluster: str, known: Mapping[offsets.Partition, int] | None, refusal: Refused) -> None:
        """Park a record that could be read and can't have its effect, and go on behind it."""
        async with self._pool.acquire() as connection, connection.transaction():
            await offsets.advance(connection, cluster, [record], known)
            await parked.park(connection, self.service, [Rejected(record, _emitter(record), refusal)])

    async def submit(self, connection: Connection, event: Event) -> bool:
        """An event that didn't come through Kafka, in the caller's transaction. False if it was known already; raises Refused."""
        try:
            async with connection.transaction():
                effect = await self._effect(connection, [event])
        except Refused:
            raise
        except TooMuch as error:
            raise too_costly(error) from error
        except Exception as error:
            raise as_refusal(error) from error
        if effect.conflicts:
            raise _conflict()
        await identities.count_duplicates(connection, effect.again)
        return effect.processed == 1

    async def replay(self, parked_id: int, mended: bytes | None = None) -> None:
        """Run a parked record again, mended or not, in the transaction that closes its row. Raises Refused, NotOpenError."""
        while True:
            try:
                return await self._replay(parked_id, mended)
            except Retry:
                log.info("replay runs again", reason="another instance was faster", parked=parked_id)
            except OURS as error:
                log.exception("a replay failed by a fault of our own", alert=True, parked=parked_id, error=repr(error))
                raise failed_on(error) from error

    async def _replay(self, parked_id: int, mended: bytes | None) -> None:
        async with self._pool.acquire() as connection, connection.transaction():
            row = await parked.get(connection, parked_id)
            if row is None or row["closed_at"] is not None:
                raise NotOpenError(parked_id)
            # Closed first: the effect would close it as corrected, and an operator did this.
            await parked.close(connection, parked_id, "replayed" if mended is None else "mended")
            failpoints.reach("replay.closed")
            await self.submit(connection, self._read(parked.as_record(row, mended)))
            failpoints.reach("replay.effected")
        failpoints.reach("replay.committed")

    def _read_all(self, records: Sequence[Record]) -> tuple[list[tuple[Record, Event]], list[Rejected]]:
        events: list[tuple[Record, Event]] = []
        unreadable: list[Rejected] = []
        for record in sorted(records, key=self.order):
            try:
                events.append((record, self._read(record)))
            except Refused as refusal:
                unreadable.append(Rejected(record, _emitter(record), refusal.bare()))
        return events, unreadable

    async def _take_in(self, connection: Connection, events: Sequence[tuple[Record, Event]], unreadable: Sequence[Rejected]) -> Tally:
        # Parked before the others have their effect: a correction in the same batch closes the row.
        await parked.park(connection, self.service, unreadable)
        tally, refused = await self._all_or_each(connection, events)
        await parked.park(connection, self.service, refused)
        tally.parked = len(unreadable) + len(refused)
        # Last, so that nobody waits for a lock while holding this row, which all batches of an emitter share.
        await identities.count_duplicates(connection, tally.again)
        return tally

    def _read(self, record: Record) -> Event:
        if isinstance(record.value, UnreadBatch):
            raise Refused("unreadable", record.value.why)
        try:
            return self._decode(record)
        except Refused:
            raise
        except Exception as error:
            raise as_refusal(error) from error

    def order(self, record: Record) -> tuple[bool, str, int, int]:
        """In which order a batch's records have their effect."""
        return (record.topic not in self._first, record.topic, record.partition, record.offset)

    async def _all_or_each(self, connection: Connection, events: Sequence[tuple[Record, Event]]) -> tuple[Tally, list[Rejected]]:
        """The whole batch at once; if a record in it is refused, each by itself, and the offender is parked."""
        try:
            return await self._attempt(connection, events)
        except Refused as refusal:
            if len(events) == 1:
                return Tally(), [Rejected(events[0][0], events[0][1].emitter, refusal.bare())]
        total, refused = Tally(), []
        for one in events:
            tally, rejected = await self._all_or_each(connection, [one])
            total.processed += tally.processed
            total.again += tally.again
            refused += rejected
        return total, refused

    async def _attempt(self, connection: Connection, events: Sequence[tuple[Record, Event]]) -> tuple[Tally, list[Rejected]]:
        """These in one savepoint. Raises Refused if any of them is at fault, else what the world did."""
        try:
            async with connection.transaction():
                effect = await self._effect(connection, [event for _, event in events])
        except Refused:
            raise
        except Exception as error:
            raise as_refusal(error) from error
        conflicts = [Rejected(events[place][0], events[place][1].emitter, _conflict()) for place in effect.conflicts]
        return Tally(effect.processed, effect.again), conflicts

    async def _effect(self, connection: Connection, events: Sequence[Event]) -> _Effect:
        """Each event that is not known yet is handed to the handler; the intake rows stand in the same savepoint."""
        hashes, fresh_identities = await identities.remember(connection, events)
        effect, fresh = _Effect(), []
        for place, event in enumerate(events):
            if event.identity in fresh_identities:
                fresh_identities.discard(event.identity)
                fresh.append(event)
            elif hashes[event.identity] == event.hash:
                effect.again[event.emitter] += 1
            else:
                effect.conflicts.append(place)
        if fresh:
            await parked.close_corrected(connection, [event.identity for event in fresh])
            await self._handle(connection, fresh)
        effect.processed = len(fresh)
        return effect


def _emitter(record: Record) -> str:
    """Whose record it is, as its topic says: nothing else in it could be read."""
    for prefix in ("in.", "ubl.", "http:"):
        if record.topic.startswith(prefix):
            return record.topic.removeprefix(prefix)
    return next((topic.owner for topic in topics.OWNED if topic.name == record.topic), record.topic)
