"""120 days, two zones half a day apart, clocks put forward and back, an outage of a week, scans that run twice: the same is told."""

import os
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path

import pytest
from tests.conftest import FreshDatabase
from tests.integration.po.door import opened
from tests.integration.rules import conftest as rules_support
from tests.oracle import days
from tests.oracle.seed import oracle_of
from tests.simulation import script
from tests.simulation.house import House
from tests.simulation.play import Play
from tests.simulation.subjects import TYPES

from embedded.issuer import ensure_issuer
from notification_rules.settings import Settings as RulesSettings
from po_service.settings import Settings as PoSettings
from postroom import clock, db

SEED = int(os.environ.get("POSTROOM_SEED", "20261123"))
WITHDRAWN = ("delivery-note-reminder-requester", "delivery-note-reminder-purchaser", "due-template")
NEVER = 10**10  # seconds: the service's own schedule keeps still, the script says when tasks run


@pytest.mark.timeout(300)
async def test_everybody_is_told_what_the_oracle_says_and_nothing_else(
    fresh_database: FreshDatabase, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    keys = ensure_issuer(tmp_path / "issuer")
    settings = await fresh_database(PoSettings, "po_service", kafka="127.0.0.1:9", issuer_public=keys.public, task_seconds=NEVER)
    rules = await rules_support.composed(await fresh_database(RulesSettings, "notification_rules"))

    def travel(moment: datetime) -> None:
        monkeypatch.setattr(clock, "_OFFSET", moment - datetime.now(UTC))

    people = script.people()
    world = script.world(days.AUSTRIA, days.NEW_ZEALAND)
    async with opened(settings, keys.private.read_bytes()) as door, await db.open_pool(settings, "worker") as outbox:
        play = Play(House(door, outbox, rules), world, people, oracle_of(people, script.FIRST), travel, datetime.now(UTC))
        story = script.Script(play, SEED)
        await story.set_up()
        for n in range(script.DAYS):
            await story.day(n)
            assert play.told == play.expected, f"day {n} of seed {SEED}: {_difference(play)}"
            assert play.withdrawn == play.to_withdraw, f"day {n} of seed {SEED}: what became void"
    assert await rules.parked() == []
    await rules.pool.close()
    # The purchaser contact hears of each run, also of one that finds the same items as the last.
    again = {told[0] for told, n in play.told.items() if n > 1}
    assert again <= {"minimum-order-value-purchaser"}, "nobody is told anything twice"
    assert {message_type for message_type, _, _ in play.withdrawn} == set(WITHDRAWN)
    assert {message_type for message_type, _, _ in play.told} == set(TYPES), "all thirteen have happened"


def _difference(play: Play) -> str:
    missing, beyond = play.expected - play.told, play.told - play.expected
    return f"not told {_some(missing)}; told beyond {_some(beyond)}"


def _some(counted: Counter[tuple[str, str, tuple[object, ...]]]) -> str:
    return ", ".join(f"{one} ×{n}" for one, n in list(counted.items())[:5]) or "nothing"
