"""The deploy step against a real broker, on topics of its own."""

import asyncio
import subprocess
import sys
import time
from uuid import uuid4

import pytest
from aiokafka import AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType

from postroom.contracts.deploy import deploy, wanted
from postroom.contracts.topics import Topic

DAY = 24 * 3600 * 1000


def _topic(name: str, partitions: int = 1, retention_ms: int = 30 * DAY) -> Topic:
    return Topic(name, owner="tests", consumers=(), key="none", partitions=partitions, retention_ms=retention_ms)


@pytest.fixture
def name() -> str:
    return f"deploy-{uuid4()}"


async def _settings(kafka: str, name: str) -> dict[str, str]:
    admin = AIOKafkaAdminClient(bootstrap_servers=kafka)
    await admin.start()
    try:
        answers = await admin.describe_configs([ConfigResource(ConfigResourceType.TOPIC, name)])
        return {entry[0]: entry[1] for entry in answers[0].resources[0][4] if entry[3] == 1}
    finally:
        await admin.close()


async def _settle(kafka: str, name: str, setting: str, value: str) -> None:
    """A change of settings reaches the broker a moment after the controller has it."""
    async with asyncio.timeout(20):
        while (await _settings(kafka, name)).get(setting) != value:  # noqa: ASYNC110
            await asyncio.sleep(0.05)


async def _grown(kafka: str, name: str, partitions: int) -> None:
    admin = AIOKafkaAdminClient(bootstrap_servers=kafka)
    await admin.start()
    async with asyncio.timeout(20):
        while len((await admin.describe_topics([name]))[0]["partitions"]) != partitions:  # noqa: ASYNC110
            await asyncio.sleep(0.05)
    await admin.close()


async def _news(kafka: str, topic: Topic, *, grow: bool = False) -> str:
    return (await deploy(kafka, [topic], grow=grow))[0].news


async def test_a_topic_is_made_with_its_declared_settings_and_the_second_run_changes_nothing(kafka: str, name: str) -> None:
    assert await _news(kafka, _topic(name)) == "created, 1 partition(s)"
    assert await _settings(kafka, name) == _topic(name).settings
    assert await _news(kafka, _topic(name)) == "as declared"


async def test_two_steps_at_once_make_it_once(kafka: str, name: str) -> None:
    news = await asyncio.gather(*(_news(kafka, _topic(name)) for _ in range(3)))
    assert sorted(set(news) - {"as declared", "made by another deploy step just now"}) == ["created, 1 partition(s)"]


async def test_a_setting_that_differs_is_corrected_and_another_one_stays(kafka: str, name: str) -> None:
    await deploy(kafka, [_topic(name)])
    admin = AIOKafkaAdminClient(bootstrap_servers=kafka)
    await admin.start()
    await admin.alter_configs([ConfigResource(ConfigResourceType.TOPIC, name, configs={**_topic(name).settings, "segment.ms": "60000"})])
    await admin.close()
    await _settle(kafka, name, "segment.ms", "60000")
    assert await _news(kafka, _topic(name, retention_ms=40 * DAY)) == f"changed retention.ms {30 * DAY} → {40 * DAY}"
    await _settle(kafka, name, "retention.ms", str(40 * DAY))
    found = await _settings(kafka, name)
    assert (found["retention.ms"], found["segment.ms"]) == (str(40 * DAY), "60000")


async def test_partitions_grow_only_when_asked(kafka: str, name: str) -> None:
    await deploy(kafka, [_topic(name)])
    assert "--add-partitions" in await _news(kafka, _topic(name, partitions=2))
    assert await _news(kafka, _topic(name, partitions=2), grow=True) == "grown from 1 to 2 partitions"
    await _grown(kafka, name, 2)
    assert await _news(kafka, _topic(name, partitions=1)) == "has 2 partitions, declared are 1: Kafka can't take partitions away"


def test_three_copies_need_two_to_have_a_record() -> None:
    assert wanted(_topic("t"), 3)["min.insync.replicas"] == "2"
    assert "min.insync.replicas" not in wanted(_topic("t"), 1)


def test_a_broker_that_is_not_there_is_one_sentence(tmp_path: object) -> None:
    argv = [sys.executable, "-m", "postroom.contracts.deploy", "--bootstrap", "127.0.0.1:1", "--emitters", "deploy/emitters.yaml"]
    done = subprocess.run(argv, check=False, capture_output=True, text=True, timeout=30)
    assert done.returncode == 1
    assert "Kafka at 127.0.0.1:1 can't be reached" in done.stderr
    assert "Traceback" not in done.stderr


async def test_a_writer_whose_clock_is_ahead_is_not_refused(kafka: str, name: str) -> None:
    """Kafka refuses what comes from more than an hour ahead, and the outbox would stand still until the clock is right."""
    await _news(kafka, _topic(name))
    async with AIOKafkaProducer(bootstrap_servers=kafka, enable_idempotence=True, acks="all") as producer:
        ahead = int(time.time() + DAY / 1000) * 1000
        kept = await producer.send_and_wait(name, b"from tomorrow", timestamp_ms=ahead)
    assert abs(kept.timestamp / 1000 - time.time()) < 3600
