"""Senders that go, stand still and come back; mails of which nobody knows whether they arrived."""

import asyncio
import os
import signal
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import uuid4

from tests.faults import cast
from tests.faults.behaviour import Rule
from tests.faults.house import OPERATOR
from tests.faults.stage import Scale, Stage
from tests.faults.states.machine import play
from tests.faults.stories.guards import MAILER, _until_hit
from tests.faults.stories.kills import SENDER
from tests.faults.watch import AWAY

from embedded.demo.door import Door
from embedded.paths import ROOT
from mailer_service.settings import Settings
from postroom import db

# In a whole run: examples of the state machine; senders that vanish; mails that nobody knows of.
EXAMPLES, VANISH, LOST = 1_500, 12, 60
TOOK_OVER_SECONDS = 30.0
MANY = 100_000
# A sender whose row is gone has nothing in hand any more.
_LEASES = "SELECT id, extract(epoch FROM expires_at)::float AS ends, extract(epoch FROM now())::float AS now FROM senders"


async def states(stage: Stage, scale: Scale) -> None:
    """The state machine of tests/faults/states, on a database of its own in this house's Postgres."""
    where: Any = {"postgres": stage.house.endpoints["postgres"], "emitters": ROOT / "deploy" / "emitters.yaml"}
    settings = Settings(**where, database=f"states_{uuid4().hex[:8]}")
    await db.migrate(settings, "mailer_service")
    number = scale.of(EXAMPLES)
    walked = await asyncio.to_thread(play, settings, number, stage.random.randrange(1 << 30))
    stage.measure("examples of the state machine", number)
    stage.measure("steps of mails from one state to another", walked.total())
    stage.measure("different ways among them", len(walked), at_least=12)


async def comes_back(stage: Stage, _: Scale) -> None:
    """A sender stands still beyond its lease, at each of its steps; meanwhile others take over and send again. Then it goes on."""
    places = [place for place in SENDER if place != "sender.took_over"]
    async with stage.under_load(10):
        for place in places:
            await stage.house.until_up()
            armed = stage.house.arm(MAILER, place, stop=True)
            stage.burst(60)
            hit = await _until_hit(armed)
            ends = await _leases(stage)
            # The others have taken over and, after 3 s, sent once more what was unknown.
            await asyncio.sleep(12)
            await _until_taken_over(stage, ends)
            os.kill(_pid(hit), signal.SIGCONT)
            await asyncio.sleep(2)
            stage.say(f"{place}: stopped beyond its lease, and came back")


def _pid(hit: Path) -> int:
    """The process that stands still, or was killed, at a failpoint."""
    return int(hit.name.rpartition("-")[2])


async def take_over(stage: Stage, scale: Scale) -> None:
    """Senders are killed and stopped with mails in hand; how long after the end of their lease have others all of it?"""
    took: list[float] = []
    async with stage.under_load(20):
        for n in range(scale.of(VANISH)):
            stop = bool(n % 2)
            took.append(await _vanishes(stage, stop=stop))
            stage.say(f"{'stopped' if stop else 'killed'}: taken over {took[-1]:.1f} s after the end of its lease")
        stage.burst(scale.of(10_000))
        busy = await _vanishes(stage, stop=True)
        stage.measure("the same, the only other sender being busy with a burst", busy, at_most=TOOK_OVER_SECONDS)
        restarted = await _vanishes(stage, stop=False, meanwhile=lambda: stage.house.kill("postgres"))
        stage.measure("the same, Postgres being killed and started meanwhile", restarted, at_most=TOOK_OVER_SECONDS)
    stage.measure("seconds from the end of the lease to the take-over, longest", max(took), at_most=TOOK_OVER_SECONDS)
    stage.measure("seconds from the end of the lease to the take-over, median", statistics.median(took))
    stage.measure(f"the same for {scale.of(MANY)} envelopes of one sender", await _many(stage, scale.of(MANY)), at_most=TOOK_OVER_SECONDS)


async def _vanishes(stage: Stage, *, stop: bool, meanwhile: Callable[[], object] = lambda: None) -> float:
    """A sender with opened attempts is killed or stopped → seconds from the end of its lease until nothing is in its hand."""
    await stage.house.until_up()
    armed = stage.house.arm(MAILER, "sender.opened", stop=stop)
    stage.burst(60)
    hit = await _until_hit(armed)
    ends = await _leases(stage)
    meanwhile()
    took = await _until_taken_over(stage, ends)
    if stop:
        os.kill(_pid(hit), signal.SIGCONT)
    return took


async def _leases(stage: Stage) -> dict[Any, float]:
    """Each sender's, and when it ends."""
    return {row["id"]: row["ends"] for row in await stage.watch.fetch(MAILER, _LEASES)}


async def _until_taken_over(stage: Stage, ends: dict[Any, float], seconds: float = 120) -> float:
    """Wait until each of these leases is renewed or nothing is in its sender's hand → by how much the last came after its end."""
    left, took = dict(ends), 0.0
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        try:
            rows = {row["id"]: row for row in await stage.watch.fetch(MAILER, _LEASES)}
        except AWAY:
            await stage.watch.forget()
            rows = {}
        now = max((row["now"] for row in rows.values()), default=0.0)
        for id_ in list(left) if rows else ():
            if id_ not in rows:
                took = max(took, now - left.pop(id_))
            elif rows[id_]["ends"] > left[id_]:
                del left[id_]
        if not left:
            return took
        await asyncio.sleep(0.05)
    raise TimeoutError(f"not taken over within {seconds:g} s: {left}")


async def _many(stage: Stage, number: int) -> float:
    """So many leased by a sender that is gone; nothing is sent meanwhile, and they are none of the load's."""
    stage.house.serve(Rule("greeting", "554 5.3.2 not now"))
    await asyncio.sleep(1)
    query, gone = stage.house.query, uuid4()
    insert = """
        INSERT INTO envelopes (id, message, tenant, address, due_at)
        SELECT 'many-' || n, 'many-' || n, 'many', 'nobody@faults.example', 'infinity' FROM generate_series(1, $1::int) AS n
    """
    await query("mailer_service", insert, number)
    await query("mailer_service", "UPDATE envelopes SET state = 'leased', sender_id = $1, due_at = NULL WHERE tenant = 'many'", gone)
    await query("mailer_service", "INSERT INTO senders (id, expires_at) VALUES ($1, now() + interval '1 s')", gone)
    try:
        [row] = await query("mailer_service", "SELECT extract(epoch FROM expires_at)::float AS ends FROM senders WHERE id = $1", gone)
        return await _until_taken_over(stage, {gone: row["ends"]})
    finally:
        await query("mailer_service", "DELETE FROM envelopes WHERE tenant = 'many'")
        stage.house.serve()


async def unknown(stage: Stage, scale: Scale) -> None:
    """The server takes each mail of some people and hangs up: two copies by themselves and no more; a person decides of each third."""
    people = cast.REQUESTERS[:3]
    stage.house.serve(Rule("dot", "TAKE+DROP", to="|".join(map(cast.address, people)).replace(".", r"\.")))
    stage.writer.write(stage.load.event(person=people[n % 3]) for n in range(scale.of(LOST)))
    waiting = await _for_a_person(stage, scale.of(LOST))
    before = stage.house.ledger.copies
    await asyncio.sleep(9)  # three times the pause before the resend, in this house
    unasked = (stage.house.ledger.copies - before).total()
    stage.measure("copies beyond the second that nobody asked for", unasked, at_most=0)
    stage.house.serve()
    door, mails = Door(stage.house.endpoints), waiting["mails"]
    by_person = [[one for one in mails if one["address"] == cast.address(person)] for person in people]
    for one in by_person[0]:
        body = {"attempt": one["attempt"], "decision": "resend"}
        for _ in range(2):
            door.call(OPERATOR, "POST", f"/api/unknown/{one['envelope']}/decision", json=body)
    chosen = [{"envelope": one["envelope"], "attempt": one["attempt"]} for one in by_person[1]]
    door.call(OPERATOR, "POST", "/api/unknown/decisions", json={"decision": "arrived", "chosen": chosen})
    matching = {"address": cast.address(people[2]), "until": waiting["as_of"]}
    door.call(OPERATOR, "POST", "/api/unknown/decisions", json={"decision": "leave", "reason": "by telephone", "matching": matching})
    await stage.rest()
    wanted = {"sent": len(by_person[0]) + len(by_person[1]), "cancelled": len(by_person[2])}
    ids = [one["envelope"] for one in mails]
    rows = await stage.watch.fetch(MAILER, "SELECT state, count(*) FROM envelopes WHERE id = ANY ($1) GROUP BY state", ids)
    stage.measure("mails decided by a person", len(mails), at_least=scale.of(LOST))
    stage.measure("of them otherwise than decided", sum((dict(map(tuple, rows)).get(k, 0) != n) for k, n in wanted.items()), at_most=0)
    third = (stage.house.ledger.copies - before).total()
    stage.measure("third copies, of those sent once more by a person's word", third, at_least=len(by_person[0]), at_most=len(by_person[0]))


async def _for_a_person(stage: Stage, number: int) -> dict[str, Any]:
    """Until so many wait; the page that shows them."""
    door, deadline = Door(stage.house.endpoints), time.monotonic() + 90
    page: dict[str, Any] = {}
    while time.monotonic() < deadline:
        page = door.call(OPERATOR, "GET", "/api/unknown?limit=200")
        if page["for_a_person"] >= number and not page["resent_by_themselves"]:
            return page
        await asyncio.sleep(0.5)
    raise TimeoutError(f"of {number} mails wait for a person: {page.get('for_a_person')}")
