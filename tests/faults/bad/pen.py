"""Writes bad records to Kafka as foreign clients do: compressed or not, in batches, with header names that are no text, in transactions."""

import asyncio
import shutil
import subprocess
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Self

from aiokafka import AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.errors import KafkaError
from aiokafka.record.default_records import _DefaultRecordBatchBuilderPy
from tests.faults.bad.accounts import Place
from tests.faults.bad.records import AT_ONCE, Bad, Records

FOREVER = 2**63 - 1
ANY_MOMENT = "message.timestamp.after.max.ms"
OF_THE_TOPIC = 1  # Kafka's number for where a setting comes from
KCAT_CODECS = ("zstd", "lz4", "snappy")
GOOD_BESIDE = 3


class OddName(str):
    """A header's name that goes out as bytes which are no UTF-8."""

    __slots__ = ()

    def encode(self, *_: object) -> bytes:
        return b"\xff\xfe" + str.encode(self)


@dataclass
class Pen:
    """`written`: topic → place → what lies there; `refused`: how often the broker didn't take one, by its error."""

    kafka: str
    random: Random
    written: defaultdict[str, dict[Place, Bad]] = field(default_factory=lambda: defaultdict(dict))
    refused: Counter[str] = field(default_factory=Counter)
    _producers: list[AIOKafkaProducer] = field(default_factory=list)

    async def __aenter__(self) -> Self:
        for codec in (None, None, "gzip"):
            producer = AIOKafkaProducer(
                bootstrap_servers=self.kafka, compression_type=codec, linger_ms=5, max_request_size=2**21, acks="all"
            )
            await producer.start()
            self._producers.append(producer)
        return self

    async def __aexit__(self, *_: object) -> None:
        for producer in self._producers:
            await producer.stop()

    async def write(self, bads: Sequence[Bad]) -> None:
        """All of these; returns when the broker has taken or refused each."""
        for start in range(0, len(bads), AT_ONCE):
            await asyncio.gather(*map(self._write, bads[start : start + AT_ONCE]))

    async def _write(self, bad: Bad) -> None:
        producer = self.random.choice(self._producers)
        try:
            kept = await producer.send_and_wait(bad.topic, bad.value, bad.key, timestamp_ms=bad.at, headers=list(bad.headers))
        except (KafkaError, ValueError, TypeError) as error:
            self.refused[type(error).__name__] += 1
        else:
            self.written[kept.topic][kept.topic, kept.partition, kept.offset] = bad

    async def with_odd_names(self, bads: Sequence[Bad]) -> None:
        """A batch whose first header's name is no UTF-8: nothing is wrong with its records."""
        client = self._producers[0]
        batch = client.create_batch()
        batch._builder = _DefaultRecordBatchBuilderPy(
            2, 0, is_transactional=0, producer_id=-1, producer_epoch=-1, base_sequence=0, batch_size=1_000_000
        )
        for bad in bads:
            batch.append(key=bad.key, value=bad.value, timestamp=None, headers=[(OddName("x"), b"1"), *bad.headers])
        batch.close()
        kept = await (await client.send_batch(batch, bads[0].topic, partition=0))
        for place, bad in enumerate(bads):
            self.written[kept.topic][kept.topic, kept.partition, kept.offset + place] = bad

    async def taken_back(self, bads: Sequence[Bad]) -> list[int]:
        """In a transaction that is aborted: they were never said; → the partitions that they lie in."""
        async with AIOKafkaProducer(bootstrap_servers=self.kafka, transactional_id=f"taken-back-{bads[0].topic}") as writer:
            await writer.begin_transaction()
            kept = [await writer.send_and_wait(bad.topic, bad.value, bad.key, headers=list(bad.headers)) for bad in bads]
            await writer.abort_transaction()
        return sorted({one.partition for one in kept})

    async def at_the_end(self, partition: int, bad: Bad) -> None:
        """Behind the mark of a transaction's end, which nobody is ever given: without a record after it a reader never seems to be done."""
        kept = await self._producers[0].send_and_wait(bad.topic, bad.value, bad.key, partition, headers=list(bad.headers))
        self.written[kept.topic][kept.topic, kept.partition, kept.offset] = bad

    async def by_kcat(self, records: Records) -> bool:
        """Batches as other libraries compress them; False where there is no kcat."""
        if shutil.which("kcat") is None:
            return False
        for codec in KCAT_CODECS:
            for _ in range(GOOD_BESIDE):
                bad = records.good()
                before = await self._end(bad.topic, 0)
                await asyncio.to_thread(kcat_write, self.kafka, bad, "-z", codec, "-p", "0")
                self.written[bad.topic][bad.topic, 0, before] = bad
        return True

    async def _end(self, topic: str, partition: int) -> int:
        from aiokafka import AIOKafkaConsumer  # noqa: PLC0415 - its one use

        async with AIOKafkaConsumer(bootstrap_servers=self.kafka, enable_auto_commit=False) as client:
            where = TopicPartition(topic, partition)
            return int((await client.end_offsets([where]))[where])


def kcat_write(kafka: str, bad: Bad, *options: str) -> None:
    """One record with the tool that people have at hand. Its value goes as the whole of standard input's one message."""
    headers = [part for name, value in bad.headers for part in ("-H", f"{name}={(value or b'').decode()}")]
    key = ["-k", bad.key.decode()] if bad.key else []
    command = ["kcat", "-P", "-b", kafka, "-t", bad.topic, "-D", "\x1e", *key, *headers, *options]
    subprocess.run(command, input=bad.value, check=True, capture_output=True, timeout=60)


async def let_any_moment_be_written(kafka: str, topics: Sequence[str]) -> None:
    """Brokers before Kafka 3.6, and many after, take any timestamp: so must the readers. Returns when the broker obeys."""
    admin = AIOKafkaAdminClient(bootstrap_servers=kafka)
    await admin.start()
    try:
        for name in topics:
            # This call replaces all of a topic's own settings, hence the merge.
            settings = {**await _settings(admin, name), ANY_MOMENT: str(FOREVER)}
            await admin.alter_configs([ConfigResource(ConfigResourceType.TOPIC, name, configs=settings)])
        for name in topics:
            while (await _settings(admin, name)).get(ANY_MOMENT) != str(FOREVER):  # noqa: ASYNC110 - the broker tells nobody
                await asyncio.sleep(0.1)
        await asyncio.sleep(1)  # from there to the partitions' logs
    finally:
        await admin.close()


async def _settings(admin: AIOKafkaAdminClient, name: str) -> dict[str, str]:
    """What is set on the topic itself."""
    answer = (await admin.describe_configs([ConfigResource(ConfigResourceType.TOPIC, name)]))[0]
    return {entry[0]: entry[1] for entry in answer.resources[0][4] if entry[3] == OF_THE_TOPIC}
