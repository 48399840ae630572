"""The services are replaced one after the other, forward and back, while everything else goes on."""

import asyncio
import time
from pathlib import Path

from tests.faults import versions
from tests.faults.evidence import READS
from tests.faults.house import OPERATOR
from tests.faults.stage import Scale, Stage

from embedded.demo.door import Door
from embedded.paths import ROOT

# Producers first, which is the wrong way round: what they say in the next major is parked until its readers are there too.
UNITS = ("po-service", "notification-rules", "notification-rules-2", "mailer-service", "mailer-service-2", "commlog-service", "gateway")
RATE, WORKS_SECONDS = 30.0, 2.0
# A small run leaves commlog-service and the gateway as they were.
SMALL = 0.3
_LATER = """
    SELECT id FROM parked WHERE closed_at IS NULL AND reason = 'unknown_type' AND headers::text LIKE '%DeliveryNoteRecorded.v2%' ORDER BY id
"""


async def upgrade(stage: Stage, scale: Scale) -> None:
    """From the version that landed to this one, to a made-up next one, back, forward again, and on to the one that contracts."""
    units = UNITS if scale.share > SMALL else UNITS[:5]
    trees = stage.house.run / "trees"
    coming = await asyncio.to_thread(versions.coming, trees / "coming")
    later = await asyncio.to_thread(versions.later, trees / "later", coming)
    stage.say(f"from commit {versions.landed_commit()[:10]}")
    async with stage.under_load(RATE):
        await asyncio.sleep(WORKS_SECONDS)
        await _replaced(stage, "this version", ROOT, units)
        stage.house.arm("mailer-service", "db.migrating")
        await _replaced(stage, "the next one", coming, units)
        await _replayed(stage)
        await _replaced(stage, "this version again", ROOT, units[::-1])
        await _replaced(stage, "the next one again, two processes of a service at once", coming, units, at_once=2)
        await _replayed(stage)
        await _replaced(stage, "the one after that", later, units)
    await stage.rest()
    await _replayed(stage)
    stage.measure("migrations killed half-way", stage.house.hits().get("mailer-service db.migrating", 0), at_least=1)
    stage.measure("events of the next major lifted or replayed", await _of_next_major(stage), at_least=20)


async def _replaced(stage: Stage, what: str, tree: Path, units: tuple[str, ...], at_once: int = 1) -> None:
    """Each of these processes, or the two of a service at once, becomes one of this version, and works for a while beside the others."""
    began, longest = time.monotonic(), 0.0
    for unit in units:
        stage.house.version(unit, tree)
    pending = list(units)
    while pending:
        now = [one for one in pending if one.removesuffix("-2") == pending[0].removesuffix("-2")][:at_once]
        pending = [one for one in pending if one not in now]
        stopped = time.monotonic()
        await stage.house.stopped(now)
        stage.writer.write(stage.load.of_next_major() for _ in range(3))
        await stage.house.until_up()
        longest = max(longest, time.monotonic() - stopped)
        await asyncio.sleep(WORKS_SECONDS)
    stage.say(f"{what}: all of it after {time.monotonic() - began:.0f} s, the longest away for {longest:.0f} s")


async def _replayed(stage: Stage) -> None:
    """What the version before could not read is brought in, as an operator would."""
    door, number = Door(stage.house.endpoints), 0
    for service in READS:
        # One by one: what came twice is parked twice, and the replay of one settles the other.
        while rows := await stage.watch.fetch(service, f"{_LATER} LIMIT 1"):
            path = f"/parked/{service}/{rows[0]['id']}/replay"
            await asyncio.to_thread(door.call, OPERATOR, "POST", path, json={"value": None})
            number += 1
    stage.measure("records of a later major that were parked, and are replayed", number)


async def _of_next_major(stage: Stage) -> int:
    rows = await stage.watch.fetch("notification-rules", "SELECT count(*) FROM events WHERE type = 'DeliveryNoteRecorded.v2'")
    return int(rows[0][0])
