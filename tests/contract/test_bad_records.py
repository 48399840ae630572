"""Records that nobody should write, through every consumer of every topic, on a real database: processed or parked, never in the way."""

import os
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path

import pytest
from tests.conftest import FreshDatabase
from tests.contract import background
from tests.contract.composition import Composed, composed
from tests.contract.test_examples_through_consumers import DECLARED
from tests.faults.bad import accounts
from tests.faults.bad.records import Bad, Records

from postroom.contracts.record import Record

SEED = int(os.environ.get("POSTROOM_SEED", "20261128"))
NUMBER = int(os.environ.get("POSTROOM_BAD_RECORDS", "150"))
BATCH = 60
PAIRS = [(service, topic) for topic in DECLARED for service in topic.consumers if topic.facts]


def _record(bad: Bad, offset: int) -> Record:
    return Record(bad.topic, 0, offset, bad.key, bad.headers, bad.value, datetime.now(UTC))


@pytest.mark.parametrize(("service", "topic"), PAIRS, ids=[f"{topic.name} → {service}" for service, topic in PAIRS])
async def test_each_is_processed_or_parked(service, topic, fresh_database: FreshDatabase, tmp_path: Path, monkeypatch) -> None:
    drawn = [*Records(topic, SEED, "bad").draw(NUMBER)]
    async with composed(service, fresh_database, tmp_path, monkeypatch) as running:
        await background.prepare(service, running.pool, tmp_path / "blobs")
        for start in range(0, len(drawn), BATCH):
            records = [_record(bad, start + n) for n, bad in enumerate(drawn[start : start + BATCH])]
            await running.intake.process(records, "contract")
        found = await accounts.books(running.pool)
        print(topic.name, len(drawn), len(found.intake), found.reasons)
        written = {(bad.topic, 0, offset): bad for offset, bad in enumerate(drawn)}
        assert not [*accounts.astray(written, topic.owner, found)], f"seed {SEED}"
