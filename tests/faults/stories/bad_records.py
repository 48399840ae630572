"""Ten thousand records for each topic that nobody should write: each processed or parked, nobody stopped, memory flat."""

import asyncio
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import asyncpg
from tests.contract import background
from tests.faults.bad import accounts, memory
from tests.faults.bad.pen import Pen, let_any_moment_be_written
from tests.faults.bad.records import Bad, Records
from tests.faults.evidence import DATABASES, collect_databases
from tests.faults.invariants import check_mails
from tests.faults.load import Written
from tests.faults.stage import Scale, Stage

from embedded.paths import ROOT
from postroom.contracts import emitters, topics
from postroom.contracts.topics import Topic

# A topic.
NUMBER, ROUNDS = 10_000, 5
DRAINED_SECONDS, GOOD_SECONDS = 900.0, 30.0


def read_topics() -> list[Topic]:
    """Every topic of events that somebody reads."""
    register = emitters.load(ROOT / "deploy" / "emitters.yaml")
    return [topic for topic in topics.declared(register.values()) if topic.consumers and topic.facts]


async def bad_records(stage: Stage, scale: Scale) -> None:
    """All topics side by side, in rounds; afterwards a good event of each type."""
    read = read_topics()
    await furnish(stage)
    await let_any_moment_be_written(stage.house.endpoints["kafka"], [topic.name for topic in read])
    drawing = [Records(topic, stage.house.seed, f"bad{stage.house.seed & 0xFFFF:04x}") for topic in read]
    rounds = memory.Rounds(stage)
    async with Pen(stage.house.endpoints["kafka"], stage.random) as pen:
        for _ in range(ROUNDS):
            began = time.monotonic()
            await asyncio.gather(*(pen.write([*records.draw(scale.of(NUMBER) // ROUNDS)]) for records in drawing))
            await drained(stage, pen, read)
            figures = rounds.look()
            stage.say(
                f"{sum(map(len, pen.written.values()))} records are read, this fifth in {time.monotonic() - began:.0f} s; MB: {figures}"
            )
        await _as_others_write(stage, pen, drawing)
        await _good_afterwards(stage, pen, drawing, read)
        await judge(stage, pen, read)
    rounds.judge()


async def furnish(stage: Stage) -> None:
    """What the examples of outcomes and of replies go back to; once for a house."""
    connection = await asyncpg.connect(f"{stage.house.endpoints['postgres']}/{DATABASES['commlog-service']}")
    try:
        if not await connection.fetchval("SELECT EXISTS (SELECT FROM order_refs WHERE id = 'o')"):
            await background.prepare("commlog-service", connection, Path(stage.house.endpoints["blobs"]))
    finally:
        await connection.close()


async def _as_others_write(stage: Stage, pen: Pen, drawing: Sequence[Records]) -> None:
    """What no client of ours writes: odd names, aborted transactions, other compressions."""
    taken_back = []
    for records in drawing:
        await pen.with_odd_names([records.good() for _ in range(3)])
        aborted = [records.good() for _ in range(3)]
        for partition in await pen.taken_back(aborted):
            await pen.at_the_end(partition, records.good())
        taken_back += [(records.topic, one) for one in aborted]
    by_kcat = [await pen.by_kcat(records) for records in drawing]
    stage.measure("topics written with zstd, lz4 and snappy by kcat (0: there is no kcat)", sum(by_kcat), at_least=len(drawing))
    await drained(stage, pen, [records.topic for records in drawing])
    found = {service: await books(stage, service) for service in DATABASES}
    said = [
        one for topic, one in taken_back for service in topic.consumers if accounts.identities(one, topic.owner) & found[service].intake
    ]
    stage.measure("records of aborted transactions that had an effect", len(said), at_most=0)


async def _good_afterwards(stage: Stage, pen: Pen, drawing: Sequence[Records], read: Sequence[Topic]) -> None:
    """One of each example, and what ends in a mail: each topic is still being read."""
    began = time.monotonic()
    await pen.write([records.good(example) for records in drawing for example in records.topic.examples])
    await drained(stage, pen, read)
    stage.measure("seconds until a good event of each type had its effect", time.monotonic() - began, at_most=GOOD_SECONDS)
    await mails_go_out(stage, [stage.load.event(), *stage.load.papers(1)])


async def mails_go_out(stage: Stage, written: Sequence[Written]) -> None:
    """What is written now, as it should be, reaches its people."""
    began, marks = time.monotonic(), {one.mark for one in written}
    stage.writer.write(written)
    while time.monotonic() - began < GOOD_SECONDS and not marks <= {entry.mark for entry in stage.house.ledger.entries}:  # noqa: ASYNC110
        await asyncio.sleep(0.1)
    stage.measure("seconds until the mails of good ones were accepted", time.monotonic() - began, at_most=GOOD_SECONDS)


async def judge(stage: Stage, pen: Pen, read: Sequence[Topic]) -> None:
    """Every record by its place; then the invariants of the mails."""
    why = await stage.rest()
    stage.measure("what is left unfinished" + (f" ({why})" if why else ""), int(bool(why)), at_most=0)
    lost, total = [], 0
    for service in DATABASES:
        found = await books(stage, service)
        for topic in (topic for topic in read if service in topic.consumers):
            written = pen.written[topic.name]
            astray = [*accounts.astray(written, accounts.of_owner(topic.owner, found), found)]
            lost += astray
            total += len(written)
            stage.measure(f"{topic.name} → {service}: accounted for, of {len(written)}", len(written) - len(astray), at_least=len(written))
        stage.say(f"{service} has parked {dict(found.reasons.most_common())}")
    for one in lost[:20]:
        stage.say(one)
    stage.say(f"{total} pairs of record and reader; refused by the broker: {dict(pen.refused)}; {_by_kind(pen)}")
    violations = check_mails(await collect_databases(stage.house.endpoints, stage.house.ledger))
    for violation in sorted(violations)[:20]:
        stage.say(str(violation))
    stage.measure("violations of the invariants 2 to 6", len(violations), at_most=0)
    stage.measure("mails accepted", len(stage.house.ledger.entries))


def _by_kind(pen: Pen) -> dict[str, int]:
    kinds: dict[str, int] = {}
    for bad in _all(pen):
        kinds[bad.how] = kinds.get(bad.how, 0) + 1
    return kinds


def _all(pen: Pen) -> Iterator[Bad]:
    for written in pen.written.values():
        yield from written.values()


async def drained(stage: Stage, pen: Pen, read: Sequence[Topic]) -> None:
    """Wait until every consumer has read what was written. Raises TimeoutError naming who has not."""
    ends: dict[tuple[str, int], int] = {}
    for topic in read:
        for name, partition, offset in pen.written[topic.name]:
            ends[name, partition] = max(ends.get((name, partition), 0), offset + 1)
    deadline = time.monotonic() + DRAINED_SECONDS
    while behind := await _behind(stage, read, ends):
        if time.monotonic() > deadline:
            raise TimeoutError(f"not read within {DRAINED_SECONDS:g} s: {behind}")
        await asyncio.sleep(0.3)


async def _behind(stage: Stage, read: Sequence[Topic], ends: dict[tuple[str, int], int]) -> list[str]:
    found = []
    for service in DATABASES:
        rows = await stage.watch.fetch(service, "SELECT topic, partition, next_offset FROM offsets")
        at = {(row["topic"], row["partition"]): row["next_offset"] for row in rows}
        names = {topic.name for topic in read if service in topic.consumers}
        found += [f"{service} {place}" for place, end in ends.items() if place[0] in names and at.get(place, 0) < end]
    return found


async def books(stage: Stage, service: str) -> accounts.Books:
    """What this service has written down."""
    connection = await asyncpg.connect(f"{stage.house.endpoints['postgres']}/{DATABASES[service]}")
    try:
        return await accounts.books(connection)
    finally:
        await connection.close()
