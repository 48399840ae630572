"""A service of the tests' own: one table that counts the effects of events."""

from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

import pytest
from tests.conftest import FreshDatabase

from postroom import db
from postroom.contracts import cloudevents, commlog, control, event
from postroom.contracts.event import Event
from postroom.contracts.reading import Reader
from postroom.contracts.record import Record
from postroom.contracts.topics import Topic
from postroom.db import Connection, Pool
from postroom.intake import Intake
from postroom.settings import ServiceSettings

TOPIC = Topic("in.tests", owner="tests", consumers=("shared-tests",), key="subject", facts=(control.BudgetExpired, commlog.LogCreated))


class Settings(ServiceSettings):
    """Settings of the tests' service."""

    service: str = "shared-tests"
    database: str = "shared_tests"


@dataclass
class Service:
    """An intake whose effect is a row in `effects`; a budget named `refuse` violates a constraint."""

    settings: Settings
    pool: Pool
    handled: list[list[str]] = field(default_factory=list)
    before_save: list[Callable[[], None]] = field(default_factory=list)

    @property
    def intake(self) -> Intake:
        return Intake(service=self.settings.service, pool=self.pool, decode=Reader((TOPIC,), {}), handle=self.handle)

    async def handle(self, connection: Connection, events: Sequence[Event]) -> None:
        self.handled.append([one.id for one in events])
        for hook in self.before_save:
            hook()
        names = [one.data.name for one in events if isinstance(one.data, control.BudgetExpired)]
        await connection.execute(
            "INSERT INTO effects (id, name) SELECT * FROM unnest($1::text[], $2::text[])", [one.id for one in events], names
        )

    async def effects(self) -> list[str]:
        rows = await self.pool.fetch("SELECT id FROM effects ORDER BY n")
        return [row["id"] for row in rows]

    async def parked(self) -> list[tuple[str, str]]:
        rows = await self.pool.fetch("SELECT reason, path FROM parked WHERE closed_at IS NULL ORDER BY id")
        return [(row["reason"], row["path"]) for row in rows]


@pytest.fixture
async def service(fresh_database: FreshDatabase) -> AsyncIterator[Service]:
    """A service with a database of its own."""
    settings = await fresh_database(Settings, "tests.integration.shared")
    pool = await db.open_pool(settings, "worker")
    yield Service(settings, pool)
    await pool.close()


def budget(id_: str, name: str = "a budget", subject: str = "B1") -> Event:
    """A BudgetExpired that can be told from others by its id."""
    fact = control.BudgetExpired(
        budget=subject,
        name=name,
        kind="user",
        period_start="2026-01-01",
        period_end="2026-06-30",
        start_value="100.00",
        current_value="0.00",
        currency="EUR",
        reason="date",
    )
    return event.new(fact, source="tests", subject=subject, tenant="demo", id=id_)


def record(one: Event, offset: int, partition: int = 0, topic: str = TOPIC.name) -> Record:
    """The event as it lies in Kafka."""
    headers, value = cloudevents.encode(one)
    return Record(topic, partition, offset, one.key.encode(), tuple(headers), value, datetime.now(UTC))


def raw(value: bytes | None, offset: int, partition: int = 0, headers: tuple[tuple[str, bytes | None], ...] = ()) -> Record:
    """Any bytes at all."""
    return Record(TOPIC.name, partition, offset, None, headers, value, datetime.now(UTC))
