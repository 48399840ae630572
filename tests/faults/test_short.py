"""The short form of `make faults`: a house of its own, six kills under load and talk, and all six invariants afterwards."""

import asyncio
import os
from collections.abc import Iterator
from random import Random

import pytest
from tests.faults.behaviour import Rule
from tests.faults.desk import Desk
from tests.faults.house import House, Kind, start
from tests.faults.load import Load
from tests.faults.stage import Stage
from tests.faults.watch import Watch
from tests.faults.writer import Writer

# Another one each day in continuous integration; a failure names it.
SEED = int(os.environ.get("POSTROOM_SEED", "20261127"))
PLACES = (
    ("mailer-service", "sender.replied"),
    ("notification-rules", "intake.advanced"),
    ("po-service", "relay.acked"),
    ("commlog-service", "send.answering"),
    ("gateway", "gateway.passing"),
)
QUICK = Kind(twice=False, settings={"POSTROOM_LEASE_SECONDS": "4", "POSTROOM_BEAT_SECONDS": "1"})


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    house = start(tmp_path_factory.mktemp("faults") / "run", SEED, QUICK)
    yield house
    house.stop()


@pytest.mark.slow
@pytest.mark.timeout(400)
async def test_killed_under_load_nothing_is_lost_doubled_or_stuck(house: House) -> None:
    """A mailer between a 250 and its recording, rules between offset and effect, a relay between ack and mark; Postgres.

    And commlog-service and the gateway between what a click did and its answer.
    """
    house.serve(Rule("dot", "TAKE+DROP", chance=0.01), Rule("rcpt", "451 4.3.0 later", chance=0.02))
    kafka, postgres = house.endpoints["kafka"], house.endpoints["postgres"]
    run = f"{SEED & 0xFFFF:04x}"
    async with (
        Writer(kafka) as writer,
        Watch(kafka, postgres) as watch,
        Desk(house.endpoints, house.tail, Random(SEED + 1), run) as desk,  # noqa: S311 - a seed is the point
    ):
        stage = Stage(house, writer, watch, Load(SEED, run), Random(SEED), desk=desk)  # noqa: S311 - a seed is the point
        async with stage.under_load(20):
            stage.burst(100, 10)
            hit = await asyncio.gather(*(stage.reach(service, place) for service, place in PLACES))
            assert all(hit), f"seed {SEED}: not all of {PLACES} were reached"
            assert await stage.kill("postgres"), f"seed {SEED}"
            desk.send(pdf=True)
        violations = await stage.verdict()
        assert not violations, f"seed {SEED}: {sorted(map(str, violations))[:10]}, {stage.figures}"
        done = {name: stage.figures[name] for name in ("correspondences", "logs, forwards", "digests", "withdrawn")}
        assert all(done.values()), f"seed {SEED}: {done}"
        assert stage.figures["copies beyond one"] <= stage.figures["attempts ever unknown"]
        late = [fault for fault in stage.faults if fault.recovery is None or fault.recovery > 60]
        assert not late, f"seed {SEED}: {late}"
