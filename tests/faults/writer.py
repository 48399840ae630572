"""Writes a load to Kafka as any other system would, and goes on through every outage: what isn't acked is written again."""

import asyncio
import contextlib
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Self

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError
from tests.faults.expected import Place
from tests.faults.load import PAPERS, Load, Written


@dataclass
class Writer:
    """`begun`: mark → when its event was first given to Kafka; `papers`: likewise for documents; `acked`: what the broker says it has.

    `types`: mark → the event's type.
    """

    kafka: str
    begun: dict[str, float] = field(default_factory=dict)
    papers: dict[str, float] = field(default_factory=dict)
    acked: set[Place] = field(default_factory=set)
    types: dict[str, str] = field(default_factory=dict)
    count: int = 0
    _producer: AIOKafkaProducer | None = None
    _open: set[asyncio.Task[None]] = field(default_factory=set)

    async def __aenter__(self) -> Self:
        self._producer = AIOKafkaProducer(bootstrap_servers=self.kafka, acks="all", linger_ms=2, request_timeout_ms=5_000)
        await self._producer.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        for task in self._open:
            task.cancel()
        if self._producer:
            with contextlib.suppress(Exception):
                await asyncio.wait_for(self._producer.stop(), 10)

    def write(self, records: Iterable[Written]) -> None:
        """Begin to write these, in this order."""
        for one in records:
            if one.mark:
                self.types.setdefault(one.mark, one.type)
                (self.papers if one.topic == PAPERS else self.begun).setdefault(one.mark, time.time())
            self.count += 1
            task = asyncio.create_task(self._until_acked(one))
            self._open.add(task)
            task.add_done_callback(self._open.discard)

    async def _until_acked(self, one: Written) -> None:
        assert self._producer
        while True:
            try:
                kept = await self._producer.send_and_wait(one.topic, key=one.key, value=one.value, headers=list(one.headers))
            except (KafkaError, TimeoutError, OSError):
                await asyncio.sleep(0.2)
            else:
                self.acked.add((kept.topic, kept.partition, kept.offset))
                return

    async def steadily(self, load: Load, per_second: float) -> None:
        """Until cancelled; a seventh of it are documents for po-service."""
        due, n = time.monotonic(), 0
        while True:
            self.write(load.events(1))
            n += 1
            if n % 14 == 0:
                self.write(load.papers(1))
            due += 1 / per_second
            await asyncio.sleep(max(due - time.monotonic(), 0))

    async def all_acked(self, seconds: float = 120) -> None:
        """Wait for the broker to have taken everything."""
        if self._open:
            _, late = await asyncio.wait(set(self._open), timeout=seconds)
            if late:
                raise TimeoutError(f"{len(late)} records were not acked within {seconds:g} s")
