"""A real Kafka holds what aiokafka can't read, beside good records: each of those has its effect, in every partition."""

import asyncio

from aiokafka import AIOKafkaProducer
from aiokafka.record.default_records import _DefaultRecordBatchBuilderPy
from tests.faults.bad.pen import let_any_moment_be_written
from tests.integration.shared.conftest import Service, budget
from tests.integration.shared.test_relay_and_consumer import consumer_of, producer, send, topic, until
from tests.unit.shared.test_fetched import OddName

from postroom import broker, running
from postroom.contracts import cloudevents
from postroom.contracts.topics import Topic

__all__ = ["producer", "topic"]  # fixtures


async def write_odd_name(kafka: str, topic: Topic, id_: str, partition: int) -> None:
    headers, value = cloudevents.encode(budget(id_, subject=id_))
    foreign = AIOKafkaProducer(bootstrap_servers=kafka)
    made = foreign.create_batch()
    made._builder = _DefaultRecordBatchBuilderPy(
        2, 0, is_transactional=0, producer_id=-1, producer_epoch=-1, base_sequence=0, batch_size=100_000
    )
    made.append(key=b"k", value=value, timestamp=None, headers=[(OddName("x"), b"1"), *headers])
    made.close()
    async with foreign:
        await (await foreign.send_batch(made, topic.name, partition=partition))


async def test_an_odd_header_name_stops_no_partition(service: Service, kafka: str, topic: Topic, producer: AIOKafkaProducer) -> None:
    for partition in range(3):
        await send(producer, topic, f"a{partition}", partition=partition)
        await write_odd_name(kafka, topic, f"odd-{partition}", partition)
        await send(producer, topic, f"b{partition}", partition=partition)
    async with running.background(consumer_of(service, kafka, topic, "odd-names").run):

        async def all_there() -> bool:
            return len(await service.effects()) == 9

        await until(all_there)
    assert await service.parked() == []


async def test_a_moment_that_no_calendar_has_stops_nothing(service: Service, kafka: str, topic: Topic, producer: AIOKafkaProducer) -> None:
    """A broker that checks no timestamps, as those before Kafka 3.6, takes the year 146 million from its writers."""
    await let_any_moment_be_written(kafka, [topic.name])
    await send(producer, topic, "a-far", timestamp_ms=2**62)
    await send(producer, topic, "a-last")
    async with running.background(consumer_of(service, kafka, topic, "moments").run):

        async def last() -> bool:
            return "a-last" in await service.effects()

        await until(last)
    assert await service.effects() == ["a-far", "a-last"]


async def test_what_a_writer_took_back_in_its_transaction_was_never_said(
    service: Service, kafka: str, topic: Topic, producer: AIOKafkaProducer
) -> None:
    async with AIOKafkaProducer(bootstrap_servers=kafka, transactional_id=f"{topic.name}-writer") as transactional:
        for id_, commit in (("a-taken-back", False), ("a-said", True)):
            await transactional.begin_transaction()
            await send(transactional, topic, id_)
            await (transactional.commit_transaction if commit else transactional.abort_transaction)()
    await send(producer, topic, "a-last")
    async with running.background(consumer_of(service, kafka, topic, "transactions").run):

        async def last() -> bool:
            return "a-last" in await service.effects()

        await until(last)
    assert await service.effects() == ["a-said", "a-last"]


async def test_a_failed_fetch_skips_nothing(service: Service, kafka: str, topic: Topic, producer: AIOKafkaProducer) -> None:
    """The client loses what it had taken, as aiokafka does when another partition raises; it is read again from the database's offsets."""
    for n in range(10):
        await send(producer, topic, f"{n % 3}-{n}", partition=n % 3)
    consumer = consumer_of(service, kafka, topic, "failed-fetch")
    async with running.background(consumer.run):
        async with asyncio.timeout(20):
            while consumer._client is None:  # noqa: ASYNC110 - there is no other sign of it
                await asyncio.sleep(0.01)
        client, real = consumer._client, consumer._client.getmany

        async def lost_once(**arguments: int) -> None:
            client.getmany = real
            await real(**arguments)
            raise ValueError("lost")

        client.getmany = lost_once
        await send(producer, topic, "x-1", partition=1)

        async def all_there() -> bool:
            return len(await service.effects()) == 11

        await until(all_there, seconds=broker.LONGEST_PAUSE + 20)
    assert len(set(await service.effects())) == 11
