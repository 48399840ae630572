"""Documents that nobody should send, through po-service's consumer on a real database: processed, waiting or parked with a reason."""

from collections import Counter
from datetime import UTC, datetime
from pathlib import Path

import pytest
from tests.conftest import FreshDatabase
from tests.contract.composition import composed
from tests.contract.test_bad_records import SEED
from tests.faults.bad import accounts, papers
from tests.faults.bad.papers import Papers

from postroom.contracts.record import Record

NUMBER, BATCH = 150, 60


async def test_each_is_processed_waiting_or_parked(fresh_database: FreshDatabase, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    drawn = [*Papers(SEED, "bad").draw(NUMBER)]
    async with composed("po-service", fresh_database, tmp_path, monkeypatch) as running:
        for start in range(0, len(drawn), BATCH):
            batch = enumerate(drawn[start : start + BATCH], start)
            records = [Record(bad.topic, 0, offset, bad.key, bad.headers, bad.value, datetime.now(UTC)) for offset, bad in batch]
            await running.intake.process(records, "contract")
        found = await accounts.books(running.pool)
        written = {(bad.topic, 0, offset): bad for offset, bad in enumerate(drawn)}
        known = {identity[2] for identity in found.intake}
        astray = [*accounts.astray(written, lambda bad: papers.is_known(bad, known), found)]
        outcomes = Counter(row["outcome"] for row in await running.pool.fetch("SELECT outcome FROM ubl_documents"))
    assert not astray, f"seed {SEED}"
    assert outcomes["processed"] > NUMBER / 20, outcomes
    assert outcomes["waiting"], outcomes
    assert found.reasons["refused_by_database"] == 0, [
        where for where, (reason, _) in found.parked.items() if reason == "refused_by_database"
    ]
