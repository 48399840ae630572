"""Records written to a real broker by kcat, and by a client that knows nothing of this code, are understood."""

import asyncio
import shutil
import subprocess
import warnings
from collections.abc import Callable
from datetime import UTC, datetime

import orjson
import pytest
from aiokafka import AIOKafkaConsumer, TopicPartition

from embedded.paths import ROOT
from postroom.contracts import emitters, examples, topics
from postroom.contracts.event import Event
from postroom.contracts.reading import Reader
from postroom.contracts.record import Record

TOPIC = "in.erp"
EXAMPLE = next(example for example in examples.of_type("GoodsReceived.v1") if example.name == "automatic")
EVENT = orjson.loads(EXAMPLE.value)
DATA = orjson.dumps(EVENT["data"])
ATTRIBUTES = {name: EVENT[name] for name in ("specversion", "source", "type", "time", "subject", "tenant", "company")}


async def _after(kafka: str, write: Callable[[], object]) -> list[Event]:
    """Write, and read back from the broker what was written: as the intake reads it."""
    registered = emitters.load(ROOT / "deploy" / "emitters.yaml")
    reader = Reader(topics.declared(registered.values()), registered)
    consumer = AIOKafkaConsumer(bootstrap_servers=kafka, enable_auto_commit=False)
    await consumer.start()
    try:
        partitions = [TopicPartition(TOPIC, number) for number in range(3)]
        consumer.assign(partitions)
        await consumer.seek_to_end(*partitions)
        [await consumer.position(partition) for partition in partitions]
        await asyncio.to_thread(write)
        found = await consumer.getmany(timeout_ms=10_000)
    finally:
        await consumer.stop()
    raw = [one for batch in found.values() for one in batch]
    moments = [datetime.fromtimestamp(one.timestamp / 1000, UTC) for one in raw]
    return [
        reader(Record(one.topic, one.partition, one.offset, one.key, tuple(one.headers), one.value, moment))
        for one, moment in zip(raw, moments, strict=True)
    ]


def _kcat(kafka: str, value: bytes, *arguments: str) -> None:
    kcat = shutil.which("kcat") or shutil.which("kafkacat")
    if kcat is None:
        pytest.skip("kcat is not installed (apt-get install kcat)")
    argv = [kcat, "-P", "-b", kafka, "-t", TOPIC, "-D", "\x1e", *arguments]
    subprocess.run(argv, input=value, check=True, capture_output=True, timeout=30)


def _is_the_example(event: Event, id_: str) -> None:
    assert event.identity == ("erp", "po-service", id_)
    assert (event.type, event.tenant, event.subject) == ("GoodsReceived.v1", "demo", EVENT["subject"])
    assert event.data.model_dump(mode="json")["lines"] == EVENT["data"]["lines"]


async def test_kcat_in_binary_mode(kafka: str) -> None:
    headers = [part for name, value in {**ATTRIBUTES, "id": "by-kcat"}.items() for part in ("-H", f"ce_{name}={value}")]
    events = await _after(kafka, lambda: _kcat(kafka, DATA, "-k", "the-order", *headers))
    assert len(events) == 1
    _is_the_example(events[0], "by-kcat")
    assert events[0].key == "the-order"


async def test_kcat_in_structured_mode(kafka: str) -> None:
    events = await _after(kafka, lambda: _kcat(kafka, EXAMPLE.value))
    assert len(events) == 1
    _is_the_example(events[0], EVENT["id"])
    assert events[0].key == EVENT["subject"], "without a Kafka key, order is kept by the subject"


async def test_a_client_that_is_not_ours_in_binary_mode(kafka: str) -> None:
    headers = [(f"ce_{name}", value.encode()) for name, value in {**ATTRIBUTES, "id": "by-kafka-python"}.items()]
    events = await _after(kafka, lambda: _kafka_python(kafka, DATA, [("content-type", b"application/json"), *headers]))
    assert len(events) == 1
    _is_the_example(events[0], "by-kafka-python")


async def test_a_client_that_is_not_ours_in_structured_mode(kafka: str) -> None:
    events = await _after(kafka, lambda: _kafka_python(kafka, EXAMPLE.value, []))
    assert len(events) == 1
    _is_the_example(events[0], EVENT["id"])


async def test_an_emitter_of_one_tenant_need_not_name_it(kafka: str) -> None:
    document = {name: value for name, value in EVENT.items() if name != "tenant"}
    events = await _after(kafka, lambda: _kafka_python(kafka, orjson.dumps(document), []))
    assert [event.tenant for event in events] == ["demo"]


def _kafka_python(kafka: str, value: bytes, headers: list[tuple[str, bytes]]) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        from kafka import KafkaProducer  # noqa: PLC0415 - it reads its schemas in a way that Python has deprecated, once
    producer = KafkaProducer(bootstrap_servers=kafka)
    producer.send(TOPIC, value=value, key=b"the-order", headers=headers).get(timeout=10)
    producer.close()
