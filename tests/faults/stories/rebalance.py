"""The consumers' groups change every few seconds: processes come and go, politely and not, and a stranger joins besides."""

import asyncio
import contextlib
import time
from collections.abc import Coroutine
from typing import Any

from aiokafka import AIOKafkaConsumer
from aiokafka.admin import AIOKafkaAdminClient
from tests.faults.evidence import READS
from tests.faults.house import START_SECONDS
from tests.faults.stage import Scale, Stage

from embedded.services import is_healthy

RULES, MAILER = "notification-rules", "mailer-service"
QUIET_SECONDS, STRANGER_SECONDS = 20.0, 5.0
# In a whole run: two guests at a time, each for a few seconds; on two cores most of a visit's twenty seconds is its start.
VISITS = 30


async def rebalance(stage: Stage, scale: Scale) -> None:
    """Third and fourth processes of rules and mailer join and leave; so does a member that reads nothing."""
    async with stage.under_load():
        await asyncio.sleep(5)
        quiet = await _mails_a_second(stage, asyncio.sleep(QUIET_SECONDS))
        seen: set[str] = set()
        works = (_count_members(stage, seen), _stranger(stage, RULES), _stranger(stage, MAILER))
        others = [asyncio.create_task(work) for work in works]
        try:
            restless = await _mails_a_second(stage, _visits(stage, scale.of(VISITS)))
        finally:
            for one in others:
                one.cancel()
            ended = await asyncio.gather(*others, return_exceptions=True)
    for failed in (one for one in ended if isinstance(one, Exception)):
        raise failed
    stage.measure("members that the groups had in the course of it", len(seen), at_least=2 * scale.of(VISITS))
    stage.measure("mails a second, nobody joining or leaving", round(quiet, 1))
    stage.measure("share of that while the groups change", round(restless / quiet, 2), at_least=0.7)


async def _mails_a_second(stage: Stage, meanwhile: Coroutine[Any, Any, None]) -> float:
    began, had = time.monotonic(), len(stage.house.ledger.entries)
    await meanwhile
    return (len(stage.house.ledger.entries) - had) / (time.monotonic() - began)


async def _visits(stage: Stage, number: int) -> None:
    """So many visits to each of both services."""
    for n in range(number):
        await asyncio.gather(*(_visit(stage, service, f"{service}-{3 + n % 2}") for service in (RULES, MAILER)))


async def _visit(stage: Stage, service: str, name: str) -> None:
    """A process joins, works for a moment, and leaves or is killed."""
    lasting, politely = stage.random.uniform(0.5, 4), stage.random.random() < 0.5
    guest = stage.house.another(service, name)
    try:
        deadline = time.monotonic() + START_SECONDS
        while not await asyncio.to_thread(is_healthy, f"{guest.address}/health"):
            if guest.pid is None or time.monotonic() > deadline:
                raise RuntimeError(f"{name} did not come up: see {guest.log}")
            await asyncio.sleep(0.1)
        await asyncio.sleep(lasting)
        if politely:
            await asyncio.to_thread(guest.stop)
    finally:
        guest.kill()


async def _stranger(stage: Stage, group: str) -> None:
    """Somebody else's consumer under the group's name, again and again: what it is assigned nobody reads meanwhile."""
    kafka = {"bootstrap_servers": stage.house.endpoints["kafka"], "enable_auto_commit": False}
    while True:
        consumer = AIOKafkaConsumer(*READS[group], group_id=group, **kafka)
        try:
            with contextlib.suppress(Exception):
                await consumer.start()
                await asyncio.sleep(STRANGER_SECONDS)
        finally:
            # Also one that was joining still: it would be a member, and read nothing, for as long as this process lives.
            await asyncio.shield(consumer.stop())
        await asyncio.sleep(STRANGER_SECONDS)


async def _count_members(stage: Stage, seen: set[str]) -> None:
    """Note whoever is a member, until cancelled."""
    admin = AIOKafkaAdminClient(bootstrap_servers=stage.house.endpoints["kafka"])
    await admin.start()
    try:
        while True:
            for name in (RULES, MAILER):
                for answer in await admin.describe_consumer_groups([name]):
                    seen.update(member[0] for group in answer.groups for member in group[5])
            await asyncio.sleep(0.2)
    finally:
        await admin.close()
