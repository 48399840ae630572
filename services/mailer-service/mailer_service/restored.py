"""An older copy of the database was restored: finds out what is sent already, and lets an operator decide what may be."""

import asyncio
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

import orjson
import structlog
from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition

from mailer_service.settings import Settings
from mailer_service.store import envelopes
from mailer_service.store import restored as store
from postroom import older_copy
from postroom.broker.clients import AWAY
from postroom.contracts.outcomes import EnvelopeOutcome
from postroom.contracts.topics import of_fact
from postroom.db import DATABASE_AWAY, Connection, Pool
from postroom.older_copy import OlderCopy
from postroom.operations import Release
from postroom.problems import Problem

log = structlog.get_logger()
LOOK_SECONDS = 1.0
# Clocks of several machines, and rows that were committed before others with an earlier time.
MARGIN = timedelta(hours=1)
LISTED = 10_000
# What the columns hold.
MOST = 2**31 - 1


class Restored:
    """While an older copy is held: Kafka's outcomes survived, so what they call sent is settled; the rest is in doubt."""

    def __init__(self, pool: Pool, settings: Settings) -> None:
        self._pool = pool
        self._settings = settings

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            try:
                await self.look()
            except (*AWAY, *DATABASE_AWAY) as error:
                log.warning("what was sent before the restore can't be looked up now", error=str(error) or type(error).__name__)
            await asyncio.sleep(LOOK_SECONDS)

    async def look(self) -> None:
        """One step further, if there is one."""
        async with self._pool.acquire() as connection:
            held = await older_copy.open_one(connection)
            if held is None:
                return
            progress = await store.progress(connection, held.id)
            if progress and progress["last_sequence"] is None and await store.end(connection, held.id):
                log.info("all is read again", doubtful=await store.count_doubtful(connection, held.id))
        if progress is None:
            await self._read(held)

    async def _read(self, held: OlderCopy) -> None:
        """Read what the outcomes say since the copy was taken, and settle it. Several instances may: the second finds it done."""
        sent, last = 0, held.last_sign
        async with AIOKafkaConsumer(bootstrap_servers=self._settings.kafka, enable_auto_commit=False) as client:
            async for records in _since(client, of_fact(EnvelopeOutcome.TYPE).name, held.last_sign and held.last_sign - MARGIN):
                found = list(_sent(records))
                if found:
                    async with self._pool.acquire() as connection:
                        await store.add_sent(connection, found)
                sent += len(found)
                last = max(filter(None, (last, *(at for *_, at in found))), default=None)
        async with self._pool.acquire() as connection, connection.transaction():
            settled = await store.settle(connection)
            await store.begin(connection, held.id, last, sent)
        log.info("the outcomes since the copy are read", sent=sent, settled=settled)

    # -- for the operator (operations.Doubts) ---------------------------------------------------------------------------------------

    async def told(self, connection: Connection, tenant: str) -> dict[str, Any]:
        """What was sent by its outcome, and what may be out; the addresses of this tenant."""
        held = await older_copy.open_one(connection)
        id_ = held.id if held else 0
        progress = await store.progress(connection, id_)
        known = {"outcomes_read": progress is not None, "read_again": bool(progress and progress["last_sequence"] is not None)}
        return {
            **(known if held else {}),
            **({"last_outcome": progress["last_outcome"], "sent_by_outcomes": progress["sent"]} if progress else {}),
            "doubtful": await store.count_doubtful(connection, id_),
            "envelopes": [dict(row) for row in await store.doubtful(connection, id_, tenant, LISTED)],
        }

    async def settle(self, connection: Connection, how: Release) -> dict[str, int]:
        """Decide what is in doubt, once it is known. What was held at an earlier release is sent too, if that is what is wanted."""
        held = await older_copy.open_one(connection)
        if held:
            progress = await store.progress(connection, held.id)
            if progress is None:
                raise Problem(409, "outcomes_unread", "What was sent before the restore is still being read from Kafka. Try again shortly.")
            if progress["last_sequence"] is None and how.doubtful == "hold":
                raise Problem(409, "not_read_again", "What lay in Kafka is still being read again, and may be in doubt too. See lag.")
            await store.settle(connection)
        if how.doubtful == "hold":
            return {"held": await store.hold_doubtful(connection, held.id if held else 0)}
        doubtful = await store.count_doubtful(connection, held.id if held else 0)
        await store.queue_held(connection)
        await envelopes.wake_senders(connection)
        return {"sent_again": doubtful}


async def _since(client: AIOKafkaConsumer, topic: str, moment: datetime | None) -> Any:
    """Batches of a topic's records from this moment (None: from its beginning) to where it ends now."""
    partitions = await older_copy.partitions_of(client, (topic,))
    client.assign(partitions)
    ends = await client.end_offsets(partitions)
    starts = await client.beginning_offsets(partitions)
    if moment:
        asked = dict.fromkeys(partitions, int(moment.timestamp() * 1000))
        found = await client.offsets_for_times(asked)
        starts = {one: found[one].offset if found.get(one) else ends[one] for one in partitions}
    for one in partitions:
        client.seek(one, starts[one])
    waiting: dict[TopicPartition, int] = {one: end for one, end in ends.items() if starts[one] < end}
    while waiting:
        for partition, records in (await client.getmany(timeout_ms=1_000)).items():
            yield records
            if records[-1].offset + 1 >= waiting.get(partition, 0):
                waiting.pop(partition, None)


def _sent(records: Iterable["ConsumerRecord[bytes, bytes]"]) -> Iterable[store.Sent]:
    """The outcomes among these that say `sent`; the topic is our own."""
    for record in records:
        try:
            told = orjson.loads((record.value or b"null").replace(b"\\u0000", b"?"))
            fact = EnvelopeOutcome.model_validate(told) if isinstance(told, dict) and told.get("state") == "sent" else None
        except ValueError as error:
            # Somebody else's: ours are valid, and none of them is to keep the restore waiting for ever.
            place = f"{record.topic}/{record.partition}/{record.offset}"
            log.warning("what is no outcome is passed over", place=place, error=str(error)[:200])
            continue
        if fact and fact.attempt <= MOST and (fact.code or 0) <= MOST:
            yield fact.envelope, fact.attempt, fact.code, f"sent before the restore, as its outcome says: {fact.detail}"[:1_000], fact.at
