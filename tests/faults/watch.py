"""Looks into a house while it runs: what is in flight, and when it is at rest."""

import asyncio
import contextlib
from dataclasses import dataclass, field
from typing import Any, Self

import asyncpg
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError
from tests.faults.evidence import DATABASES, READS, TOPICS

AWAY = (asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError, OSError, TimeoutError, KafkaError, AssertionError)
_OUTBOX = "SELECT count(*) FROM outbox WHERE published_at IS NULL"
_OFFSETS = "SELECT topic, partition, next_offset FROM offsets"
_HELD = "SELECT count(*) FROM envelopes WHERE state IN ('leased', 'sending')"
_DIGESTS = "SELECT (SELECT count(*) FROM digests WHERE made_at IS NULL) + (SELECT count(*) FROM digest_entries WHERE untold)"
_UNFILED = "SELECT count(*) FROM unfiled_heads"
_UNFINISHED = "SELECT count(*) FROM envelopes WHERE state IN ('pending', 'leased', 'sending', 'deferred', 'unknown')"


@dataclass
class Watch:
    """Keeps its own connections; what is away raises one of AWAY."""

    kafka: str
    postgres: str
    _databases: dict[str, Any] = field(default_factory=dict)
    _client: AIOKafkaConsumer | None = None
    _locks: dict[str, asyncio.Lock] = field(default_factory=dict)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.forget()

    async def forget(self) -> None:
        """Drop all connections: what they led to was killed."""
        databases, self._databases = self._databases, {}
        client, self._client = self._client, None
        for one in databases.values():
            one.terminate()
        if client:
            with contextlib.suppress(Exception):
                await client.stop()

    async def fetch(self, service: str, sql: str, *values: Any) -> list[Any]:
        """Rows of a service's database."""
        async with self._locks.setdefault(service, asyncio.Lock()):
            return await self._fetch(service, sql, *values)

    async def _fetch(self, service: str, sql: str, *values: Any) -> list[Any]:
        if service not in self._databases or self._databases[service].is_closed():
            self._databases[service] = await asyncpg.connect(f"{self.postgres}/{DATABASES[service]}", timeout=5)
        return list(await self._databases[service].fetch(sql, *values, timeout=15))

    async def value(self, service: str, sql: str) -> int:
        return int((await self.fetch(service, sql))[0][0])

    async def ends(self) -> dict[tuple[str, int], int]:
        """Where each topic ends now."""
        async with self._locks.setdefault("kafka", asyncio.Lock()):
            return await self._ends()

    async def _ends(self) -> dict[tuple[str, int], int]:
        if self._client is None:
            client = AIOKafkaConsumer(bootstrap_servers=self.kafka, enable_auto_commit=False, request_timeout_ms=5_000)
            await client.start()
            self._client = client
            await client._client.force_metadata_update()
        known = self._client._client.cluster
        partitions = [TopicPartition(topic, number) for topic in TOPICS for number in known.partitions_for_topic(topic) or ()]
        return {(one.topic, one.partition): end for one, end in (await self._client.end_offsets(partitions)).items()}

    async def lag(self, service: str) -> int:
        """Records that the service has not given their effect."""
        ends = await self.ends()
        known = {(row["topic"], row["partition"]): row["next_offset"] for row in await self.fetch(service, _OFFSETS)}
        return sum(max(end - known.get(place, 0), 0) for place, end in ends.items() if place[0] in READS[service])

    async def in_flight(self, unit: str) -> str:
        """What is under way in this unit, in words; '' if nothing is."""
        service = unit.removesuffix("-2")
        if service in {"mailer-service", "kafka", "postgres"} and (held := await self.value("mailer-service", _HELD)):
            return f"{held} envelopes leased or being sent"
        services = [service] if service in READS else list(READS)
        for one in services:
            if rows := await self.value(one, _OUTBOX):
                return f"{rows} outbox rows of {one}"
        for one in services:
            if lag := await self.lag(one):
                return f"{lag} records before {one}"
        return ""

    async def unfinished(self) -> str:
        """What keeps the house from being at rest; '' if nothing does."""
        for service in READS:
            if (lag := await self.lag(service)) or (lag := await self.value(service, _OUTBOX)):
                return f"{service}: {lag} records or outbox rows"
        number = await self.value("mailer-service", _UNFINISHED)
        if number:
            return f"{number} envelopes"
        if digests := await self.value("mailer-service", _DIGESTS):
            return f"{digests} digests or entries of them"
        heads = await self.value("commlog-service", _UNFILED)
        return f"{heads} heads on the way to their file" if heads else ""
