"""A guard that nobody would miss is none: each is taken out of the code in turn, and the fault it guards against must be noticed."""

import asyncio
import os
import signal
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

from tests.faults.stage import Scale, Stage

RULES, MAILER = "notification-rules", "mailer-service"
HIT_SECONDS, REST_SECONDS = 30.0, 40.0
Story = Callable[[Stage], Awaitable[None]]


async def said_twice(stage: Stage) -> None:
    """The same records come a second time, in another batch."""
    records = [stage.load.event() for _ in range(40)]
    for _ in range(2):
        stage.writer.write(records)
        await asyncio.sleep(2)


async def two_relays(stage: Stage) -> None:
    """Two instances have much to publish, of few keys."""
    stage.writer.write(stage.load.event() for _ in range(600))
    await asyncio.sleep(5)


async def killed_sender(stage: Stage) -> None:
    """kill -9 of a sender that has envelopes in hand."""
    await _killed_at(stage, MAILER, "sender.opened")


async def suspended_sender(stage: Stage) -> None:
    """A sender stands still between taking and opening, is taken over, and comes back."""
    armed = stage.house.arm(MAILER, "sender.opening", stop=True)
    stage.writer.write(stage.load.event() for _ in range(100))
    pid = int((await _until_hit(armed)).name.rpartition("-")[2])
    until = time.monotonic() + 9  # below Postgres's patience with an idle transaction, which would stand in for the guard
    while time.monotonic() < until and not await _taken_over(stage):  # noqa: ASYNC110 - a database is asked
        await asyncio.sleep(0.2)
    await asyncio.sleep(2)
    os.kill(pid, signal.SIGCONT)
    await asyncio.sleep(3)


async def _taken_over(stage: Stage) -> bool:
    rows = await stage.watch.fetch(MAILER, "SELECT count(*) FROM envelopes WHERE state IN ('leased', 'sending')")
    return not rows[0][0]


async def told_under_two_ids(stage: Stage) -> None:
    """Two events say the same thing."""
    for _ in range(40):
        one = stage.load.event()
        stage.writer.write([one])
        await asyncio.sleep(0.03)
        stage.writer.write([stage.load.told_again(one)])
    await asyncio.sleep(2)


async def killed_behind_the_offset(stage: Stage) -> None:
    """kill -9 right after the offsets moved."""
    await _killed_at(stage, RULES, "intake.advanced")


async def killed_behind_the_reply(stage: Stage) -> None:
    """kill -9 between a 250 and its recording."""
    await _killed_at(stage, MAILER, "sender.replied")


async def killed_behind_the_batch(stage: Stage) -> None:
    """kill -9 right after a batch of broken records was committed."""
    armed = stage.house.arm(RULES, "intake.committed")
    stage.writer.write(stage.load.broken() for _ in range(20))
    await _until_hit(armed)


async def _killed_at(stage: Stage, service: str, failpoint: str) -> None:
    armed = stage.house.arm(service, failpoint)
    stage.writer.write(stage.load.event() for _ in range(100))
    await _until_hit(armed)


async def _until_hit(armed: Path) -> Path:
    """Wait until somebody came by; → the trace that it left."""
    return await asyncio.to_thread(_wait_for_hit, armed)


def _wait_for_hit(armed: Path) -> Path:
    deadline = time.monotonic() + HIT_SECONDS
    while armed.exists() and time.monotonic() < deadline:
        time.sleep(0.02)
    if armed.exists():
        armed.unlink()
        raise TimeoutError(f"nobody came by {armed.name}")
    return max(armed.parent.glob(f"{armed.name}.hit-*"), key=lambda file: file.stat().st_ctime_ns)


@dataclass(frozen=True)
class Guard:
    """The service that has it, the story in which it is missed, and by which violations: of other kinds it may bring any."""

    service: str
    story: Story
    missed_by: str


_NEITHER = f"1: {RULES} has neither processed nor parked"
GUARDS: dict[str, Guard] = {
    "intake key": Guard(RULES, said_twice, "1: parked, and the oracle knows no reason"),
    "outbox lane": Guard(RULES, two_relays, "6: "),
    "sender's lease": Guard(MAILER, killed_sender, "5: "),
    "fencing at the opening": Guard(MAILER, suspended_sender, "3: "),
    "claim": Guard(RULES, told_under_two_ids, "1: our own record is parked"),
    "offset in the transaction": Guard(RULES, killed_behind_the_offset, _NEITHER),
    "attempt before DATA": Guard(MAILER, killed_behind_the_reply, "3: "),
    "parked in the transaction": Guard(RULES, killed_behind_the_batch, "1: to be parked, and isn't"),
}


async def guarded(stage: Stage, _: Scale) -> None:
    """The stories in which a guard is missed when it is taken away, with all of them in place."""
    for name, guard in GUARDS.items():
        stage.say(f"{guard.story.__name__.replace('_', ' ')} ({name})")
        await guard.story(stage)
        await stage.rest()


async def guards(stage: Stage, _: Scale) -> None:
    """Each guard is taken away in turn; what its absence has violated, in words. Nothing of its kind means that nobody noticed."""
    for name in GUARDS:
        stage.without[name] = await removed(stage, name)


async def removed(stage: Stage, name: str) -> list[str]:
    """The story of one guard, without it; afterwards the house is whole again."""
    guard = GUARDS[name]
    switch = stage.house.run / "without" / guard.service
    await _restarted(stage, guard.service, switch, name)
    try:
        await guard.story(stage)
        everything = sorted(map(str, await stage.verdict(REST_SECONDS)))
    finally:
        await _restarted(stage, guard.service, switch, "")
    await stage.verdict()  # what heals, heals; what doesn't is known from here on
    found = [one for one in everything if one.startswith(guard.missed_by)]
    stage.say(f"without {name}: {found[0] if found else 'not noticed'} ({len(found)} of {len(everything)})")
    return found


async def _restarted(stage: Stage, service: str, switch: Path, without: str) -> None:
    await asyncio.to_thread(switch.write_text, without)
    for unit in [unit for unit in stage.house.units() if unit.removesuffix("-2") == service]:
        stage.house.kill(unit)
    await asyncio.sleep(1)
    await stage.house.until_up()
