"""A process that was killed and comes back under its own name does not wait until Kafka has given up its ghost."""

import asyncio
import signal
import sys
import time

import pytest
from aiokafka import AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient
from tests.integration.shared.conftest import Service
from tests.integration.shared.test_relay_and_consumer import consumer_of, producer, send, topic, until

from postroom import running
from postroom.broker import Consumer
from postroom.contracts.topics import Topic

__all__ = ["producer", "topic"]
SESSION_SECONDS = 10.0  # aiokafka's, and so FastStream's
_GHOST = """
import asyncio, sys
from aiokafka import AIOKafkaConsumer
async def main(kafka, topic, group, client_id):
    async with AIOKafkaConsumer(topic, bootstrap_servers=kafka, group_id=group, client_id=client_id) as client:
        while len(client.assignment()) < 3:
            await asyncio.sleep(0.05)
        print("assigned", flush=True)
        await asyncio.sleep(60)
asyncio.run(main(*sys.argv[1:]))
"""


def named(service: Service, kafka: str, topic: Topic, group: str, instance: str) -> Consumer:
    service.settings = service.settings.model_copy(update={"instance": instance})
    return consumer_of(service, kafka, topic, group)


@pytest.fixture
async def killed(kafka: str, topic: Topic) -> str:
    """A group all of whose partitions are a killed member's; the group's name."""
    group = f"ghosts-{topic.name[-4:]}"
    argv = ("-c", _GHOST, kafka, topic.name, group, f"{group}/one")
    process = await asyncio.create_subprocess_exec(sys.executable, *argv, stdout=asyncio.subprocess.PIPE)
    assert process.stdout
    assert await asyncio.wait_for(process.stdout.readline(), 30) == b"assigned\n"
    process.send_signal(signal.SIGKILL)
    await process.wait()
    return group


async def test_its_own_ghost_leaves_at_once(service: Service, kafka: str, topic: Topic, producer: AIOKafkaProducer, killed: str) -> None:
    began = time.monotonic()
    await send(producer, topic, "a0")

    async def there() -> bool:
        return await service.effects() == ["a0"]

    async with running.background(named(service, kafka, topic, killed, "one").run):
        await until(there)
    assert time.monotonic() - began < SESSION_SECONDS - 2


async def test_two_of_one_name_by_mistake_work_side_by_side(service: Service, kafka: str, topic: Topic, producer: AIOKafkaProducer) -> None:
    """The later one sends the earlier one away once; that one joins again, and both stay."""
    group = f"twins-{topic.name[-4:]}"
    admin = AIOKafkaAdminClient(bootstrap_servers=kafka)
    await admin.start()

    async def members() -> set[str]:
        answers = await admin.describe_consumer_groups([group])
        return {member[0] for answer in answers for found in answer.groups for member in found[5] if found[2] == "Stable"}

    async def both() -> bool:
        return len(await members()) == 2

    async def all_there() -> bool:
        return len(await service.effects()) == 30

    twins = [named(service, kafka, topic, group, "one") for _ in range(2)]
    try:
        async with running.background(twins[0].run):
            await until(lambda: _some(members))
            async with running.background(twins[1].run):
                await until(both)
                settled = await members()
                for n in range(30):
                    await send(producer, topic, f"{n % 3}-{n}")
                await until(all_there)
                await asyncio.sleep(1)
                assert await members() == settled
    finally:
        await admin.close()


async def _some(members: object) -> bool:
    return bool(await members())  # type: ignore[operator]
