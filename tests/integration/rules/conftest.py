"""notification-rules on a real database: records in, messages and decisions out of its outbox."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import orjson
import pytest
from tests.conftest import FreshDatabase

from notification_rules.handlers.batch import Handlers
from notification_rules.handlers.sweeper import Sweeper
from notification_rules.library import Library
from notification_rules.settings import Settings
from notification_rules.store.decisions import figures
from notification_rules.store.preferences import unsubscribe_key
from postroom import db
from postroom.contracts import cloudevents, emitters, topics
from postroom.contracts import event as events
from postroom.contracts.directory import CompanyChanged, PersonChanged
from postroom.contracts.errors import Refused
from postroom.contracts.event import Event
from postroom.contracts.reading import Reader
from postroom.contracts.record import Record
from postroom.db import Pool
from postroom.intake import Intake, Tally

WRITTEN = datetime(2026, 11, 23, 12, tzinfo=UTC)


@dataclass
class Rules:
    """The service without Kafka: its intake, its sweeper, and what came out."""

    pool: Pool
    settings: Settings
    intake: Intake
    handlers: Handlers
    sweeper: Sweeper
    library: Library
    key: bytes
    offsets: dict[str, int] = field(default_factory=dict)

    def records(self, given: Sequence[Event], written: datetime = WRITTEN) -> list[Record]:
        return [self._record(event, written) for event in given]

    def _record(self, event: Event, written: datetime) -> Record:
        topic = f"in.{event.emitter}" if event.emitter in {"erp", "wms"} else topics.of_fact(event.type).name
        offset = self.offsets[topic] = self.offsets.get(topic, -1) + 1
        headers, value = cloudevents.encode(event)
        return Record(topic, 0, offset, event.key.encode(), tuple(headers), value, written)

    async def take(self, *given: Event, written: datetime = WRITTEN) -> Tally:
        """One batch."""
        return await self.intake.process(self.records(given, written), "tests")

    async def park(self, one: Event, written: datetime = WRITTEN) -> int:
        """As a process of the version before does with what it can't read yet. Returns the number to replay it by."""
        (record,) = self.records([one], written)
        await self.intake.refuse(record, "tests", None, Refused("unknown_type", "of a later version than this one"))
        number: int = await self.pool.fetchval("SELECT max(id) FROM parked")
        return number

    async def published(self, type_: str) -> list[dict[str, Any]]:
        rows = await self.pool.fetch("SELECT headers, value FROM outbox ORDER BY id")
        return [orjson.loads(row["value"]) for row in rows if ["ce_type", type_] in row["headers"]]

    async def told(self) -> list[tuple[str, str, str]]:
        """(message type, person, hop) of each message, in the order of the outbox."""
        found = await self.published("MessageRequested.v1")
        return [(one["message_type"], one["recipient"]["person"], one["recipient"]["hop"]) for one in found]

    async def decisions(self) -> list[tuple[str, str]]:
        rows = await self.pool.fetch("SELECT outcome, reason FROM decisions ORDER BY decided_at")
        return [(row["outcome"], row["reason"]) for row in rows]

    async def figures(self) -> dict[str, Any]:
        async with self.pool.acquire() as connection:
            return await figures(connection)

    async def parked(self) -> list[tuple[str, str]]:
        return [(row["reason"], row["detail"]) for row in await self.pool.fetch("SELECT reason, detail FROM parked ORDER BY id")]

    async def pass_time(self, seconds: float) -> None:
        """Let everything undecided be this much older."""
        await self.pool.execute(
            "UPDATE undecided SET until = until - make_interval(secs => $1), look_again_at = look_again_at - make_interval(secs => $1)",
            seconds,
        )


async def composed(settings: Settings) -> Rules:
    registered = emitters.load(settings.emitters)
    pool = await db.open_pool(settings, "worker")
    async with pool.acquire() as connection:
        key = await unsubscribe_key(connection)
    library = Library(settings.rules_text)
    handlers = Handlers(library, {"unknown": settings.undecided_seconds, "nobody": settings.unroutable_seconds}, key, at_once=3)
    decode = Reader(topics.declared(registered.values()), registered)
    intake = Intake(service=settings.service, pool=pool, decode=decode, handle=handlers.handle, first=("directory",))
    return Rules(pool, settings, intake, handlers, Sweeper(pool, handlers, 0.1), library, key)


@pytest.fixture
async def rules(fresh_database: FreshDatabase) -> AsyncIterator[Rules]:
    made = await composed(await fresh_database(Settings, "notification_rules"))
    yield made
    await made.pool.close()


def person_changed(person: str, version: int | None = None, **fields: Any) -> Event:
    """`roles`: [(role, company or None)]; `aliases`: [(emitter, id)]."""
    roles = [{"role": role, "company": company} for role, company in fields.pop("roles", [])]
    aliases = [{"emitter": emitter, "id": id_} for emitter, id_ in fields.pop("aliases", [])]
    data = {"person": person, "name": person.title(), "email": f"{person}@example.org", "roles": roles, "aliases": aliases, **fields}
    fact = PersonChanged.model_validate(data)
    return events.new(fact, source="po-service", subject=person, tenant="demo", key=f"demo/{person}", aggregateversion=version)


def company_changed(company: str, aliases: Sequence[tuple[str, str]] = ()) -> Event:
    named = [{"emitter": emitter, "id": id_} for emitter, id_ in aliases]
    fact = CompanyChanged.model_validate({"company": company, "name": company.title(), "aliases": named})
    return events.new(fact, source="po-service", subject=company, tenant="demo", key=f"demo/{company}")
