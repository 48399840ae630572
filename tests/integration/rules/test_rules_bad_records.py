"""Bad records in a real Kafka, written as foreign clients do: compressed, with odd names, in transactions that were aborted."""

import asyncio
import os
from collections.abc import Mapping
from random import Random

from tests.faults.bad import accounts
from tests.faults.bad.accounts import Place
from tests.faults.bad.pen import Pen, let_any_moment_be_written
from tests.faults.bad.records import Records
from tests.integration.rules.conftest import Rules

from notification_rules.settings import Settings
from postroom import broker, running
from postroom.contracts import emitters, topics

SEED = int(os.environ.get("POSTROOM_SEED", "20261128"))
NUMBER = 60


async def test_each_lies_where_it_belongs_and_the_consumer_goes_on(rules: Rules, kafka: str) -> None:
    register = emitters.load(rules.settings.emitters)
    topic = next(one for one in topics.declared(register.values()) if one.name == "in.wms")
    await let_any_moment_be_written(kafka, [topic.name])
    records = Records(topic, SEED, f"real-{os.getpid()}")
    async with Pen(kafka, Random(SEED)) as pen:  # noqa: S311 - a seed is the point
        await pen.write([*records.draw(NUMBER)])
        await pen.with_odd_names([records.good() for _ in range(3)])
        taken_back = [records.good() for _ in range(3)]
        await pen.taken_back(taken_back)
        await pen.by_kcat(records)
        await pen.write([records.good()])
    written = pen.written[topic.name]
    settings: Settings = rules.settings.model_copy(update={"kafka": kafka, "batch_size": 20})
    async with running.background(broker.Consumer(settings, [topic.name], rules.intake, rules.pool).run), asyncio.timeout(60):
        while not await _read(rules, written):  # noqa: ASYNC110 - what is waited for stands in a database
            await asyncio.sleep(0.05)
    found = await accounts.books(rules.pool)
    assert not [*accounts.astray(written, accounts.of_owner(topic.owner, found), found)], f"seed {SEED}"
    assert not {identity for one in taken_back for identity in accounts.identities(one, topic.owner)} & found.intake
    assert len(written) > NUMBER, pen.refused


async def _read(rules: Rules, written: Mapping[Place, object]) -> bool:
    rows = await rules.pool.fetch("SELECT topic, partition, next_offset FROM offsets")
    at = {(row["topic"], row["partition"]): row["next_offset"] for row in rows}
    return all(at.get((topic, partition), 0) > offset for topic, partition, offset in written)
