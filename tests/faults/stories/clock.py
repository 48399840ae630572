"""The clock is set forward and back, by hours and by days, over both summer-time changes: of the services, of Postgres, of both."""

import asyncio
import re
import time
from collections import Counter
from datetime import UTC, datetime
from itertools import pairwise

from tests.faults.faketime import SEEN_AFTER_SECONDS
from tests.faults.stage import RECOVERY_SECONDS, Scale, Stage

HOUR, DAY = 3_600.0, 86_400.0
AT_MOST_SECONDS = 60.0
_RAN = re.compile(rb"task ran .*\bslot=(\S+) task=(\S+)")
# In Vienna and Berlin: 02:00 becomes 03:00, and 03:00 becomes 02:00.
CHANGES = (("spring", datetime(2027, 3, 28, 1, tzinfo=UTC)), ("autumn", datetime(2026, 10, 25, 1, tzinfo=UTC)))
BEFORE_SECONDS, OVER_SECONDS = 15.0, 35.0
# (services, Postgres): seconds ahead of the true time. Kafka's clock stays; the outbox keeps what is published for 48 h.
STEPS = (
    (3 * HOUR, 3 * HOUR),
    (30 * HOUR, 30 * HOUR),
    (-12 * HOUR, -12 * HOUR),
    (0, 0),
    (2 * HOUR, 0),
    (-26 * HOUR, 0),
    (0, 0),
    (0, 2 * HOUR),
    (0, -26 * HOUR),
    (0, 0),
)


async def clock(stage: Stage, _: Scale) -> None:
    """After each step what is written then arrives, and what was under way does; a mailer is killed at some of them."""
    slowest, stage.clocks_are_right = 0.0, False
    lengths = [0]
    log = stage.house.run / "logs" / "po-service.log"
    async with stage.under_load(20):
        await asyncio.sleep(5)
        for n, (services, postgres) in enumerate(STEPS):
            stage.burst(60, 4)
            lengths.append(len(log.read_bytes()))
            stage.house.clock(services, postgres)
            if n % 3 == 2:  # what it had in hand was leased by the clock as it was
                stage.house.kill("mailer-service")
            slowest = max(slowest, await _passed(stage, f"services {services / HOUR:+g} h, Postgres {postgres / HOUR:+g} h"))
        for name, moment in CHANGES:
            lengths.append(len(log.read_bytes()))
            stage.house.clock(moment.timestamp() - BEFORE_SECONDS - time.time(), 0)
            slowest = max(slowest, await _passed(stage, f"the services' clock just before the change in {name}"))
            await asyncio.sleep(OVER_SECONDS)
        stage.house.clock(0, 0)
        slowest = max(slowest, await _passed(stage, "the true time"))
    stage.measure("seconds to the first 250 after the clock was set", round(slowest, 1), at_most=AT_MOST_SECONDS)
    # By what was done, not by what is remembered of it: there a slot can stand but once. What a clock that was ahead ran before its time is
    # run again when it comes, which is another stretch.
    told = log.read_bytes()
    ran = [Counter(_RAN.findall(told[start:end])) for start, end in pairwise([*lengths, len(told)])]
    doubled = sum(number > 1 for stretch in ran for number in stretch.values())
    stage.measure("slots of tasks that ran more than once while the clock went on", doubled, at_most=0)
    stage.measure("slots of tasks that ran", len({slot for stretch in ran for slot, _ in stretch}), at_least=len(STEPS) // 2)


async def _passed(stage: Stage, what: str) -> float:
    """Seconds from the step to the first 250 for what was written after it."""
    await asyncio.sleep(SEEN_AFTER_SECONDS)
    took = await stage._recovery("mailer-service", time.time())
    stage.say(f"{what}: {'not back in time' if took is None else f'goes on after {took:.1f} s'}")
    return RECOVERY_SECONDS if took is None else took
