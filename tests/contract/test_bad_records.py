"""Records that nobody should write, through every consumer of every topic, on a real database: processed or parked, never in the way."""

import os
from datetime import UTC, datetime
from pathlib import Path

import pytest
from tests.conftest import FreshDatabase
from tests.contract import background
from tests.contract.composition import composed
from tests.contract.test_examples_through_consumers import DECLARED
from tests.faults.bad import accounts
from tests.faults.bad.records import Records

from postroom.contracts.record import Record
from postroom.contracts.topics import Topic

SEED = int(os.environ.get("POSTROOM_SEED", "20261128"))
# `make faults` writes ten thousand of each to a real Kafka.
NUMBER, BATCH = int(os.environ.get("POSTROOM_BAD_RECORDS", "60")), 40
PAIRS = [(service, topic) for topic in DECLARED for service in topic.consumers if topic.facts]


@pytest.mark.parametrize(("service", "topic"), PAIRS, ids=[f"{topic.name} → {service}" for service, topic in PAIRS])
async def test_each_is_processed_or_parked(
    service: str, topic: Topic, fresh_database: FreshDatabase, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn = [*Records(topic, SEED, "bad").draw(NUMBER)]
    async with composed(service, fresh_database, tmp_path, monkeypatch) as running:
        await background.prepare(service, running.pool, tmp_path / "blobs")
        for start in range(0, len(drawn), BATCH):
            batch = enumerate(drawn[start : start + BATCH], start)
            records = [Record(bad.topic, 0, offset, bad.key, bad.headers, bad.value, datetime.now(UTC)) for offset, bad in batch]
            await running.intake.process(records, "contract")
        found = await accounts.books(running.pool)
    written = {(bad.topic, 0, offset): bad for offset, bad in enumerate(drawn)}
    assert not [*accounts.astray(written, accounts.of_owner(topic.owner, found), found)], f"seed {SEED}"
    assert len(found.intake) > NUMBER / 10, found.reasons
