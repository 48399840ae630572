"""Processes are killed and stopped: at each place between two durable steps, at random moments, alone and together."""

import asyncio

from tests.faults.behaviour import Rule
from tests.faults.stage import Scale, Stage

INTAKE = ("intake.advanced", "intake.effected", "intake.committed")
RELAY = ("relay.read", "relay.acked", "relay.marked", "relay.committed")
SENDER = tuple(
    f"sender.{step}" for step in ("taken", "rendered", "opening", "opened", "data", "replied", "settling", "told", "recorded", "took_over")
)
# Between each two durable steps of each service.
FAILPOINTS = {
    "po-service": (*INTAKE, *RELAY),
    "notification-rules": (*INTAKE, "rules.claimed", "rules.saved", *RELAY),
    "mailer-service": (*INTAKE, "mailer.stored", "mailer.queued", *RELAY, *SENDER),
    "commlog-service": INTAKE,
}
SERVICES = (
    "mailer-service",
    "notification-rules",
    "gateway",
    "pdf-worker",
    "po-service",
    "mailer-service-2",
    "notification-rules-2",
    "template-worker",
    "commlog-service",
    "mail-reader",
)
LEASE_SECONDS = 20.0
SESSION_SECONDS = 10.0
# How often, in a whole run.
KILLS, BROKER, DATABASE, MIXED, BURST = 140, 20, 20, 5, 10_000


async def steady(stage: Stage, _: Scale) -> None:
    """No fault at all: what is found here is the checker's own fault."""
    async with stage.under_load():
        await asyncio.sleep(8)


async def failpoints(stage: Stage, _: Scale) -> None:
    """Each place between two durable steps, once."""
    async with stage.under_load():
        for service, names in FAILPOINTS.items():
            for name in names:
                provoke = (lambda: stage.house.kill("mailer-service-2")) if name == "sender.took_over" else (lambda: None)
                if not await stage.reach(service, name, provoke):
                    stage.say(f"the failpoint {name} of {service} was not reached")


async def services(stage: Stage, scale: Scale) -> None:
    """kill -9 of each service's processes, and of those that the mailers keep for PDFs, customers' templates and replies, at their work."""
    async with stage.under_load():
        for n in range(scale.of(KILLS)):
            await stage.kill(SERVICES[n % len(SERVICES)])


async def broker(stage: Stage, scale: Scale) -> None:
    """kill -9 of Kafka."""
    async with stage.under_load():
        for _ in range(scale.of(BROKER)):
            await stage.kill("kafka")


async def database(stage: Stage, scale: Scale) -> None:
    """kill -9 of Postgres: the postmaster, whose children go with it."""
    async with stage.under_load():
        for _ in range(scale.of(DATABASE)):
            await stage.kill("postgres")


async def stopped(stage: Stage, _: Scale) -> None:
    """SIGSTOP: a sender for longer than its lease, a consumer for longer than its session, the broker for a while."""
    async with stage.under_load():
        await stage.stand_still("mailer-service", LEASE_SECONDS + 8)
        await stage.stand_still("notification-rules", SESSION_SECONDS + 5)
        await stage.stand_still("mailer-service-2", LEASE_SECONDS + 8)
        await stage.stand_still("kafka", 12)


async def burst(stage: Stage, scale: Scale) -> None:
    """Very many at once, and everything is killed in the middle of it."""
    stage.burst(scale.of(BURST))
    async with stage.under_load(10):
        for unit in ("mailer-service", "notification-rules", "postgres", "mailer-service-2", "kafka", "notification-rules-2"):
            await stage.kill(unit)


async def mixed(stage: Stage, scale: Scale) -> None:
    """Several faults at once, on a server that is not well either."""
    stage.house.serve(
        Rule("dot", "TAKE+DROP", chance=0.01), Rule("dot", "451 4.3.0 later", chance=0.02), Rule("dot", seconds=0.5, chance=0.05)
    )
    async with stage.under_load():
        for _ in range(scale.of(MIXED)):
            one, other = stage.random.sample((*SERVICES, "kafka", "postgres"), 2)
            if stage.house.kill(one):
                stage.say(f"kill -9 {one} besides")
            await stage.kill(other)
