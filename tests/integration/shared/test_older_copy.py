"""A database that was restored from an older copy: found by Kafka's own commits, held, and nothing is passed over."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import asyncpg
import pytest
from aiokafka import AIOKafkaProducer, ConsumerRecord, TopicPartition
from tests.integration.shared.conftest import TOPIC, Service, budget, record
from tests.integration.shared.test_relay_and_consumer import consumer_of, producer, send, topic, until

from postroom import offsets, older_copy, running
from postroom.broker import Consumer
from postroom.contracts.topics import Topic
from postroom.offsets import Overtaken
from postroom.older_copy import Reached

__all__ = ["producer", "topic"]
CLUSTER = "a cluster"
PLACE = ("in.tests", 0)


async def behind(service: Service, *, here: int | None, committed: int, start: int = 0, end: int = 100) -> bool:
    """Whether a database at this offset (None: never read) counts as behind."""
    if here is not None:
        await service.pool.execute("INSERT INTO offsets VALUES ($1, $2, $3, $4)", CLUSTER, *PLACE, here)
    return (await older_copy.compare(service.pool, CLUSTER, {PLACE: Reached(committed, start, end)})).behind


async def may_send(service: Service) -> bool:
    return await service.pool.fetchval("SELECT may_send()") is True


async def go_on(service: Service) -> None:
    async with service.pool.acquire() as connection:
        assert await older_copy.release(connection, "an operator")


@pytest.mark.parametrize(
    ("here", "committed", "end"),
    [
        pytest.param(40, 40, 100, id="both at the same"),
        pytest.param(40, 25, 100, id="Kafka's commit follows behind"),
        pytest.param(40, 0, 100, id="the group's offsets have expired, or it is another cluster"),
        pytest.param(None, 0, 100, id="never read"),
        pytest.param(40, 70, 12, id="the topic was made anew, with fewer records than were read of the old one"),
    ],
)
async def test_a_healthy_database_may_send_once_it_was_compared(service: Service, here: int | None, committed: int, end: int) -> None:
    assert not await may_send(service)
    assert not await behind(service, here=here, committed=committed, end=end)
    assert await may_send(service)


@pytest.mark.parametrize(("here", "committed", "start"), [(40, 41, 0), (None, 1, 0), (10, 60, 30)])
async def test_one_that_kafka_is_ahead_of_is_held_until_an_operator_goes_on(
    service: Service, here: int | None, committed: int, start: int
) -> None:
    """Also by a second instance, and after a restart; and what is in Kafka no more is named."""
    assert await behind(service, here=here, committed=committed, start=start)
    async with service.pool.acquire() as connection:
        held = await older_copy.open_one(connection)
    assert held
    assert held.records + held.gone == committed - (here or 0)
    assert held.gone == max(start - (here or 0), 0)
    assert not await may_send(service)
    # The service has read on meanwhile: Kafka isn't ahead any more, and the state stands in the database.
    await service.pool.execute("INSERT INTO offsets VALUES ($1, $2, $3, 99) ON CONFLICT DO NOTHING", CLUSTER, *PLACE)
    again = await older_copy.compare(service.pool, CLUSTER, {PLACE: Reached(1, 0, 100)})
    assert (again.behind, bool(again.told)) == (False, True)
    assert not await may_send(service)
    await go_on(service)
    assert await may_send(service)


async def test_a_partition_that_stays_ahead_is_not_found_twice(service: Service) -> None:
    """After the release Kafka's commit stays where it is until something new comes; but a second, older copy is found."""
    reached = {PLACE: Reached(60, 0, 100)}
    assert await behind(service, here=40, committed=60)
    await go_on(service)
    await older_copy.compare(service.pool, CLUSTER, reached)
    assert await may_send(service)
    await older_copy.compare(service.pool, CLUSTER, {PLACE: Reached(61, 0, 100)})
    assert not await may_send(service)


async def test_another_start_of_the_server_is_compared_anew(service: Service) -> None:
    """What a copy says of itself was true where it was made: nothing is sent before Kafka was asked."""
    assert not await behind(service, here=40, committed=40)
    await service.pool.execute("UPDATE compared SET start = '1@1764288000.000001'")
    assert not await may_send(service)
    await older_copy.compare(service.pool, CLUSTER, {PLACE: Reached(40, 0, 100)})
    assert await may_send(service)


@pytest.mark.parametrize("here", [None, 5])
async def test_whoever_has_read_further_than_the_database_passes_nothing_over(service: Service, here: int | None) -> None:
    """A process that lives through a restore would go on where it was, and lose what lies between."""
    if here is not None:
        await service.intake.process([record(budget("e0"), here - 1)], CLUSTER)
    with pytest.raises(Overtaken):
        await service.intake.process([record(budget("e1"), 10)], CLUSTER, {PLACE: 10})
    assert "e1" not in await service.effects()
    await service.intake.process([record(budget("e1"), here or 0)], CLUSTER, {PLACE: here or 0})
    assert "e1" in await service.effects()


class Placed:
    """Where a client was put."""

    def __init__(self) -> None:
        self.at: dict[TopicPartition, int] = {}

    def seek(self, partition: TopicPartition, offset: int) -> None:
        self.at[partition] = offset


async def test_a_batch_in_hand_is_not_let_through_by_a_rebalance(service: Service) -> None:
    """It waits for the database, which comes back as an older copy; a rebalance reads the copy's offsets while the batch is tried again."""
    await behind(service, here=5, committed=5)
    consumer = consumer_of(service, "127.0.0.1:9", TOPIC, "rebalanced")
    consumer._cluster, consumer._known = CLUSTER, {PLACE: 10}
    consumer._read_at = dict(consumer._known)
    client: Any = Placed()
    await consumer.place({TopicPartition(*PLACE)}, client)
    assert client.at == {TopicPartition(*PLACE): 5}
    assert consumer._older
    event = record(budget("e10"), 10)
    raw = ConsumerRecord(event.topic, 0, 10, 1_764_288_000_000, 0, event.key, event.value, 0, 0, 0, event.headers)
    await consumer._take((raw,))
    assert await service.effects() == []
    assert await service.pool.fetchval("SELECT next_offset FROM offsets") == 5


class Client(Placed):
    """One partition, of which a poll has a record."""

    def assignment(self) -> set[TopicPartition]:
        return {TopicPartition(*PLACE)}

    async def getmany(self, **_: Any) -> dict[TopicPartition, list[str]]:
        return {TopicPartition(*PLACE): ["a record"]} if self.at else {}

    async def seek_to_beginning(self, *partitions: TopicPartition) -> None:
        self.at |= dict.fromkeys(partitions, 0)


async def test_what_could_not_be_placed_is_placed_by_the_next_poll(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also when nothing comes of it; and what another instance was faster with lets nothing out before the database has answered."""
    await behind(service, here=5, committed=5)
    consumer, client = consumer_of(service, "127.0.0.1:9", TOPIC, "placed"), Client()
    consumer._cluster, waits = CLUSTER, asyncio.Event()
    polled: Any = client
    consumer._client = polled
    positions = offsets.positions

    async def waiting(*asked: Any) -> Any:
        await waits.wait()
        return await positions(*asked)

    monkeypatch.setattr(client, "seek", lambda *_: (_ for _ in ()).throw(OSError("not now")), raising=False)
    assert await consumer._poll(polled) == ()
    monkeypatch.undo()
    assert client.at == {}
    assert await consumer._poll(polled) == ()
    assert client.at == {TopicPartition(*PLACE): 5}
    assert await consumer._poll(polled) == ("a record",)
    monkeypatch.setattr(offsets, "positions", waiting)
    overtaken = asyncio.create_task(consumer._place_again(client.assignment(), polled))
    await asyncio.sleep(0.05)
    assert await consumer._poll(polled) == ()
    consumer._lose(client.assignment())  # revoked meanwhile
    waits.set()
    await overtaken
    assert not consumer._placed
    assert await consumer._poll(polled) == ()
    assert await consumer._poll(polled) == ("a record",)


class Copy:
    """The tables that an older copy of a service's database would bring back."""

    def __init__(self, service: Service) -> None:
        self._service = service

    async def take(self) -> None:
        await self._as_owner(
            "CREATE TABLE old_offsets AS TABLE offsets; CREATE TABLE old_intake AS TABLE intake; CREATE TABLE old_effects AS TABLE effects"
        )

    async def restore(self) -> None:
        await self._as_owner(
            """
            BEGIN;
            LOCK offsets;
            TRUNCATE offsets, intake, effects;
            INSERT INTO offsets TABLE old_offsets;
            INSERT INTO intake TABLE old_intake;
            INSERT INTO effects OVERRIDING SYSTEM VALUE TABLE old_effects;
            UPDATE compared SET start = 'of the copy';
            CREATE OR REPLACE FUNCTION this_start() RETURNS text LANGUAGE sql STABLE AS $$ SELECT 'after the restore' $$;
            COMMIT
            """
        )

    async def _as_owner(self, sql: str) -> None:
        connection = await asyncpg.connect(self._service.settings.dsn)
        try:
            await connection.execute(sql)
        finally:
            await connection.close()


@asynccontextmanager
async def reading(consumer: Consumer) -> AsyncIterator[None]:
    async with running.background(consumer.run):
        yield


@pytest.mark.parametrize("lives_on", [False, True], ids=["started again", "lived through it"])
async def test_what_an_older_copy_missed_is_read_again(
    service: Service, kafka: str, topic: Topic, producer: AIOKafkaProducer, *, lives_on: bool
) -> None:
    """By a new process, which asks Kafka first; and by one that lives on far ahead: it must not pass over what lies between."""

    async def there(number: int) -> Any:
        async def holds() -> bool:
            return len(await service.effects()) == number

        await until(holds, 40)

    async def found() -> bool:
        return await service.pool.fetchval("SELECT EXISTS (SELECT FROM older_copies)") is True

    group, copy = f"copy-{lives_on}", Copy(service)
    first = consumer_of(service, kafka, topic, group)
    async with reading(first):
        for n in range(10):
            await send(producer, topic, f"{n % 3}-{n}")
        await there(10)
        await copy.take()
        for n in range(10, 25):
            await send(producer, topic, f"{n % 3}-{n}")
        await there(25)
        assert not first.health()
        while first._behind or not (first._commit and first._commit.done()):  # noqa: ASYNC110 - Kafka's own commit has no event
            await asyncio.sleep(0.05)
        if lives_on:
            await copy.restore()
            await there(25)
            await until(found)
            assert first.health()["older_copy"].startswith("an older copy was restored")
    if not lives_on:
        await copy.restore()
        async with reading(consumer_of(service, kafka, topic, group)):
            await until(found)
            await there(25)
    assert sorted(await service.effects(), key=lambda id_: int(id_[2:])) == [f"{n % 3}-{n}" for n in range(25)]
    assert not await may_send(service)
    [row] = await service.pool.fetch("SELECT behind FROM older_copies")
    assert sum(committed - here for here, committed, _ in row["behind"].values()) == 15


async def test_nothing_is_read_from_where_kafka_would_go_on_before_the_database_has_been_asked(
    service: Service, kafka: str, topic: Topic, producer: AIOKafkaProducer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A client fetches from Kafka's own commit while its new partitions wait for the database's offsets, which may take a while."""
    group, copy = "asked", Copy(service)
    first = consumer_of(service, kafka, topic, group)

    async def committed() -> bool:
        return len(await service.effects()) == 12 and not first._behind and bool(first._commit and first._commit.done())

    async with reading(first):
        await copy.take()
        for n in range(12):
            await send(producer, topic, f"{n % 3}-{n}")
        await until(committed, 40)
    await copy.restore()
    for n in range(12, 24):
        await send(producer, topic, f"{n % 3}-{n}")
    positions = offsets.positions

    async def takes_a_while(*asked: Any) -> Any:
        await asyncio.sleep(3)
        return await positions(*asked)

    monkeypatch.setattr(offsets, "positions", takes_a_while)

    async def done() -> bool:
        return "2-23" in await service.effects() and len(await service.effects()) >= 12

    async with reading(consumer_of(service, kafka, topic, group)):
        await until(done, 40)
        await asyncio.sleep(1)
    assert sorted(await service.effects(), key=lambda id_: int(id_[2:])) == [f"{n % 3}-{n}" for n in range(24)]
