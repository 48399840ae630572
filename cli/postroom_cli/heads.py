"""The published heads of chains, from where the database's owner can't take them back: Kafka's topic `history`, and files."""

import asyncio
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson
from aiokafka import AIOKafkaConsumer
from aiokafka.errors import KafkaError, UnknownTopicOrPartitionError

from postroom.contracts.history import HistoryAdvanced
from postroom_cli.errors import CliError

TOPIC = "history"
_SECONDS = 20
Head = tuple[int, str]
"""(entry, hash)."""


@dataclass
class Published:
    """What one source says: each order's heads, and what in it can't be read."""

    heads: dict[str, set[Head]] = field(default_factory=lambda: defaultdict(set))
    unreadable: list[str] = field(default_factory=list)

    def add(self, told: Mapping[str, Any], tenant: str, of: str, where: str) -> None:
        """Take in what was told there, if it is of this tenant."""
        try:
            fact = HistoryAdvanced.model_validate(told)
        except ValueError:
            self.unreadable.append(where)
        else:
            if of == tenant:
                self.heads[fact.order].add((fact.entry, fact.hash))


def from_files(paths: Iterable[Path], tenant: str) -> Published:
    """The heads in these files of JSON lines; several processes write several files. Raises CliError where one can't be opened."""
    found = Published()
    for path in paths:
        try:
            with path.open("rb") as file:
                for number, line in enumerate(file, 1):
                    _add_line(found, line, tenant, f"{path}:{number}")
        except OSError as error:
            hint = "Name the file that commlog-service writes (POSTROOM_HEADS), or a copy of it."
            raise CliError("heads_unreadable", f"{path} can't be read: {error.strerror}.", hint, field="--heads") from error
    return found


def _add_line(found: Published, line: bytes, tenant: str, where: str) -> None:
    if not line.strip():
        return
    try:
        told = orjson.loads(line)
        found.add(told, tenant, told["tenant"], where)
    except (orjson.JSONDecodeError, KeyError, TypeError):
        # A crash in the middle of a line: the head came once more, whole, in the next one.
        found.unreadable.append(where)


def from_kafka(kafka: str, tenant: str, tell: Callable[[int, int], None]) -> Published:
    """All heads in the topic; `tell` hears how many of how many records are read. Raises CliError while Kafka is away."""
    try:
        return asyncio.run(_read(kafka, tenant, tell))
    except UnknownTopicOrPartitionError as error:
        hint = "python -m postroom.contracts.deploy makes it. If it was there, somebody has deleted it: check against the file."
        raise CliError("no_topic", f"Kafka at {kafka} has no topic {TOPIC}.", hint) from error
    except (KafkaError, OSError, TimeoutError) as error:
        detail = f"Kafka at {kafka} can't be read: {error or type(error).__name__}."
        raise CliError("kafka", detail, "Try again when it answers, or check against the file alone with --without-kafka.") from error


async def _read(kafka: str, tenant: str, tell: Callable[[int, int], None]) -> Published:
    # Without a group: it gets all partitions, and leaves no trace.
    consumer = AIOKafkaConsumer(TOPIC, bootstrap_servers=kafka, enable_auto_commit=False, client_id="postroom-audit", fetch_max_wait_ms=100)
    found = Published()
    try:
        await asyncio.wait_for(consumer.start(), _SECONDS)
        partitions = sorted(consumer.assignment())
        begins = await asyncio.wait_for(consumer.beginning_offsets(partitions), _SECONDS)
        ends = await asyncio.wait_for(consumer.end_offsets(partitions), _SECONDS)
        for partition in partitions:
            consumer.seek(partition, begins[partition])
        total = sum(ends.values()) - sum(begins.values())
        while left := sum([max(0, ends[one] - await consumer.position(one)) for one in partitions]):
            tell(total - left, total)
            async with asyncio.timeout(_SECONDS):
                batches = await consumer.getmany(timeout_ms=_SECONDS * 1000)
            if not batches:
                raise TimeoutError("no answer within 20 s")
            for records in batches.values():
                _take(found, records, tenant)
        tell(total, total)
    finally:
        await consumer.stop()
    return found


def _take(found: Published, records: Sequence[Any], tenant: str) -> None:
    for record in records:
        headers = dict(record.headers)
        where = f"{record.topic}/{record.partition}/{record.offset}"
        try:
            found.add(orjson.loads(record.value or b""), tenant, headers["ce_tenant"].decode(), where)
        except (orjson.JSONDecodeError, KeyError, UnicodeDecodeError):
            found.unreadable.append(where)
