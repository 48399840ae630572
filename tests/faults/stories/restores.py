"""The database is lost and restored, from all of its WAL and from less; and a standby takes the place of a server that is gone."""

import asyncio
import contextlib
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
from tests.faults import proxy
from tests.faults.evidence import DATABASES
from tests.faults.house import OPERATOR
from tests.faults.invariants import DOMAIN, Violation
from tests.faults.ledger import Entry
from tests.faults.postgres import Archived, Twin, lay
from tests.faults.stage import Scale, Stage
from tests.faults.watch import AWAY

from embedded.demo.door import Door
from embedded.errors import EmbeddedError
from embedded.ports import answers
from embedded.state import read_state

# How often, in a whole run.
TIMES = 3
SERVICES = ("mailer-service", "notification-rules", "mailer-service-2", "notification-rules-2", "po-service", "commlog-service")
PATIENCE_SECONDS = 180.0
_HELD = "SELECT count(*) FROM older_copies WHERE released_at IS NULL"
_WITHDRAWN = "SELECT count(*) FROM envelopes WHERE state = 'cancelled' AND id = ANY ($1)"
_ROWS = "SELECT id, message, address FROM envelopes"
# What a commit that was lost leaves behind in Kafka: told by nobody's outbox, and made from bytes that are lost.
_EXPLAINED = {"has published what no transaction committed"}
# What is read again comes in other batches, under the same ids: where it lay before the loss, it lay in another order.
_ORDER = "lies before"
Mail = tuple[str, str]
"""(Message-ID, recipient)"""


async def wal(stage: Stage, scale: Scale) -> None:
    """The data folder is gone; a base backup that was taken under load and all WAL bring it back to the last commit."""
    async with stage.under_load():
        for n in range(scale.of(TIMES)):
            await _back_up(stage)
            await asyncio.sleep(stage.random.uniform(1, 4))
            await stage.strike("lost, restored from all WAL", "postgres", _losing(stage, None, with_services=n % 2 == 1))
            await stage.house.until_up()
            held = sum([int((await stage.house.query(name, _HELD))[0][0]) for name in DATABASES.values()])
            stage.measure("services that call a whole copy older", held, at_most=0)


async def older(stage: Stage, scale: Scale) -> None:
    """The last seconds of WAL are missing: held, listed, and released; copies are made of what was listed alone."""
    for n in range(scale.of(TIMES)):
        await _older(stage, n, how="send" if n % 2 == 0 else "hold")


async def _older(stage: Stage, n: int, how: str) -> None:
    # Without the hours that are moved here: a digest's message follows from its moment, which an older copy has as it was before.
    async with stage.under_load(hours_pass=False):
        await _back_up(stage)
        await asyncio.sleep(stage.random.uniform(6, 10))
        until = datetime.now(UTC) - timedelta(seconds=stage.random.uniform(1.5, 5.0))
        # Every other time the services live through it, and know what they had read.
        _losing(stage, until, with_services=n % 2 == 1)()
        at = time.time()
        told = await _until(stage, lambda found: bool(found["older_copy"]))
        stage.measure("seconds until the mailer says that it runs on an older copy", round(time.time() - at, 1))
        sent_before = len(stage.house.ledger.entries)
        told = await _until(stage, lambda found: bool(found.get("read_again")))
        stage.say(f"{told['older_copy']['records_behind']} records behind, {told['sent_by_outcomes']} sent by their outcomes")
    stage.measure("other services that say so too", await _that_say_so(stage), at_least=1)
    listed = {(f"<{row['message']}@{DOMAIN}>", row["address"]) for row in told["envelopes"]}
    stage.measure("in doubt and listed", len(listed))
    entries = list(stage.house.ledger.entries)
    stage.measure("sent while held", len(entries) - sent_before, at_most=0)
    released = Door(stage.house.endpoints).call(OPERATOR, "POST", "/restore/release", json={"doubtful": how})
    stage.say(f"released ({how}): {released['services']['mailer-service']}")
    if how == "hold":
        # A withdrawal may have come, and what was withdrawn waits for nobody.
        gone = await stage.house.query("mailer_service", _WITHDRAWN, [row["envelope"] for row in told["envelopes"]])
        held = released["services"]["mailer-service"]["held"]
        stage.measure("held, each for a person", held, at_least=len(listed) - int(gone[0][0]), at_most=len(listed))
        await stage.rest()
        Door(stage.house.endpoints).call(OPERATOR, "POST", "/restore/release", json={"doubtful": "send"})
    found = await stage.verdict()
    left = {one for one in found if one.what.partition(" ")[2] not in _EXPLAINED and not one.what.startswith(_ORDER)}
    copied = _copied(entries, stage.house.ledger.entries[len(entries) :])
    stage.measure("copies of mails that were in doubt", len(copied & listed))
    stage.measure("copies of mails that were not", len(copied - listed), at_most=0)
    left = await _not_of_lost_bytes(stage, left, listed)
    for what, number in Counter(one.what for one in left).items():
        stage.say(f"{number} × {what}, such as {next(one.about for one in sorted(left) if one.what == what)}")
    stage.measure("violations of the six invariants", len(left), at_most=0)


def _copied(before: list[Entry], after: list[Entry]) -> set[Mail]:
    """What was sent after the restore though it had been before."""
    return {(one.message_id, one.recipient) for one in before} & {(one.message_id, one.recipient) for one in after}


async def _not_of_lost_bytes(stage: Stage, found: set[Violation], listed: set[Mail]) -> set[Violation]:
    """What is sent before the copy's end and whose bytes were made after it: another copy can't have them, nor can the database.

    And a mail that was listed may have as many copies as there were restores. What was sent in the last moments, and withdrawn before it
    was read again, is cancelled: nobody knows of it any more, and nobody has to decide.
    """
    rows = await stage.house.query("mailer_service", "SELECT DISTINCT e.message FROM envelopes AS e WHERE e.detail LIKE 'sent before%'")
    cancelled = await stage.house.query("mailer_service", "SELECT message, address FROM envelopes WHERE state = 'cancelled'")
    withdrawn = {(f"<{row['message']}@{DOMAIN}>", row["address"]) for row in cancelled}
    excused = {f"<{row['message']}@{DOMAIN}>" for row in rows} | {message for message, _ in listed | withdrawn}
    copies = {str(mail) for mail in listed}
    once = {f"{mail}: 1 copies, 0 attempts" for mail in withdrawn}
    return {
        one
        for one in found
        if not (one.what.startswith("copies with other bytes") and one.about in excused)
        and not (one.invariant == 3 and (one.about.partition(": ")[0] in copies or one.about in once))
    }


async def _until(stage: Stage, holds: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
    """What the mailer tells of the restore, once it holds."""
    deadline, door = time.monotonic() + PATIENCE_SECONDS, Door(stage.house.endpoints)
    while time.monotonic() < deadline:
        with contextlib.suppress(httpx.HTTPError, KeyError, EmbeddedError):
            answer = await asyncio.to_thread(door.get, OPERATOR, "/restore")
            told: dict[str, Any] = answer["services"]["mailer-service"]
            if holds(told):
                return told
        await asyncio.sleep(0.2)
    raise TimeoutError("the mailer did not say of its database what it ought to")


async def _that_say_so(stage: Stage) -> int:
    answer = await asyncio.to_thread(Door(stage.house.endpoints).get, OPERATOR, "/restore")
    return sum(bool(told["older_copy"]) for name, told in answer["services"].items() if name != "mailer-service")


async def _back_up(stage: Stage) -> None:
    """A base backup, under load."""
    await stage.house.until_up()
    began = time.monotonic()
    await asyncio.to_thread(_server(stage).back_up)
    stage.say(f"base backup taken in {time.monotonic() - began:.1f} s")


def _losing(stage: Stage, until: datetime | None, *, with_services: bool) -> Callable[[], bool]:
    """Kill -9 of the server, its data folder gone at its next start; with the services, or while they live on."""

    def act() -> bool:
        lay(stage.house.run / "postgres", {"until": until and until.isoformat()})
        for unit in SERVICES if with_services else ():
            stage.house.kill(unit)
        return stage.house.kill("postgres")

    return act


def _server(stage: Stage) -> Archived:
    port = int(read_state(stage.house.run).units["postgres"].address.rpartition(":")[2])
    return Archived(stage.house.run / "postgres", port, stage.house.run / "logs" / "postgres.log")


# -- a standby ----------------------------------------------------------------------------------------------------------------------


async def standby(stage: Stage, scale: Scale) -> None:
    """Kill -9 of the primary, which never comes back; its synchronous standby is promoted, and the address leads there."""
    links = stage.house.run / "links" / "links.json"
    port = proxy.read(links)["postgres"].port
    address = f"{stage.house.endpoints['postgres'].rpartition(':')[0]}:{port}"
    stage.house.endpoints["postgres"] = stage.watch.postgres = address
    primary, other = "postgres", "postgres-2"
    async with stage.under_load():
        for _ in range(scale.of(TIMES)):
            await _follow(stage, other, primary)
            await stage.strike("gone, its standby promoted", primary, lambda p=primary, o=other: _fail_over(stage, p, o))  # type: ignore[misc]
            stage.measure("primaries that came back", int(answers(_twin(stage, primary).port)), at_most=0)
            primary, other = other, primary


async def _follow(stage: Stage, standby: str, primary: str) -> None:
    """Make this unit the other one's synchronous standby, and wait until commits wait for it."""
    lay(_twin(stage, standby).folder, {"role": "standby", "of": _twin(stage, primary).port})
    stage.house.kill(standby)
    deadline = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline:
        with contextlib.suppress(*AWAY):
            if await stage.house.query("postgres", "SELECT FROM pg_stat_replication WHERE state = 'streaming'"):
                break
        await asyncio.sleep(0.2)
    await stage.house.query("postgres", "ALTER SYSTEM SET synchronous_standby_names = 'twin'")
    await stage.house.query("postgres", "SELECT pg_reload_conf()")
    while time.monotonic() < deadline:
        if await stage.house.query("postgres", "SELECT FROM pg_stat_replication WHERE sync_state = 'sync'"):
            return
        await asyncio.sleep(0.1)
    raise TimeoutError(f"{standby} does not follow {primary}")


def _fail_over(stage: Stage, primary: str, standby: str) -> bool:
    """What a manager of failovers does: fence, promote, lead the address there."""
    lay(_twin(stage, primary).folder, {"role": "fenced"})
    if not stage.house.kill(primary):
        return False
    twin = _twin(stage, standby)
    twin.promote()
    file = stage.house.run / "links" / "links.json"
    links = proxy.read(file)
    proxy.lay(file, links | {"postgres": replace(links["postgres"], target=twin.port)})
    return True


def _twin(stage: Stage, unit: str) -> Twin:
    run = stage.house.run
    port = int(read_state(run).units[unit].address.rpartition(":")[2])
    return Twin(run / unit, port, run / "logs" / f"{unit}.log", unit, run / "postgres" / "password")
