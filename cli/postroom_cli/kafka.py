"""Writing to one topic, each record acknowledged by the broker."""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError

from postroom.contracts import cloudevents
from postroom_cli.errors import CliError

_HEADERS = [("content-type", cloudevents.STRUCTURED.encode())]
_OPEN_SENDS = 500
# An idempotent producer never gives up by itself.
_SECONDS = 10
_AGAIN = "When it answers again, emit all of it once more: what has arrived has no second effect."


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A structured CloudEvent on its way."""

    key: bytes | None
    value: bytes


# What it logs is told once, by the error.
logging.getLogger("aiokafka").setLevel(logging.CRITICAL)
Send = Callable[[Outgoing], Awaitable[None]]


@asynccontextmanager
async def write(kafka: str, topic: str) -> AsyncIterator[Send]:
    """Yields `send`; when the block ends, everything sent has been acknowledged. Raises CliError."""
    producer = AIOKafkaProducer(bootstrap_servers=kafka, enable_idempotence=True, acks="all", linger_ms=5, client_id="postroom-emit")
    open_sends: set[asyncio.Future[object]] = set()

    async def settle(at_most: int) -> None:
        while len(open_sends) > at_most:
            done, _ = await asyncio.wait(open_sends, timeout=_SECONDS, return_when=asyncio.FIRST_COMPLETED)
            if not done:
                raise TimeoutError
            open_sends.difference_update(done)
            for future in done:
                future.result()

    async def send(event: Outgoing) -> None:
        await settle(_OPEN_SENDS)
        open_sends.add(await asyncio.wait_for(producer.send(topic, event.value, key=event.key, headers=_HEADERS), _SECONDS))

    try:
        await asyncio.wait_for(producer.start(), _SECONDS)
        await _known(producer, topic)
        yield send
        await settle(0)
    except (KafkaError, OSError, TimeoutError) as error:
        text = f"Kafka at {kafka} doesn't take it: {error or 'no answer within 10 s'}."
        raise CliError("kafka", text, _AGAIN) from error
    finally:
        await _stop(producer, lost=bool(open_sends))


async def _known(producer: AIOKafkaProducer, topic: str) -> None:
    """Refuse a topic that nobody declared, at once rather than after a time-out."""
    known = (await producer.client.fetch_all_metadata()).topics()
    if topic not in known:
        emitters = ", ".join(sorted(name.removeprefix("in.") for name in known if name.startswith("in."))) or "none"
        hint = f"Registered emitters: {emitters}. A new one goes to deploy/emitters.yaml, then run python -m postroom.contracts.deploy."
        raise CliError("unknown_emitter", f"There is no topic {topic}.", hint, field="--emitter")


async def _stop(producer: AIOKafkaProducer, *, lost: bool) -> None:
    """A clean stop waits for open sends for ever; when the broker is gone they are given up."""
    try:
        await asyncio.wait_for(producer.stop(), 0.1 if lost else _SECONDS)
    except (TimeoutError, KafkaError):
        return
