"""A relay that is at fault itself: it wants no password of ours, relays nothing, is away from Friday to Monday, takes no large mail.

A house of its own, whose relay wants STARTTLS and a password. Each story ends with all mails sent, which the invariants ask for.
"""

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable

from tests.faults.behaviour import Rule
from tests.faults.cast import UNREACHABLE, address
from tests.faults.house import OPERATOR
from tests.faults.stage import Scale, Stage
from tests.faults.watch import AWAY

from embedded.demo.door import Door

MAILER = "mailer-service"
MAILS, FEW = 1_000, 200
# The breaker asks a relay that refuses at most every 30 s; the rest is for sending on a machine that has other work.
MENDED_SECONDS, PATIENCE = 90.0, 240.0
# The breaker's pause has grown to its longest when a relay has refused for so long.
LONG_SECONDS = 65.0
UNPAID = "SELECT count(*) FROM envelopes WHERE state IN ('bounced', 'dead', 'held') AND address NOT LIKE 'fw.bad%'"
# What waits for somebody's morning doesn't wait for the relay.
WAITING = """
    SELECT count(*) FROM envelopes
    WHERE state IN ('pending', 'leased', 'sending', 'deferred', 'unknown')
    AND coalesce(detail, '') NOT LIKE 'quiet hours%'
"""
SUPPRESSED = "SELECT count(*) FROM suppression WHERE address NOT LIKE 'fw.bad%'"
STRIPPED = "250-sink\r\n250-PIPELINING\r\n250-AUTH PLAIN\r\n250 8BITMIME"
# All that the mailer has written of its mails becomes so much older, as if it had been written on Friday.
_A_WEEKEND_PASSES = """
    UPDATE envelopes SET due_at = due_at - $1::interval, refused_at = refused_at - $1::interval, changed_at = changed_at - $1::interval;
    UPDATE attempts SET opened_at = opened_at - $1::interval WHERE result IS NULL;
    UPDATE messages SET created_at = created_at - $1::interval;
    UPDATE rendered SET rendered_at = rendered_at - $1::interval
"""
_GIVEN_UP = "SELECT id, attempts, extract(epoch FROM waited) / 3600 AS hours FROM envelopes WHERE state = 'dead' AND address = $1"
FRIDAY_TO_MONDAY = "64 hours"


async def password(stage: Stage, scale: Scale) -> None:
    """The password has expired for a thousand mails; a mailer is killed meanwhile."""
    await _refused(stage, scale.of(MAILS), "an expired password", Rule("auth", "535 5.7.8 your password has expired"))


async def denied(stage: Stage, scale: Scale) -> None:
    """A thousand mails that the relay doesn't relay, as Postfix says it; fewer in other servers' words, and 5xx at the other steps."""
    await _refused(stage, scale.of(MAILS), "relaying denied", Rule("rcpt", "554 5.7.1 <you>: Relay access denied"))
    others = {
        "relaying denied, without a status": Rule("rcpt", "550 relay not permitted"),
        "the sender refused at RCPT": Rule("rcpt", "550 5.1.8 <us>: Sender address rejected: Domain not found"),
        "5xx at MAIL": Rule("mail", "530 5.7.0 sign in"),
        "5xx at EHLO": Rule("ehlo", "550 5.3.0 no"),
        "5xx at the greeting": Rule("greeting", "554 5.3.2 not now"),
    }
    for what, rule in others.items():
        await _refused(stage, scale.of(FEW), what, rule)


async def in_clear(stage: Stage, scale: Scale) -> None:
    """STARTTLS is refused in every way, under load and with a mailer killed: no mail and no password goes out without it."""
    ways = {
        "STARTTLS refused for now": Rule("starttls", "454 4.7.0 TLS not available"),
        "STARTTLS unknown": Rule("starttls", "502 5.5.1 no such command"),
        "hung up at STARTTLS": Rule("starttls", "DROP"),
        "a certificate for somebody else": Rule("starttls", "WRONG"),
        "STARTTLS taken out of the EHLO": Rule("ehlo", STRIPPED),
        "plain text behind the 220 of STARTTLS": Rule("starttls", "220 2.0.0 go\r\n250-sink\r\n250 AUTH PLAIN"),
    }
    for what, rule in ways.items():
        await _refused(stage, scale.of(FEW), what, rule, harmless=what.startswith("plain text"))
    stage.measure("commands in clear, where TLS was asked for", len(stage.house.said_in_clear()), at_most=0)


async def _refused(stage: Stage, events: int, what: str, rule: Rule, *, harmless: bool = False) -> None:
    """So much is written while the relay refuses; none of it is given up, and all of it is sent soon after the mending."""
    stage.house.serve(rule)
    await _broken_off(stage)
    before = len(stage.house.ledger.copies)
    stage.burst(events)
    await asyncio.sleep(2)
    stage.house.kill(MAILER)
    await stage.writer.all_acked()
    waiting = await _all_in_the_mailer(stage)
    if not harmless:
        stage.measure(f"{what}: mails that waited", waiting, at_least=events * 0.5)
        stage.measure(f"{what}: sent nevertheless", len(stage.house.ledger.copies) - before, at_most=0)
    await _none_has_paid(stage, what)
    stage.house.serve()
    await _all_sent(stage, what)


async def weekend(stage: Stage, scale: Scale) -> None:
    """The relay is away from Friday to Monday: it refuses connections, takes them and says nothing, sends each away, or has no room.

    What is moved: every time that the mailer has written of its mails becomes 64 hours older, once all of them wait, and half of them had
    waited 47 of their 48 hours before. That is the same as 64 hours that pass: the database decides by those times alone, what a process
    remembers is the breaker's pause, which is at its longest after a minute (the first outage lasts that long), and nothing else happens
    while the relay is away but the same attempt to connect. The mailers are killed in the middle: they start with the relay away.
    """
    outages: dict[str, tuple[str, tuple[Rule, ...], float]] = {
        "connections refused": ("cut", (), LONG_SECONDS),
        "silent": ("frozen", (), 15.0),
        "sessions refused for now": ("pass", (Rule("greeting", "421 4.3.2 closed until Monday"),), 15.0),
        "its disk is full": ("pass", (Rule("mail", "452 4.3.1 no room"),), 15.0),
        "hangs up at MAIL": ("pass", (Rule("mail", "DROP"),), 15.0),
    }
    for n, (what, (mode, rules, seconds)) in enumerate(outages.items()):
        stage.house.serve(*rules)
        await _broken_off(stage, mode)
        stage.burst(scale.of(MAILS if n == 0 else FEW))
        await stage.writer.all_acked()
        await _all_in_the_mailer(stage)
        await asyncio.sleep(seconds / 2)
        await _a_weekend_passes(stage)
        for unit in (MAILER, f"{MAILER}-2"):
            stage.house.kill(unit)
        await stage.house.until_up()
        await asyncio.sleep(seconds / 2)
        await _none_has_paid(stage, f"away from Friday to Monday, {what}")
        stage.house.serve()
        stage.house.link("pass")
        await _all_sent(stage, f"away from Friday to Monday, {what}")


async def given_up(stage: Stage, _: Scale) -> None:
    """One domain says 4xx for more than 48 hours while the relay is well: dead, and sent when it is resent by hand.

    What is moved: the moment at which it is due again, after each attempt. How long it waited is the mailer's own sum.
    """
    person, to = UNREACHABLE[0], address(UNREACHABLE[0])
    stage.house.serve(Rule("rcpt", "450 4.2.0 not now", to=to))
    stage.writer.write([stage.load.event(person=person)])
    async with stage.under_load(10):
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline and not await stage.watch.fetch(MAILER, _GIVEN_UP, to):
            await stage.watch.fetch(MAILER, "UPDATE envelopes SET due_at = now() WHERE state = 'deferred' AND address = $1", to)
            await stage.watch.fetch(MAILER, "SELECT pg_notify('envelopes', '')")
            await asyncio.sleep(0.05)
    rows = await stage.watch.fetch(MAILER, _GIVEN_UP, to)
    stage.measure("a domain away for 48 hours: mails given up", len(rows), at_least=1, at_most=1)
    stage.measure("a domain away for 48 hours: hours that it waited", round(float(rows[0]["hours"]), 1), at_least=46, at_most=48)
    stage.measure("a domain away for 48 hours: attempts", rows[0]["attempts"], at_least=20)
    stage.house.serve()
    Door(stage.house.endpoints).call(OPERATOR, "POST", f"/api/envelopes/{rows[0]['id']}/resend")
    await _all_sent(stage, "a domain away for 48 hours, resent by hand")


async def large(stage: Stage, _: Scale) -> None:
    """One mail over the relay's SIZE among many: announced, or not announced and refused at MAIL or the dot. It alone is dead."""
    most = 150_000  # beyond what the people of the load send, PDFs and all
    ways = {
        "announced": (Rule("size", str(most)), Rule("mail", "552 5.3.4 should not have been asked", over=most)),
        "refused at MAIL": (Rule("mail", "552 5.3.4 too big", over=most),),
        "refused at the dot": (Rule("size", "0"), Rule("dot", "552 5.3.4 too big", over=most)),
    }
    for n, (what, rules) in enumerate(ways.items(), 1):
        stage.house.serve(*rules)
        await _broken_off(stage)
        async with stage.under_load():
            await asyncio.sleep(1)
            stage.writer.write([stage.load.large()])
            await asyncio.sleep(1)
            stage.house.kill(MAILER)
            await asyncio.sleep(2)
        await stage.writer.all_acked()
        await _all_in_the_mailer(stage)
        await _all_sent(stage, f"one mail too large, {what}: the others")
        dead = await stage.watch.fetch(MAILER, "SELECT id, detail FROM envelopes WHERE state = 'dead' AND detail LIKE 'too_large: %'")
        stage.measure(f"one mail too large, {what}: dead for it", len(dead), at_least=1, at_most=1)
        told = (
            "SELECT count(*) FROM outbox WHERE topic = 'outcomes' AND convert_from(value, 'utf8')::jsonb ->> 'detail' LIKE 'too_large: %'"
        )
        stage.measure(f"one mail too large, {what}: outcomes so far", await _count(stage, told), at_least=n)
        asked = await _count(stage, "SELECT count(*) FROM attempts WHERE detail LIKE '%should not have been asked%'")
        stage.measure(f"one mail too large, {what}: begun in spite of the SIZE", asked, at_most=0)
        stage.house.serve()
        await _broken_off(stage)
        Door(stage.house.endpoints).call(OPERATOR, "POST", f"/api/envelopes/{dead[0]['id']}/resend")
        await _all_sent(stage, f"one mail too large, {what}: resent by hand to a server that takes it")


async def _broken_off(stage: Stage, mode: str = "pass") -> None:
    """Every session with the relay ends: what it says at the beginning of one is heard by all."""
    await asyncio.sleep(0.2)  # until the sink has read its rules
    stage.house.link("cut", "smtp")
    await asyncio.sleep(0.5)
    if mode == "pass":
        stage.house.link("pass")
    elif mode != "cut":
        stage.house.link(mode, "smtp")


async def _a_weekend_passes(stage: Stage) -> None:
    began = time.time()
    for statement in _A_WEEKEND_PASSES.replace("$1::interval", f"interval '{FRIDAY_TO_MONDAY}'").split(";"):
        await stage.watch.fetch(MAILER, statement)
    stage.hours.append((began, time.time()))  # quiet hours end in it too
    await stage.watch.fetch(
        MAILER, "UPDATE envelopes SET waited = interval '47 hours' WHERE sequence % 2 = 0 AND state IN ('pending', 'deferred')"
    )


async def _all_in_the_mailer(stage: Stage) -> int:
    """Wait until everything written has come to the mailer; → how many mails wait there."""

    async def there() -> bool:
        await stage.house.until_up()
        services = ("po-service", "notification-rules", MAILER)
        outboxes = [await stage.watch.value(service, "SELECT count(*) FROM outbox WHERE published_at IS NULL") for service in services[:2]]
        return not any(outboxes) and not any([await stage.watch.lag(service) for service in services])

    await _until("everything is in the mailer", there)
    return await _count(stage, WAITING)


async def _none_has_paid(stage: Stage, what: str) -> None:
    given_up = await _count(stage, UNPAID) + await _count(stage, SUPPRESSED)
    stage.measure(f"{what}: mails bounced, dead, held, addresses suppressed", given_up, at_most=0)


async def _all_sent(stage: Stage, what: str) -> None:
    """By itself: nobody moves a time here."""
    mended = time.monotonic()

    async def sent() -> bool:
        return not await _count(stage, WAITING)

    await _until(f"all are sent ({what})", sent)
    stage.measure(f"{what}: seconds until all were sent", round(time.monotonic() - mended, 1), at_most=MENDED_SECONDS)


async def _count(stage: Stage, sql: str) -> int:
    return await stage.watch.value(MAILER, sql)


async def _until(what: str, look: Callable[[], Awaitable[bool]]) -> None:
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        with contextlib.suppress(*AWAY):
            if await look():
                return
        await asyncio.sleep(0.1)
    raise TimeoutError(f"not within {PATIENCE:g} s: {what}")
