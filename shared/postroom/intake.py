"""The intake: a batch of records in, each event's effect exactly once, in one transaction with the next offsets.

The promise (promises.md, *The promise at each hop*): each (emitter, source, id) has its effect once; what can't be
processed is parked in the same transaction, and the rest of the batch goes on.
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field

import asyncpg
import structlog

from postroom import parked
from postroom.contracts.errors import Refused
from postroom.contracts.event import Event
from postroom.contracts.record import Record
from postroom.db import Connection, Pool
from postroom.parked import Rejected

log = structlog.get_logger()

Handle = Callable[[Connection, Sequence[Event]], Awaitable[None]]
Decode = Callable[[Record], Event]
Partition = tuple[str, int]


class Overtaken(Exception):  # noqa: N818 - no error: another instance was here first
    """Another instance has moved an offset of this batch; read again from where the database says."""


class Retry(Exception):  # noqa: N818 - no error: the batch runs again on fresh data
    """Another instance's commit changed what this batch had loaded."""


@dataclass(slots=True)
class Tally:
    """What became of a batch."""

    processed: int = 0
    duplicates: int = 0
    parked: int = 0
    rejected: list[Rejected] = field(default_factory=list)


def _refusal(error: Exception) -> Refused | None:
    """The refusal in an error, if it is the record's fault; None if it is the world's (disk full, deadlock, shutdown).

    SQLSTATE classes 22 (data) and 23 (integrity), and the driver's own encoding errors, name an offender.
    """
    if isinstance(error, Refused):
        return error
    if isinstance(error, asyncpg.PostgresError) and (error.sqlstate or "")[:2] in {"22", "23"}:
        return Refused("refused_by_database", f"SQLSTATE {error.sqlstate}: {error}")
    if isinstance(error, asyncpg.DataError | UnicodeError):
        return Refused("refused_by_database", f"the database's driver can't take it: {error}")
    return None


class Intake:
    """One service's way in: from Kafka in batches (`process`), over HTTP (`submit`), and again from the parked rows (`replay`)."""

    def __init__(  # noqa: PLR0913 - wired once, each by name
        self, *, service: str, pool: Pool, cluster: str, decode: Decode, handle: Handle, first: tuple[str, ...] = ()
    ) -> None:
        self.service = service
        self._pool = pool
        self._cluster = cluster
        self._decode = decode
        self._handle = handle
        self._first = first

    async def process(self, records: Sequence[Record]) -> Tally:
        """Give each record its effect or its parked row. Raises Overtaken, or what the world did (the batch then comes again)."""
        while True:
            try:
                async with self._pool.acquire() as connection, connection.transaction():
                    await self._fence(connection, records)
                    return await self._take_in(connection, records)
            except Retry:
                log.info("batch runs again", reason="another instance was faster", records=len(records))

    async def submit(self, connection: Connection, event: Event) -> bool:
        """An event that didn't come through Kafka, in the caller's transaction. False if it was known already; raises Refused."""
        tally = await self._effect(connection, [event])
        if tally.rejected:
            raise tally.rejected[0].refusal
        return tally.processed == 1

    async def replay(self, parked_id: int, mended: bytes | None = None) -> None:
        """Run a parked record again, mended or not, in the transaction that closes its row. Raises Refused, KeyError if it isn't open."""
        async with self._pool.acquire() as connection, connection.transaction():
            row = await parked.get(connection, parked_id)
            if row is None or row["closed_at"] is not None:
                raise KeyError(parked_id)
            try:
                async with connection.transaction():
                    tally = await self._effect(connection, [self._decode(parked.as_record(row, mended))])
            except Exception as error:
                refusal = _refusal(error)
                if refusal is None or refusal is error:
                    raise
                raise refusal from error
            if tally.rejected:
                raise tally.rejected[0].refusal
            await parked.close(connection, parked_id, "replayed" if mended is None else "mended")

    async def positions(self, partitions: Sequence[Partition]) -> dict[Partition, int]:
        """Where to read on, as the database says; partitions it has never read are missing."""
        rows = await self._pool.fetch("SELECT topic, partition, next_offset FROM offsets WHERE cluster = $1", self._cluster)
        known = {(row["topic"], row["partition"]): row["next_offset"] for row in rows}
        return {partition: known[partition] for partition in partitions if partition in known}

    async def _fence(self, connection: Connection, records: Sequence[Record]) -> None:
        """Move the next offsets, and hold their rows: of two instances with the same records, one goes on."""
        first: dict[Partition, int] = {}
        last: dict[Partition, int] = {}
        for record in records:
            partition = (record.topic, record.partition)
            first.setdefault(partition, record.offset)
            last[partition] = record.offset
        partitions = sorted(first)
        topics, numbers = [topic for topic, _ in partitions], [number for _, number in partitions]
        moved = await connection.fetch(
            """
            INSERT INTO offsets AS known (cluster, topic, partition, next_offset)
            SELECT $1, t.topic, t.partition, t.next FROM unnest($2::text[], $3::int[], $4::bigint[], $5::bigint[]) AS t (topic, partition, first, next)
            ON CONFLICT (cluster, topic, partition) DO UPDATE SET next_offset = excluded.next_offset
            WHERE known.next_offset <= (SELECT f.first FROM unnest($2::text[], $3::int[], $4::bigint[]) AS f (topic, partition, first)
                                        WHERE f.topic = known.topic AND f.partition = known.partition)
            RETURNING topic
            """,
            self._cluster,
            topics,
            numbers,
            [first[partition] for partition in partitions],
            [last[partition] + 1 for partition in partitions],
        )
        if len(moved) != len(partitions):
            raise Overtaken

    async def _take_in(self, connection: Connection, records: Sequence[Record]) -> Tally:
        events: list[tuple[Record, Event]] = []
        rejected: list[Rejected] = []
        for record in sorted(records, key=self._order):
            try:
                events.append((record, self._decode(record)))
            except Refused as refusal:
                rejected.append(Rejected(record, _emitter(record), refusal))
        tally = await self._all_or_each(connection, events)
        rejected += tally.rejected
        await parked.park(connection, self.service, rejected)
        tally.parked = len(rejected)
        return tally

    def _order(self, record: Record) -> tuple[bool, str, int, int]:
        return (record.topic not in self._first, record.topic, record.partition, record.offset)

    async def _all_or_each(self, connection: Connection, events: Sequence[tuple[Record, Event]]) -> Tally:
        """The whole batch at once; if a record in it is refused, each by itself, and the offender is parked."""
        try:
            async with connection.transaction():
                return self._with_records(await self._effect(connection, [event for _, event in events]), events)
        except Exception as error:
            if _refusal(error) is None:
                raise
        total = Tally()
        for record, event in events:
            try:
                async with connection.transaction():
                    tally = self._with_records(await self._effect(connection, [event]), [(record, event)])
            except Exception as error:  # noqa: PERF203 - one savepoint a record is the point
                refusal = _refusal(error)
                if refusal is None:
                    raise
                tally = Tally(rejected=[Rejected(record, event.emitter, refusal)])
            total.processed += tally.processed
            total.duplicates += tally.duplicates
            total.rejected += tally.rejected
        return total
