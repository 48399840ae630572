"""Processes are killed and stopped: at each place between two durable steps, at random moments, alone and together."""

import asyncio

from tests.faults.behaviour import Rule
from tests.faults.stage import Scale, Stage

INTAKE = ("intake.advanced", "intake.effected", "intake.committed")
RELAY = ("relay.read", "relay.acked", "relay.marked", "relay.committed")
SENDER = tuple(
    f"sender.{step}"
    for step in ("taken", "rendered", "opening", "opened", "data", "dotted", "replied", "settling", "told", "recorded", "took_over")
)
CLICK = ("click.begun", "click.finishing")
# Between each two durable steps of each service.
FAILPOINTS = {
    "po-service": (*INTAKE, *RELAY, *(f"documents.{step}" for step in ("kept", "submitted", "stored")), "task.claimed", "task.raised"),
    "notification-rules": (*INTAKE, *(f"rules.{step}" for step in ("claimed", "undecided", "voided", "saved", "settled")), *RELAY),
    "mailer-service": (
        *INTAKE,
        "mailer.stored",
        "mailer.queued",
        "withdrawal.marked",
        *(f"digest.{step}" for step in ("closed", "told", "committed")),
        *(f"inbound.{step}" for step in ("stored", "added", "kept")),
        *CLICK,
        "forward.answering",
        *RELAY,
        *SENDER,
    ),
    "commlog-service": (
        *INTAKE,
        *CLICK,
        "log.answering",
        *(f"send.{step}" for step in ("pinned", "frozen", "answering")),
        "outcomes.saved",
        "mails.joined",
        "history.advanced",
        "heads.taken",
        "heads.filed",
        "review.joined",
        "review.answering",
        "erasure.blanked",
        "erasure.answering",
        *RELAY,
    ),
    "gateway": ("gateway.passing", "session.begun", "session.ended"),
}
# Of two processes one, or a worker whose mailer lives; and what stands alone.
SPARE = ("mailer-service", "notification-rules", "pdf-worker", "mailer-service-2", "notification-rules-2", "template-worker", "mail-reader")
SINGLE = ("po-service", "gateway", "commlog-service")
SERVICES = (*SPARE, *SINGLE)
LEASE_SECONDS = 20.0
SESSION_SECONDS = 10.0
# How often, in a whole run.
KILLS, BROKER, DATABASE, MIXED, BURST = 140, 20, 20, 5, 10_000


async def steady(stage: Stage, _: Scale) -> None:
    """No fault at all: what is found here is the checker's own fault."""
    async with stage.under_load():
        await asyncio.sleep(8)


async def failpoints(stage: Stage, _: Scale) -> None:
    """Each place between two durable steps, once; the services one beside the other."""
    async with stage.under_load():
        await asyncio.gather(*(_places(stage, service, names) for service, names in FAILPOINTS.items()))


async def _places(stage: Stage, service: str, names: tuple[str, ...]) -> None:
    for name in names:
        provoke = (lambda: stage.house.kill("mailer-service-2")) if name == "sender.took_over" else (lambda: None)
        if not await stage.reach(service, name, provoke):
            stage.say(f"the failpoint {name} of {service} was not reached")
    hits = {hit for hit in stage.house.hits() if hit.startswith(f"{service} ")}
    stage.measure(f"failpoints of {service} hit", len(hits & {f"{service} {name}" for name in names}), at_least=len(names))


async def services(stage: Stage, scale: Scale) -> None:
    """kill -9 of each service's processes, and of those that the mailers keep for PDFs, customers' templates and replies, at their work.

    What stands twice, or is a worker, beside what stands once.
    """
    number = scale.of(KILLS)
    async with stage.under_load():
        await asyncio.gather(_killed(stage, SPARE, number - number // 2), _killed(stage, SINGLE, number // 2))


async def _killed(stage: Stage, units: tuple[str, ...], number: int) -> None:
    """So many kills that count, in rotation."""
    counted = tried = 0
    while counted < number and tried < 2 * number:
        counted += await stage.kill(units[tried % len(units)])
        tried += 1


async def broker(stage: Stage, scale: Scale) -> None:
    """kill -9 of Kafka."""
    async with stage.under_load():
        await _killed(stage, ("kafka",), scale.of(BROKER))


async def database(stage: Stage, scale: Scale) -> None:
    """kill -9 of Postgres: the postmaster, whose children go with it."""
    async with stage.under_load():
        await _killed(stage, ("postgres",), scale.of(DATABASE))


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
