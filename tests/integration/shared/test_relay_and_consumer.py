"""From the outbox through a real Kafka to an intake: in order, once, whatever the records hold."""

import asyncio
import gc
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from datetime import UTC, datetime
from functools import partial
from typing import Any
from uuid import uuid4

import asyncpg
import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, ConsumerRecord
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from tests.integration.shared.conftest import Service, budget

from postroom import broker, outbox, relay, running
from postroom.broker import Consumer, pieces
from postroom.contracts import cloudevents
from postroom.contracts.record import Record
from postroom.contracts.topics import Topic
from postroom.db import TooMuch
from postroom.intake import Intake
from postroom.relay import Relay


@pytest.fixture
async def topic(kafka: str) -> AsyncIterator[Topic]:
    """A topic of this test's own."""
    name = f"in.tests-{uuid4().hex[:8]}"
    admin = AIOKafkaAdminClient(bootstrap_servers=kafka)
    await admin.start()
    await admin.create_topics([NewTopic(name, num_partitions=3, replication_factor=1)])
    yield Topic(name, owner="tests", consumers=("shared-tests",), key="subject", facts=())
    await admin.delete_topics([name])
    await admin.close()


@pytest.fixture
async def producer(kafka: str) -> AsyncIterator[AIOKafkaProducer]:
    async with broker.new_producer(kafka) as started:
        yield started


def consumer_of(service: Service, kafka: str, topic: Topic, group: str) -> Consumer:
    """A consumer of its own group whose effects are rows in `effects`."""
    settings = service.settings.model_copy(update={"kafka": kafka, "service": group, "batch_size": 50})
    return Consumer(
        settings,
        [topic.name],
        Intake(service=group, pool=service.pool, decode=partial(cloudevents.decode, emitter="tests"), handle=service.handle),
        service.pool,
    )


async def until(condition: Callable[[], Awaitable[bool]], seconds: float = 20) -> None:
    """Wait for it, and fail if it does not come."""
    async with asyncio.timeout(seconds):
        while not await condition():  # noqa: ASYNC110 - what is waited for stands in a database
            await asyncio.sleep(0.05)


async def send(producer: AIOKafkaProducer, topic: Topic, id_: str, **changes: object) -> None:
    headers, value = cloudevents.encode(budget(id_, subject=id_[0]))
    await producer.send_and_wait(topic.name, **{"key": id_[:1].encode(), "value": value, "headers": headers, **changes})


async def test_poison_between_good_records_stops_nobody(service: Service, kafka: str, topic: Topic, producer: AIOKafkaProducer) -> None:
    """Headers that are no UTF-8 or missing, a reply_to, tombstones: parked or processed, and each good record has its effect."""
    headers, value = cloudevents.encode(budget("a1", subject="a"))
    await send(producer, topic, "a0")
    await producer.send_and_wait(topic.name, key=b"a", value=value, headers=[("ce_specversion", b"1.0"), ("x", b"\xff\xfe")])
    await producer.send_and_wait(topic.name, key=b"a", value=value, headers=[("ce_specversion", b"\xff")])
    await producer.send_and_wait(topic.name, key=b"a", value=None)
    await producer.send_and_wait(topic.name, key=b"a", value=value, headers=[*headers, ("reply_to", topic.name.encode())])
    await send(producer, topic, "b0")
    async with running.background(consumer_of(service, kafka, topic, "poison").run):

        async def all_there() -> bool:
            return len(await service.effects()) == 3 and len(await service.parked()) == 3

        await until(all_there)
    assert sorted(await service.effects()) == ["a0", "a1", "b0"]


async def test_what_was_read_is_let_go(service: Service, kafka: str, topic: Topic, producer: AIOKafkaProducer) -> None:
    """A timer or a connection that begins while a batch is processed stays for minutes, and with it the context that it began in."""
    consumer = consumer_of(service, kafka, topic, "let-go")
    process, timers = consumer._intake.process, []

    async def with_a_timer(*batch: Any) -> Any:
        timers.append(asyncio.get_running_loop().call_later(600, print))
        return await process(*batch)

    consumer._intake.process = with_a_timer  # type: ignore[method-assign,assignment]
    async with running.background(consumer.run):
        for n in range(20):
            await send(producer, topic, f"a{n}")
            await until(lambda n=n: _has(service, n + 1))  # type: ignore[misc] # mypy takes no default for a lambda's argument
        await asyncio.sleep(0.2)
        kept = [one for one in gc.get_objects() if isinstance(one, ConsumerRecord) and one.topic == topic.name]
        for timer in timers:
            timer.cancel()
    assert len(kept) <= 1


async def _has(service: Service, number: int) -> bool:
    return len(await service.effects()) == number


async def test_a_new_consumer_goes_on_from_the_database_not_from_kafka(
    service: Service, kafka: str, topic: Topic, producer: AIOKafkaProducer
) -> None:
    """Kafka's own commit is wiped by a new group name; nothing is read twice, since the offsets are the database's."""
    for n in range(30):
        await send(producer, topic, f"{n % 3}-{n}")
    for group, expected in (("first", 30), ("second", 31)):

        async def there(expected: int = expected) -> bool:
            return len(await service.effects()) == expected

        async with running.background(consumer_of(service, kafka, topic, group).run):
            await until(there)
        await send(producer, topic, f"x-{group}")
    assert await service.pool.fetchval("SELECT coalesce(sum(seen), 0) FROM duplicates") == 0


async def test_a_batch_that_fails_comes_again_in_order(service: Service, kafka: str, topic: Topic, producer: AIOKafkaProducer) -> None:
    """The world fails twice; afterwards each event has had one effect, and those of one key in their order."""
    failures = iter([True, True, False, False, False, False])

    def fail_twice() -> None:
        if next(failures, False):
            raise OSError("the database is away")

    service.before_save.append(fail_twice)
    for n in range(20):
        await send(producer, topic, f"k-{n}")
    async with running.background(consumer_of(service, kafka, topic, "again").run):

        async def there() -> bool:
            return len(await service.effects()) == 20

        await until(there)
    assert await service.effects() == [f"k-{n}" for n in range(20)]


@pytest.mark.parametrize("error", [TooMuch("a long list"), TimeoutError()])
async def test_what_is_too_much_for_a_transaction_is_done_in_pieces_and_what_alone_is_too_much_is_parked(
    service: Service, kafka: str, topic: Topic, producer: AIOKafkaProducer, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    """Found by reading: a batch of long lists took longer than a transaction may idle, and was tried again, whole, for ever."""
    monkeypatch.setattr(pieces, "SLOW_SECONDS", 0.05)

    def at_most_four() -> None:
        if len(service.handled[-1]) > 4 or "k-7" in service.handled[-1]:
            time.sleep(0.1)
            raise error

    service.before_save.append(at_most_four)
    for n in range(20):
        await send(producer, topic, f"k-{n}")
    async with running.background(consumer_of(service, kafka, topic, "pieces").run):
        await until(lambda: _has(service, 19))
    assert await service.effects() == [f"k-{n}" for n in range(20) if n != 7]
    assert await service.parked() == [("too_costly", "")]


async def test_a_database_that_is_away_makes_nothing_too_costly() -> None:
    assert in_vain(pieces.Allowance(), TimeoutError(), seconds=30)
    assert not in_vain(pieces.Allowance(), TimeoutError(), seconds=30, well=False)


async def test_a_record_that_finds_a_fault_of_ours_is_parked_alone_and_all_others_go_on(
    service: Service, kafka: str, topic: Topic, producer: AIOKafkaProducer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Found by ten thousand bad records: what nobody had thought of stopped everybody's mail until the next release."""
    monkeypatch.setattr("postroom.broker.consumer.FIRST_PAUSE", 0.01)

    def fail_on_one() -> None:
        if "k-7" in service.handled[-1]:
            raise TypeError("'NoneType' object is not iterable")

    service.before_save.append(fail_on_one)
    for n in range(20):
        await send(producer, topic, f"k-{n}")
    async with running.background(consumer_of(service, kafka, topic, "fault").run):
        await until(lambda: _has(service, 19))
    assert await service.effects() == [f"k-{n}" for n in range(20) if n != 7]
    [parked] = await service.pool.fetch("SELECT reason, detail FROM parked")
    assert parked["reason"] == "failed"
    assert "TypeError: 'NoneType' object is not iterable" in parked["detail"]


def in_vain(allowance: pieces.Allowance, error: Exception, *, seconds: float = 0.0, well: bool = True) -> bool:
    """Whether a record that always fails so, after so long, is put aside."""
    record = Record("in.erp", 0, 0, None, (), b"", datetime.now(UTC))
    alone = pieces.Pieces([record], allowance)
    for _ in range(2 * pieces.TRIES):
        assert alone.next() == [record]
        alone._began -= seconds
        alone.failed(error, well=well)
    return alone.refusal is not None


def test_what_fails_on_everything_parks_a_few_and_the_rest_waits_in_order(monkeypatch: pytest.MonkeyPatch) -> None:
    allowance = pieces.Allowance()
    tried = [in_vain(allowance, TypeError("a release at fault")) for _ in range(pieces.FAILED_AN_HOUR + 5)]
    assert tried == [True] * pieces.FAILED_AN_HOUR + [False] * 5
    monkeypatch.setattr(pieces, "HOUR", 0.0)
    assert in_vain(allowance, TypeError("an hour later"))


@pytest.mark.parametrize("error", [OSError("no route"), TimeoutError(), asyncpg.InterfaceError("the connection is closed")])
def test_what_may_be_the_worlds_fault_parks_nothing(error: Exception) -> None:
    assert not in_vain(pieces.Allowance(), error)


def test_two_kinds_of_failure_are_not_counted_together() -> None:
    """A record that waits in order, since too many had failed, is not called slow for one outage."""
    full = pieces.Allowance()
    while full.take():
        pass
    alone = pieces.Pieces([Record("in.erp", 0, 0, None, (), b"", datetime.now(UTC))], full)
    for error, seconds in ((NameError("x"), 0), (RuntimeError("x"), 0), (TypeError("x"), 0), (TimeoutError(), 30), (TimeoutError(), 30)):
        alone.next()
        alone._began -= seconds
        alone.failed(error, well=True)
    assert alone.refusal is None
    alone.next()
    alone._began -= 30
    alone.failed(TimeoutError(), well=True)
    assert alone.refusal


def test_a_fault_of_ours_while_the_database_is_away_parks_nothing() -> None:
    assert not in_vain(pieces.Allowance(), AttributeError("'NoneType' object has no attribute 'send'"), well=False)


async def test_two_instances_share_the_work_and_double_nothing(
    service: Service, kafka: str, topic: Topic, producer: AIOKafkaProducer
) -> None:
    """The second one joins while the first is at work: a rebalance in the middle, and still one effect an event."""
    first, second = (consumer_of(service, kafka, topic, "pair") for _ in range(2))
    async with running.background(first.run):
        for n in range(60):
            await send(producer, topic, f"{n % 5}-{n}")
        async with running.background(second.run):
            for n in range(60, 200):
                await send(producer, topic, f"{n % 5}-{n}")

            async def there() -> bool:
                return len(await service.effects()) >= 200

            await until(there)
    effects = await service.effects()
    assert len(effects) == len(set(effects)) == 200
    for key in range(5):
        mine = [int(one[2:]) for one in effects if one[0] == str(key)]
        assert mine == sorted(mine)


async def test_the_relay_publishes_in_order_and_once(service: Service, kafka: str) -> None:
    """Two relays at once, 1,200 rows of one lane: each on Kafka once, each key in the order of its commits."""
    lane = "purchasing"
    relays = [Relay(service.pool, [lane], lambda: broker.new_producer(kafka)) for _ in range(2)]
    run = uuid4().hex[:8]
    async with running.background(*(relay.run for relay in relays)):
        for start in range(0, 1200, 100):
            async with service.pool.acquire() as connection, connection.transaction():
                await outbox.add(connection, [budget(f"{run}-{n}", subject=f"{run}-{n % 7}") for n in range(start, start + 100)])

        async def empty() -> bool:
            return bool(await service.pool.fetchval("SELECT count(*) = 0 FROM outbox WHERE published_at IS NULL"))

        await until(empty)
    seen = await read_all(kafka, lane, run)
    assert len(seen) == len({id_ for _, id_ in seen}) == 1200
    for key in {key for key, _ in seen}:
        mine = [int(id_.rsplit("-", 1)[1]) for key_, id_ in seen if key_ == key]
        assert mine == sorted(mine)


class Slow(AIOKafkaProducer):  # type: ignore[misc] # aiokafka is partly untyped
    """Takes its time over each record."""

    async def send(self, *args: object, **options: object) -> object:
        await asyncio.sleep(0.01)
        return await super().send(*args, **options)


async def test_what_does_not_go_in_its_time_goes_in_halves(service: Service, kafka: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Found by the storm of bad records: a batch that needed more than its ten seconds was tried again, whole, for ever."""
    monkeypatch.setattr(relay, "SEND_SECONDS", 0.5)
    async with service.pool.acquire() as connection, connection.transaction():
        await outbox.add(connection, [budget(f"slow-{n}") for n in range(150)])

    async def empty() -> bool:
        return bool(await service.pool.fetchval("SELECT count(*) = 0 FROM outbox WHERE published_at IS NULL"))

    async with running.background(Relay(service.pool, ["purchasing"], lambda: Slow(bootstrap_servers=kafka)).run):
        await until(empty)


async def read_all(kafka: str, topic: str, run: str) -> list[tuple[str, str]]:
    """(key, id) of all records of this run, in the order of each partition."""
    seen: list[tuple[str, str]] = []
    async with AIOKafkaConsumer(topic, bootstrap_servers=kafka, auto_offset_reset="earliest") as consumer:
        with suppress(TimeoutError):
            while len(seen) < 1200:
                records = await asyncio.wait_for(consumer.getmany(timeout_ms=500), 20)
                for partition in records.values():
                    for one in partition:
                        id_ = dict(one.headers)["ce_id"].decode()
                        if id_.startswith(run):
                            seen.append((one.key.decode(), id_))
    return seen


async def test_a_relay_without_a_broker_keeps_the_rows(service: Service) -> None:
    """Nothing is lost and no row is marked while the broker is away."""
    async with running.background(Relay(service.pool, ["purchasing"], lambda: broker.new_producer("127.0.0.1:9")).run):
        async with service.pool.acquire() as connection, connection.transaction():
            await outbox.add(connection, [budget("kept")])
        await asyncio.sleep(1)
    assert await service.pool.fetchval("SELECT count(*) FROM outbox WHERE published_at IS NULL") == 1
