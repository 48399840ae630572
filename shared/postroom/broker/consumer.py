"""A service's consumer: it reads all topics in batches; the database's offsets rule."""

import asyncio
import contextlib
import random
import time
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from itertools import chain
from typing import Any

import structlog
from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition
from aiokafka.errors import ConsumerStoppedError
from faststream.kafka import KafkaBroker

from postroom import db, fetched, offsets, older_copy
from postroom.broker import ghosts
from postroom.broker.clients import AWAY, cluster_id
from postroom.broker.pieces import Allowance, Pieces
from postroom.broker.subscribing import Raw, subscribe
from postroom.cancellation import in_time, obey_cancellation
from postroom.contracts.record import Record
from postroom.db import DATABASE_AWAY, Pool, TooMuch, trace_of
from postroom.intake import Intake
from postroom.offsets import Overtaken
from postroom.settings import ServiceSettings

log = structlog.get_logger()
fetched.install()

LONG_POLL_MS = 5_000
# A connection that is half-open fails no request: each must have an end of its own. A join waits for others, for a session at most.
REQUEST_MS = 15_000
STOP_SECONDS = 10.0
FIRST_PAUSE, LONGEST_PAUSE = 0.2, 5.0
# A poll ends after LONG_POLL_MS at the latest; if none has ended for this long, the client is stuck.
STUCK_SECONDS = 60.0
# How soon it is seen that the database's server was started anew, maybe on other data; nothing is sent before it was compared.
LOOK_SECONDS = 1.0
LAST_MOMENT_MS = 253_402_300_799_000  # 9999-12-31T23:59:59Z


class Consumer:
    """Reads all topics of a service in batches and hands them to its intake; the database's offsets rule."""

    def __init__(self, settings: ServiceSettings, topics: Sequence[str], intake: Intake, pool: Pool) -> None:
        self._settings = settings
        self._topics = tuple(topics)
        self._intake = intake
        self._pool = pool
        self._cluster = ""
        self._client: AIOKafkaConsumer | None = None
        self._polled_at = time.monotonic()
        self._busy = False
        self._behind: dict[TopicPartition, int] = {}
        self._commit: asyncio.Task[None] | None = None
        self._allowance = Allowance()
        # What this process has seen of the database's next offsets: they never go back, unless an older copy was restored.
        self._known: dict[offsets.Partition, int] = {}
        # The same as it was when the batch in hand was read, whatever is placed elsewhere while it is tried again.
        self._read_at: dict[offsets.Partition, int] = {}
        # Where the database was asked since they were assigned: before, the client reads from Kafka's own commit, which may be ahead.
        self._placed: set[TopicPartition] = set()
        self._placing = self._placings = 0  # under way, and so far
        self._start = ""
        self._older = False
        # In words, what is held because of it; empty while all is well.
        self.older_copy = ""

    async def run(self) -> None:
        """Until cancelled. Waits for a broker that is away, and starts the client anew if it is stuck."""
        while True:
            broker = KafkaBroker(
                self._settings.kafka,
                client_id=ghosts.client_id(self._settings),
                request_timeout_ms=REQUEST_MS,
                consumer_only=True,
                logger=None,
            )
            subscriber = subscribe(
                broker, self._settings.service, self._topics, poll=self._poll, take=self._take, place=self.place, lose=self._lose
            )
            try:
                self._cluster = await cluster_id(self._settings.kafka)
                await ghosts.leave(self._settings)
                await self._compare()
                self._known.clear()  # what it was good for is said; from here on the database's offsets rule
                self._unplace(set(self._placed))
                self._older = False
                await broker.start()
                self._client = subscriber.consumer
                await self._watch()
            except AWAY as error:
                log.warning("Kafka is away; trying again", error=str(error) or type(error).__name__)
            finally:
                self._client = None
                with contextlib.suppress(TimeoutError):
                    await in_time(broker.stop(), STOP_SECONDS)
            obey_cancellation()
            await asyncio.sleep(1)

    async def _compare(self) -> None:
        """Are these data the newest? Waits for the database; raises AWAY without Kafka."""
        pause = FIRST_PAUSE
        while True:
            reached = await older_copy.reached_in_kafka(self._settings.kafka, self._settings.service, self._topics)
            for place in reached.keys() & self._known.keys():
                reached[place] = replace(reached[place], next_offset=max(reached[place].next_offset, self._known[place]))
            try:
                found = await older_copy.compare(self._pool, self._cluster, reached)
            except DATABASE_AWAY as error:
                log.warning("the database is away; it is to be compared with Kafka", error=str(error) or type(error).__name__)
                obey_cancellation()
                await asyncio.sleep(pause)
                pause = min(pause * 2, LONGEST_PAUSE)
            else:
                self._start, self.older_copy = found.start, found.told
                self._older |= found.behind
                return

    async def _watch(self) -> None:
        """Until the client is to be started anew: it is stuck, or reads on from where an older copy of the database has never been."""
        self._polled_at = time.monotonic()
        while self._busy or time.monotonic() - self._polled_at < STUCK_SECONDS:
            await asyncio.sleep(LOOK_SECONDS)
            with contextlib.suppress(*AWAY, *DATABASE_AWAY):
                if self._older or await older_copy.start_of(self._pool) != self._start:
                    await self._compare()
                else:
                    self.older_copy = await older_copy.told(self._pool)
            if self._older and not self._busy:
                return
        log.error("the Kafka client is stuck and is started anew", seconds=STUCK_SECONDS)

    async def _poll(self, client: AIOKafkaConsumer) -> Raw:
        """A long poll: it returns as soon as there is something. A fetch that fails may have lost what it took from other partitions."""
        if self._older:  # whatever comes next here is not what comes next for the database
            await asyncio.sleep(LOOK_SECONDS)
            return ()
        try:
            found = await client.getmany(timeout_ms=LONG_POLL_MS, max_records=self._settings.batch_size)
        except ConsumerStoppedError:
            raise
        except Exception as error:
            log.exception("a fetch failed; reading on from the database's offsets", error=str(error) or type(error).__name__)
            await asyncio.sleep(LONGEST_PAUSE)
            await self._place_again(client.assignment(), client)
            return ()
        self._polled_at = time.monotonic()
        self._commit_soon()
        self._read_at = dict(self._known)
        early = found.keys() - self._placed
        if not self._placing and (unplaced := client.assignment() - self._placed):
            await self._place_again(unplaced, client)
        return tuple(chain(*(records for partition, records in found.items() if partition not in early)))

    async def _take(self, raw: Raw) -> None:
        """One batch: its effect, or the same again, until the database has it. Never raises, so nothing is skipped."""
        pieces, read_at = Pieces(sorted(map(_record, raw), key=self._intake.order), self._allowance), self._read_at
        pause, self._busy = FIRST_PAUSE, True
        try:
            while records := pieces.next():
                try:
                    if pieces.refusal:
                        await self._intake.refuse(records[0], self._cluster, read_at, pieces.refusal)
                    else:
                        await self._intake.process(records, self._cluster, read_at)
                except Overtaken:
                    log.info("another instance has read these records", records=len(pieces.left))
                    if self._client:
                        await self._place_again({TopicPartition(one.topic, one.partition) for one in pieces.left}, self._client)
                    return
                except TooMuch as error:
                    log.info("a batch is taken in pieces", records=len(records), reason=str(error))
                    pieces.failed(error, well=True)
                except Exception as error:
                    told = {"records": len(records), "pause": pause, "error": repr(error)}
                    log.exception("batch failed and comes again", alert=True, **told, exc_info=trace_of(error))
                    pieces.failed(error, well=await db.is_well(self._pool))
                    obey_cancellation()
                    await asyncio.sleep(pause * random.uniform(0.5, 1.0))  # noqa: S311 - jitter
                    pause = min(pause * 2, LONGEST_PAUSE)
                else:
                    self._follow(records)
                    pieces.done()
                    pause = FIRST_PAUSE
        finally:
            self._polled_at, self._busy = time.monotonic(), False

    async def _place_again(self, partitions: set[TopicPartition], client: AIOKafkaConsumer) -> None:
        """Those of them that are ours still. What fails leaves them unplaced, and nothing of them is let out until it succeeds."""
        try:
            await self.place(partitions & client.assignment(), client)
        except Exception as error:
            log.exception("partitions could not be placed; trying again", error=str(error) or type(error).__name__)
            await asyncio.sleep(FIRST_PAUSE)

    def _unplace(self, partitions: set[TopicPartition]) -> None:
        self._placed -= partitions
        self._placings += 1

    def _lose(self, revoked: set[TopicPartition]) -> None:
        self._unplace(revoked)
        self._behind = {partition: offset for partition, offset in self._behind.items() if partition not in revoked}

    async def place(self, assigned: set[TopicPartition], client: AIOKafkaConsumer) -> None:
        """Put newly assigned partitions where the database says, and those it never read at their beginning; waits for the database."""
        self._unplace(assigned)
        number, self._placing = self._placings, self._placing + 1
        try:
            known = await self._positions()
            self._see(known)
            unread = [partition for partition in assigned if (partition.topic, partition.partition) not in known]
            for partition in assigned.difference(unread):
                client.seek(partition, known[partition.topic, partition.partition])
            if unread:
                await client.seek_to_beginning(*unread)
            if number == self._placings:  # else they were assigned anew meanwhile, and are placed again
                self._placed |= assigned
        finally:
            self._placing -= 1

    async def _positions(self) -> dict[offsets.Partition, int]:
        pause = FIRST_PAUSE
        while True:
            try:
                return await offsets.positions(self._pool, self._cluster)
            except Exception as error:  # noqa: BLE001 - without the database there is nothing to do but wait
                log.warning("the database is away; partitions wait for their offsets", error=str(error))
                obey_cancellation()
                await asyncio.sleep(pause)
                pause = min(pause * 2, LONGEST_PAUSE)

    def _see(self, known: dict[offsets.Partition, int]) -> bool:
        """Keep the furthest that was ever seen; False if the database is behind it: then it is compared, and the client begins anew."""
        if any(known.get(place, 0) < seen for place, seen in self._known.items()):
            if not self._older:
                log.error("the database has gone back: it is compared with Kafka, and read from anew")
            self._older = True
            return False
        self._known |= known
        return True

    def _follow(self, records: Sequence[Record]) -> None:
        """Let Kafka's own commit follow behind, for the tools: the offsets that rule are the database's."""
        for record in records:
            next_offset = record.offset + 1
            self._behind[TopicPartition(record.topic, record.partition)] = next_offset
            self._known[record.topic, record.partition] = next_offset
        self._commit_soon()

    def _commit_soon(self) -> None:
        if self._behind and (self._commit is None or self._commit.done()):
            self._commit = asyncio.create_task(self._commit_behind())

    async def _commit_behind(self) -> None:
        """What can't be committed now is with a later poll: by it an older copy of the database is known."""
        while self._client is not None and (nexts := {p: o for p, o in self._behind.items() if p in self._client.assignment()}):
            self._behind = {}
            try:
                await self._client.commit(nexts)
            except AWAY as error:
                self._behind = nexts | self._behind
                log.debug("Kafka's commit was lost; the database's offsets rule", error=str(error))
                return

    def health(self) -> dict[str, str]:
        """What GET /health tells of it beside `up`: the service answers and reads, also while the mailer holds its sending."""
        return {"older_copy": self.older_copy} if self.older_copy else {}

    async def lag(self) -> dict[str, Any]:
        """Records that wait, by topic; what the broker can't tell now is missing."""
        client = self._client
        if client is None:
            return {"kafka": "away"}
        partitions = [TopicPartition(topic, number) for topic in self._topics for number in client.partitions_for_topic(topic) or ()]
        try:
            async with asyncio.timeout(3):
                ends = await client.end_offsets(partitions)
                starts = await client.beginning_offsets(partitions)
        except AWAY:
            return {"kafka": "away"}
        known = await offsets.positions(self._pool, self._cluster)
        waiting = dict.fromkeys(self._topics, 0)
        for partition, end in ends.items():
            at = max(known.get((partition.topic, partition.partition), 0), starts[partition])
            waiting[partition.topic] += max(0, end - at)
        return waiting


def _record(raw: ConsumerRecord[bytes, bytes]) -> Record:
    return Record(raw.topic, raw.partition, raw.offset, raw.key, tuple(raw.headers), raw.value, _moment(raw.timestamp))


def _moment(timestamp: int) -> datetime:
    """A record's timestamp (ms). Its writer chooses it: a moment that no calendar has, such as one in the year 300,000, is its nearest."""
    return datetime.fromtimestamp(min(max(timestamp, 0), LAST_MOMENT_MS) / 1000, UTC)
