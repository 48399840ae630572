"""From the outbox to Kafka: one lane per topic, so that a topic that fails can't stop another, and order is kept within it."""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress

import structlog
from aiokafka import AIOKafkaProducer

from postroom import db, failpoints, headers, outbox
from postroom.cancellation import in_time, obey_cancellation
from postroom.db import Connection, Pool

log = structlog.get_logger()

BATCH, BATCH_BYTES = 500, 8 << 20
SEND_SECONDS = 10.0
SWEEP_SECONDS = 30.0
KEEP_HOURS = 48
FORGOTTEN_AT_ONCE = 10_000


class Relay:
    """Publishes what the outbox holds. Any number of instances may run: an advisory lock lets one at a time into a lane."""

    def __init__(self, pool: Pool, topics: Sequence[str], new_producer: Callable[[], AIOKafkaProducer]) -> None:
        self._pool = pool
        self._new_producer = new_producer
        self._wake = {topic: asyncio.Event() for topic in topics}

    async def run(self) -> None:
        """Until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._listen())
            tasks.create_task(self._forget_published())
            for topic in self._wake:
                tasks.create_task(self._run_lane(topic))

    async def _listen(self) -> None:
        """Wake the lanes on NOTIFY; the sweep covers what a lost connection misses."""
        while True:
            with suppress(*db.DATABASE_AWAY):
                await self._listen_until_lost()
            obey_cancellation()
            await asyncio.sleep(1)

    async def _listen_until_lost(self) -> None:
        async with self._pool.acquire() as connection:
            await connection.add_listener("outbox", self._wake_all)
            try:
                self._wake_all()
                await db.until_lost(connection)
            finally:
                with suppress(*db.DATABASE_AWAY):
                    await connection.remove_listener("outbox", self._wake_all)

    def _wake_all(self, *_: object) -> None:
        for event in self._wake.values():
            event.set()

    async def _run_lane(self, topic: str) -> None:
        producer: AIOKafkaProducer | None = None
        delay, most = 0.2, BATCH
        try:
            while True:
                self._wake[topic].clear()
                try:
                    if producer is None:
                        producer = await self._started()
                    while await self._publish_some(topic, producer, most):
                        delay, most = 0.2, min(BATCH, most + most // 8 + 1)
                    delay = 0.2
                except Exception as error:  # noqa: BLE001 - the rows stay until the ack; a new producer tries again
                    # What is too much for its time would be too much each time.
                    most = max(1, most // 2) if isinstance(error, TimeoutError) else most
                    log.warning("outbox lane stopped for a moment", topic=topic, error=repr(error), again_in=delay, at_once=most)
                    await _close(producer)
                    producer = None
                    obey_cancellation()
                    await asyncio.sleep(delay)
                    delay = min(delay * 2, 5.0)
                    continue
                obey_cancellation()
                with suppress(TimeoutError):
                    async with asyncio.timeout(SWEEP_SECONDS):
                        await self._wake[topic].wait()
        finally:
            await _close(producer)

    async def _started(self) -> AIOKafkaProducer:
        producer = self._new_producer()
        try:
            await in_time(producer.start(), SEND_SECONDS)
        except BaseException:
            await _close(producer)
            raise
        return producer

    async def _publish_some(self, topic: str, producer: AIOKafkaProducer, most: int) -> bool:
        """Publish one batch of at most so many; True while there may be more. A send that isn't acked in time rolls everything back."""
        async with self._pool.acquire() as connection, connection.transaction():
            if not await connection.fetchval("SELECT pg_try_advisory_xact_lock(hashtext('outbox'), hashtext($1))", topic):
                # The other instance may be done before it sees our row: look again soon, not at the next sweep.
                asyncio.get_running_loop().call_later(0.25, self._wake[topic].set)
                return False
            rows = await outbox.unpublished(connection, topic, most, BATCH_BYTES)
            if not rows:
                return False
            failpoints.reach("relay.read")
            async with asyncio.timeout(SEND_SECONDS):
                acks = [
                    await producer.send(
                        topic,
                        key=row["key"],
                        value=row["value"],
                        headers=[(name, value or b"") for name, value in headers.from_json(row["headers"])],
                    )
                    for row in rows
                ]
                await asyncio.gather(*acks)
            failpoints.reach("relay.acked")
            await self._mark_published(connection, [row["id"] for row in rows])
            failpoints.reach("relay.marked")
        failpoints.reach("relay.committed")
        return True

    @staticmethod
    async def _mark_published(connection: Connection, ids: list[int]) -> None:
        await connection.execute("UPDATE outbox SET published_at = now() WHERE id = ANY($1::bigint[])", ids)

    async def _forget_published(self) -> None:
        while True:
            with suppress(*db.DATABASE_AWAY):
                while await self._forget_some():
                    obey_cancellation()
            obey_cancellation()
            await asyncio.sleep(600)

    async def _forget_some(self) -> bool:
        """Whether there may be more."""
        done = await self._pool.execute(
            """
            DELETE FROM outbox WHERE id IN (
                SELECT id FROM outbox WHERE published_at < now() - make_interval(hours => $1) LIMIT $2)
            """,
            KEEP_HOURS,
            FORGOTTEN_AT_ONCE,
        )
        return done == f"DELETE {FORGOTTEN_AT_ONCE}"


async def _close(producer: AIOKafkaProducer | None) -> None:
    if producer is not None:
        with suppress(Exception):
            await in_time(producer.stop(), 2)
