"""A mailer in this process: real database, its own sender, an SMTP sink whose replies the test chooses."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import pytest
from tests.integration.mailer.sink import Sink
from tests.integration.mailer.wishes import requested

from mailer_service import handlers
from mailer_service.compose import Composer
from mailer_service.customer.templates import Templates
from mailer_service.links import Links
from mailer_service.pdf import Pdfs
from mailer_service.render import TEMPLATES, Renderer
from mailer_service.sender.process import Sender
from mailer_service.settings import Settings
from postroom import db
from postroom.blobs import Blobs
from postroom.contracts import cloudevents, event, topics
from postroom.contracts.event import Event
from postroom.contracts.reading import Reader
from postroom.contracts.record import Record
from postroom.db import Pool
from postroom.intake import Intake


@dataclass
class World:
    """What a test of the mailer works with."""

    settings: Settings
    pool: Pool
    sink: Sink
    intake: Intake
    composer: Composer
    offset: int = 0
    tasks: list[asyncio.Task[None]] = field(default_factory=list)
    senders: list[Sender] = field(default_factory=list)

    async def take_in(self, *events: Event) -> None:
        """As Kafka would bring them."""
        await self.intake.process([self.record(one) for one in events], "test")

    def record(self, one: Event) -> Record:
        headers, value = cloudevents.encode(one)
        self.offset += 1
        return Record(topics.of_fact(one.type).name, 0, self.offset, one.key.encode(), tuple(headers), value, datetime.now(UTC))

    async def ask(self, *addresses: str, **changes: Any) -> list[str]:
        """One wrong-delivery message for each address; returns their ids."""
        events = [requested(email=address, **changes) for address in addresses]
        await self.take_in(*events)
        return [one.data.message for one in events]  # type: ignore[attr-defined]

    def start_sender(self, **overrides: Any) -> Sender:
        settings = self.settings.model_copy(update=overrides)
        sender = Sender(self.pool, settings, self.composer)
        self.senders.append(sender)
        self.tasks.append(asyncio.create_task(sender.run()))
        return sender

    async def stop_senders(self) -> None:
        for task in self.tasks:
            task.cancel()
        for task in self.tasks:
            with contextlib.suppress(asyncio.CancelledError):
                await task
        self.tasks.clear()

    async def states(self) -> dict[str, int]:
        rows = await self.pool.fetch("SELECT state, count(*) AS n FROM envelopes GROUP BY state")
        return {row["state"]: row["n"] for row in rows}

    async def envelope(self, message: str) -> dict[str, Any]:
        [row] = await self.pool.fetch("SELECT * FROM envelopes WHERE message = $1", message)
        return dict(row)

    async def outcomes(self) -> list[dict[str, Any]]:
        rows = await self.pool.fetch("SELECT convert_from(value, 'utf8')::jsonb AS value FROM outbox WHERE topic = 'outcomes' ORDER BY id")
        return [row["value"] for row in rows]

    async def until(self, wanted: Callable[[], Awaitable[bool]], seconds: float = 15) -> None:
        """Wait for something to become true; fails with the states when it doesn't."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                while not await wanted():  # noqa: ASYNC110 - the outside is asked
                    await asyncio.sleep(0.02)
                return
        pytest.fail(f"not within {seconds} s; envelopes: {await self.states()}, attempts: {await self.attempts()}")

    async def attempts(self) -> list[tuple[str, int, str | None, str]]:
        rows = await self.pool.fetch("SELECT envelope, number, result, detail FROM attempts ORDER BY opened_at LIMIT 20")
        return [tuple(row) for row in rows]

    async def until_states(self, seconds: float = 15, **expected: int) -> None:
        async def reached() -> bool:
            return await self.states() == expected

        await self.until(reached, seconds)


@pytest.fixture
async def sink() -> AsyncIterator[Sink]:
    sink = await Sink().start()
    yield sink
    await sink.stop()


@pytest.fixture
async def world(fresh_database: Any, sink: Sink) -> AsyncIterator[World]:
    settings = await fresh_database(Settings, "mailer_service", smtp=sink.url, pool_size=12)
    pool = await db.open_pool(settings, "worker")
    # What the consumer does before it reads: these data are the newest.
    await pool.execute("INSERT INTO compared (start) VALUES (this_start())")
    declared = topics.declared(())
    intake = Intake(service=settings.service, pool=pool, decode=Reader(declared, {}), handle=handlers.tell)
    renderer = Renderer(TEMPLATES)
    pdfs = Pdfs(seconds=settings.pdf_seconds, memory=settings.pdf_memory)
    world = World(
        settings,
        pool,
        sink,
        intake,
        Composer(Templates(renderer), Blobs(settings.blobs), pdfs, settings.mail_from, Links(settings.public_url, settings.page_url)),
    )
    yield world
    await world.stop_senders()
    await pdfs.close()
    await pool.close()


__all__ = ["World", "event"]
