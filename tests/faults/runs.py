"""The runs, each a story of faults under load; afterwards the stage gives its verdict."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from tests.faults import guards
from tests.faults.behaviour import Rule
from tests.faults.cast import UNREACHABLE
from tests.faults.stage import Stage

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
SERVICES = ("mailer-service", "notification-rules", "mailer-service-2", "notification-rules-2", "po-service", "commlog-service")
LEASE_SECONDS = 20.0
SESSION_SECONDS = 10.0


@dataclass(frozen=True)
class Scale:
    """How much of each."""

    kills: int = 140
    broker: int = 20
    database: int = 20
    burst: int = 10_000


Run = Callable[[Stage, Scale], Awaitable[None]]


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
    """kill -9 of each service's processes, at random moments of its work."""
    async with stage.under_load():
        for n in range(scale.kills):
            await stage.kill(SERVICES[n % len(SERVICES)])


async def broker(stage: Stage, scale: Scale) -> None:
    """kill -9 of Kafka."""
    async with stage.under_load():
        for _ in range(scale.broker):
            await stage.kill("kafka")


async def database(stage: Stage, scale: Scale) -> None:
    """kill -9 of Postgres: the postmaster, whose children go with it."""
    async with stage.under_load():
        for _ in range(scale.database):
            await stage.kill("postgres")


async def stopped(stage: Stage, _: Scale) -> None:
    """SIGSTOP: a sender for longer than its lease, a consumer for longer than its session, the broker for a while."""
    async with stage.under_load():
        await stage.stand_still("mailer-service", LEASE_SECONDS + 8)
        await stage.stand_still("notification-rules", SESSION_SECONDS + 5)
        await stage.stand_still("mailer-service-2", LEASE_SECONDS + 8)
        await stage.stand_still("kafka", 12)


def behaviours() -> dict[str, tuple[Rule, ...]]:
    """What mail servers do."""
    return {
        "4xx at each step": tuple(Rule(step, "451 4.3.0 later", chance=0.05) for step in ("mail", "rcpt", "data", "dot")),
        "5xx of the relay itself": (Rule("greeting", "554 5.3.2 not now", chance=0.4), Rule("mail", "530 5.7.0 sign in", chance=0.03)),
        "5xx at EHLO": (Rule("ehlo", "550 5.3.0 no", chance=0.4), Rule("mail", "421 4.3.2 closing", chance=0.02)),
        "5xx by policy": (Rule("dot", "550 5.7.1 looks odd", chance=0.05, times=1),),
        "dropped before the dot": tuple(Rule(step, "DROP", chance=0.02) for step in ("mail", "rcpt", "data")),
        "dropped at the dot, not taken": (Rule("dot", "DROP", chance=0.03),),
        "dropped after the dot, taken": (Rule("dot", "TAKE+DROP", chance=0.03),),
        "slow": (Rule("dot", seconds=1.0, chance=0.05), Rule("rcpt", seconds=0.3, chance=0.05)),
        "one bad recipient in ten": (Rule("rcpt", "550 5.1.1 no such user", to=r"\.bad\d@"),),
        "greylisting": (Rule("rcpt", "451 4.7.1 greylisted", times=1),),
    }


async def server(stage: Stage, _: Scale) -> None:
    """Each behaviour of the SMTP server for a while, with a kill of the mailer in the middle of it."""
    for what, rules in behaviours().items():
        stage.say(f"the SMTP server: {what}")
        stage.house.serve(*rules)
        async with stage.under_load():
            for n in range(40):
                stage.writer.write([stage.load.event(person=UNREACHABLE[n % len(UNREACHABLE)] if n % 10 == 0 else "")])
                await asyncio.sleep(0.05)
            if stage.random.random() < 0.5:
                stage.house.kill("mailer-service")
            await asyncio.sleep(4)
        stage.house.serve()
        await asyncio.sleep(1)


async def burst(stage: Stage, scale: Scale) -> None:
    """Very many at once, and everything is killed in the middle of it."""
    stage.burst(scale.burst)
    async with stage.under_load(10):
        for unit in ("mailer-service", "notification-rules", "postgres", "mailer-service-2", "kafka", "notification-rules-2"):
            await stage.kill(unit)


async def mixed(stage: Stage, scale: Scale) -> None:
    """Several faults at once, on a server that is not well either."""
    stage.house.serve(
        Rule("dot", "TAKE+DROP", chance=0.01), Rule("dot", "451 4.3.0 later", chance=0.02), Rule("dot", seconds=0.5, chance=0.05)
    )
    async with stage.under_load():
        for _ in range(max(scale.broker // 4, 1)):
            one, other = stage.random.sample((*SERVICES, "kafka", "postgres"), 2)
            if stage.house.kill(one):
                stage.say(f"kill -9 {one} besides")
            await stage.kill(other)


async def guarded(stage: Stage, _: Scale) -> None:
    """The stories in which a guard is missed when it is taken away (guards.py), with all of them in place."""
    await guards.in_place(stage)


async def links(stage: Stage, _: Scale) -> None:
    """Each way between the services and what they stand on is cut, half-open and slow; what is written then arrives afterwards."""
    async with stage.under_load():
        for name in ("postgres", "smtp", "kafka"):
            for mode, seconds in (("cut", 4.0), ("frozen", 15.0), ("slow", 6.0)):
                await stage.sever(mode, name, seconds)


# In a house of their own, where every way leads through a proxy.
LINKED = ("links",)
RUNS: dict[str, Run] = {
    "steady": steady,
    "guarded": guarded,
    "failpoints": failpoints,
    "services": services,
    "broker": broker,
    "database": database,
    "stopped": stopped,
    "server": server,
    "burst": burst,
    "mixed": mixed,
    "links": links,
}
