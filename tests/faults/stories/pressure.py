"""More than the house can send: a slow server, caps, a flood of events, a queue of a million. What is measured stays within bounds."""

import asyncio
import contextlib
import math
import statistics
import time
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import asyncpg
import psutil
from tests.bulk import fill
from tests.faults.behaviour import Rule
from tests.faults.cast import UNREACHABLE
from tests.faults.house import CAPPED, OPERATOR
from tests.faults.ledger import Entry
from tests.faults.load import Written
from tests.faults.stage import Scale, Stage
from tests.faults.watch import AWAY

from embedded.demo.door import Door

MAILERS, RULES = ("mailer-service", "mailer-service-2"), ("notification-rules", "notification-rules-2")
MIB = 1 << 20
# A process that starts has some 100 MB; what it may have more under pressure.
MORE_MEMORY = 160.0
# In a whole run.
SLOW_SECONDS, STORM, FLOOD, QUEUE, UNPUBLISHED = 120, 6_000, 200_000, 1_000_000, 1_000_000
BUDGET = 4
PATIENCE_SECONDS = 7_200.0
_OPEN = "SELECT count(*) FROM envelopes WHERE sender_id IS NOT NULL"
_DUE = "SELECT count(*) FROM envelopes WHERE due_at <= now() OR sender_id IS NOT NULL"
_QUEUED = "SELECT count(*) FROM envelopes WHERE tenant = 'flood' AND state <> 'sent'"
_EVER_UNKNOWN = """
    SELECT e.message, count(DISTINCT v -> 'attempt') AS number
    FROM outbox CROSS JOIN LATERAL (SELECT convert_from(value, 'utf8')::jsonb AS v) AS told JOIN envelopes AS e ON e.id = v ->> 'envelope'
    WHERE topic = 'outcomes' AND v ->> 'state' = 'unknown' AND e.tenant = 'flood' GROUP BY e.id, e.message
"""
_MOST_ATTEMPTS = "SELECT max(e.attempts) AS most FROM envelopes AS e JOIN messages AS m ON m.id = e.message WHERE m.sequence > $1"
_HELD = "SELECT count(*) FROM envelopes WHERE hold_reason LIKE 'cap_%'"


@dataclass
class Memory:
    """How much each process has at most, beyond what it had first; in MB."""

    first: dict[str, float] = field(default_factory=dict)
    most: dict[str, float] = field(default_factory=dict)

    def look(self, stage: Stage, units: Iterable[str]) -> None:
        for unit in units:
            with contextlib.suppress(psutil.Error):
                if process := stage.house.process(unit):
                    now = process.memory_info().rss / MIB
                    self.first.setdefault(unit, now)
                    self.most[unit] = max(self.most.get(unit, 0.0), now)

    def tell(self, stage: Stage) -> None:
        for unit, most in self.most.items():
            stage.measure(f"MB that {unit} has at most", round(most), at_most=self.first[unit] + MORE_MEMORY)


@contextlib.asynccontextmanager
async def observed(stage: Stage, *units: str) -> AsyncIterator[None]:
    """Measure the memory of these while the block lasts."""
    memory = Memory()

    async def look() -> None:
        while True:
            memory.look(stage, units)
            await asyncio.sleep(0.5)

    looking = asyncio.create_task(look())
    try:
        yield
    finally:
        looking.cancel()
        memory.tell(stage)


async def until(done: Callable[[], Awaitable[bool]], seconds: float = PATIENCE_SECONDS) -> None:
    """Ask every half second. Raises TimeoutError."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        with contextlib.suppress(*AWAY):
            if await done():
                return
        await asyncio.sleep(0.5)
    raise TimeoutError(f"not within {seconds:g} s")


# -- a slow server ------------------------------------------------------------------------------------------------------------------------


async def slow_server(stage: Stage, scale: Scale) -> None:
    """Every reply takes seconds, then those for one domain only: the queue is the database's, and the others go."""
    seconds = max(15.0, SLOW_SECONDS * scale.share)
    known = await stage.watch.value("mailer-service", "SELECT coalesce(max(sequence), 0) FROM messages")
    async with observed(stage, *MAILERS):
        stage.house.serve(Rule("dot", seconds=3.0))
        most = 0
        async with stage.under_load(20):
            began = time.monotonic()
            while time.monotonic() - began < seconds:
                most = max(most, await stage.watch.value("mailer-service", _OPEN))
                await asyncio.sleep(0.5)
        # Two senders with six connections each; a share is taken while another is on its way.
        stage.measure("envelopes in hand while each reply takes 3 s", most, at_most=2 * 6 * 8)
        [begun] = await stage.watch.fetch("mailer-service", _MOST_ATTEMPTS, known)
        stage.measure("attempts at an envelope, at most", begun["most"], at_most=10)
        stage.house.serve()
        await until(lambda: _no_more(stage, _DUE))
        await _slow_domain(stage, seconds)


async def _no_more(stage: Stage, query: str) -> bool:
    return await stage.watch.value("mailer-service", query) == 0


async def _slow_domain(stage: Stage, seconds: float) -> None:
    """A tenth of the mails goes to people whose server answers after 8 s."""
    stage.house.serve(Rule("dot", to=r"\.bad\d@", seconds=8.0))
    others: list[Written] = []
    began, n = time.monotonic(), 0
    while time.monotonic() - began < seconds:
        n += 1
        one = stage.load.event(BUDGET, person=UNREACHABLE[n % len(UNREACHABLE)] if n % 10 == 0 else "")
        stage.writer.write([one])
        others += [] if n % 10 == 0 else [one]
        await asyncio.sleep(0.1)
    waited = await _waits(stage, others)
    stage.measure("seconds that half of the other mails take while one domain is slow", round(statistics.median(waited), 2), at_most=5)
    stage.measure("seconds that nine of ten take", round(_tenth(waited), 2), at_most=15)


async def _waits(stage: Stage, written: Sequence[Written]) -> list[float]:
    """Seconds from the writing of each to the first 250 for it; who has none within a while is infinite."""
    found: dict[str, float] = {}
    deadline, looked = time.monotonic() + 120, 0
    marks = {one.mark for one in written}
    while len(found) < len(marks) and time.monotonic() < deadline:
        entries = stage.house.ledger.entries
        for entry in entries[looked:]:
            if entry.mark in marks:
                found.setdefault(entry.mark, entry.at - _written_at(stage, entry))
        looked = len(entries)
        await asyncio.sleep(0.2)
    return [found.get(mark, math.inf) for mark in marks]


def _written_at(stage: Stage, entry: Entry) -> float:
    return stage.writer.papers.get(entry.mark) or stage.writer.begun.get(entry.mark, entry.at)


def _tenth(values: Sequence[float]) -> float:
    """What nine of ten stay below."""
    return sorted(values)[max(0, math.ceil(len(values) * 0.9) - 1)]


# -- caps ---------------------------------------------------------------------------------------------------------------------------------


async def caps(stage: Stage, scale: Scale) -> None:
    """A storm beyond the cap of each recipient, with two mailers that are killed: as much as is allowed a period, and in the end all."""
    cap, period = int(CAPPED["POSTROOM_CAP_RECIPIENT"]), float(CAPPED["POSTROOM_CAP_PERIOD_SECONDS"])
    began = time.time()
    stage.burst(max(600, scale.of(STORM)))
    await until(lambda: _some(stage, _HELD), 120)
    stage.measure("envelopes that a cap holds", await stage.watch.value("mailer-service", _HELD), at_least=1)
    for n in range(max(2, scale.of(10))):
        await asyncio.sleep(period / 3)
        stage.house.kill(MAILERS[n % 2])
    await until(lambda: _no_more(stage, _HELD))
    await stage.rest()
    beyond = _beyond([entry for entry in stage.house.ledger.entries if entry.at > began], cap, period, began)
    stage.measure("mails beyond the cap of their recipient", beyond, at_most=0)


async def _some(stage: Stage, query: str) -> bool:
    return await stage.watch.value("mailer-service", query) > 0


def _beyond(entries: Sequence[Entry], cap: int, period: float, began: float) -> int:
    """Mails of a recipient that came before their period: at any moment at most the cap for each period that has begun.

    A copy after a lost reply is no other mail. What was counted in one period may be accepted in a later one, never before.
    """
    seen: set[tuple[str, str]] = set()
    came: Counter[str] = Counter()
    first, beyond = began // period, 0
    for entry in sorted(entries, key=lambda entry: entry.at):
        if (entry.message_id, entry.recipient) in seen:
            continue
        seen.add((entry.message_id, entry.recipient))
        came[entry.recipient] += 1
        beyond += came[entry.recipient] > cap * (entry.at // period - first + 1)
    return beyond


# -- a flood of events --------------------------------------------------------------------------------------------------------------------


async def flood(stage: Stage, scale: Scale) -> None:
    """Very many events of one system before the rules; what comes by another way goes meanwhile."""
    number = scale.of(FLOOD)
    async with observed(stage, *RULES, *MAILERS):
        before = len(stage.house.ledger.entries)
        written = [stage.load.event(BUDGET) for _ in range(number)]
        began = time.time()
        stage.writer.write(written)
        await until(lambda: _ledger_has(stage, before + number // 20))
        papers: list[Written] = []
        for _ in range(10):
            some = list(stage.load.papers(1))
            stage.writer.write(some)
            papers += some
            await asyncio.sleep(1)
        waited = await _waits(stage, papers)
        stage.measure("seconds that documents take during the flood, at most", round(max(waited), 2), at_most=60)
        await until(lambda: _ledger_has(stage, before + number))
    marks = {one.mark for one in written}
    at = sorted(entry.at for entry in stage.house.ledger.entries[before:] if entry.mark in marks)
    stage.measure("seconds that the last of the flood took", round(at[-1] - began, 1))
    _constant(stage, "mails of the flood", at)


async def _ledger_has(stage: Stage, number: int) -> bool:
    return len(stage.house.ledger.entries) >= number


def _constant(stage: Stage, what: str, at: Sequence[float]) -> None:
    """Compare the second and the ninth tenth of these moments: the first and the last have a beginning and an end in them."""
    tenth = len(at) // 10
    early, late = (tenth / max(at[(n + 1) * tenth] - at[n * tenth], 1e-9) for n in (1, 8))
    stage.measure(f"{what} a second, early", round(early, 1))
    stage.measure(f"{what} a second, late, as a share of that", round(late / early, 2), at_least=0.6)


# -- a queue of a million -----------------------------------------------------------------------------------------------------------------


async def million(stage: Stage, scale: Scale) -> None:
    """The queue is full of one tenant's mails: what others ask for goes within seconds, and the last minute is as the first one."""
    number = scale.of(QUEUE)
    stage.writer.write([stage.load.event(BUDGET) for _ in range(20)])
    await stage.rest()
    before = len(stage.house.ledger.entries)
    await _fill(stage, number)
    for unit in MAILERS:
        stage.house.kill(unit)
    began = time.monotonic()
    await until(lambda: _ledger_has(stage, before + 1), 300)
    stage.measure(
        "seconds from kill -9 of all mailers to the next 250, with the queue full", round(time.monotonic() - began, 1), at_most=60
    )
    await stage.house.until_up()
    async with observed(stage, *MAILERS):
        await _others_go(stage)
        await until(lambda: _ledger_has(stage, before + number))
        await until(lambda: _no_more(stage, _QUEUED))
    bulk = {row["id"] for row in await _asked(stage, "SELECT id FROM messages WHERE tenant = 'flood'")}
    unknown = {row["message"]: row["number"] for row in await _asked(stage, _EVER_UNKNOWN)}
    _exactly_once(stage, stage.house.ledger.entries[before:], bulk, unknown)
    await _unpublished(stage, scale.of(UNPUBLISHED))


async def _fill(stage: Stage, number: int) -> None:
    began = time.monotonic()
    connection = await asyncpg.connect(f"{stage.house.endpoints['postgres']}/mailer_service")
    try:
        like = await connection.fetchval("SELECT id FROM messages WHERE message_type = 'budget-expired' LIMIT 1")
        await fill(connection, like, "flood", number)
    finally:
        await connection.close()
    stage.say(f"{number} envelopes in {time.monotonic() - began:.0f} s")


async def _asked(stage: Stage, query: str) -> list[asyncpg.Record]:
    """What the mailer's database answers, however long it takes."""
    connection = await asyncpg.connect(f"{stage.house.endpoints['postgres']}/mailer_service")
    try:
        return list(await connection.fetch(query, timeout=600))
    finally:
        await connection.close()


async def _others_go(stage: Stage) -> None:
    """Events of the other tenant, and what an operator asks, while most of the queue is there."""
    door, asked = Door(stage.house.endpoints), []
    written: list[Written] = []
    for _ in range(30):
        some = [stage.load.event(BUDGET)]
        stage.writer.write(some)
        written += some
        began = time.monotonic()
        status = await asyncio.to_thread(door.get, OPERATOR, "/status")
        asked.append(time.monotonic() - began)
        await asyncio.sleep(0.5)
    told = status["services"]["mailer-service"]["envelopes"]
    stage.measure("envelopes that status tells to be pending meanwhile", told.get("pending", 0))
    stage.measure("seconds that status takes, half of the time", round(statistics.median(asked), 2), at_most=2)
    waited = await _waits(stage, written)
    stage.measure("seconds that half of the other tenant's mails take", round(statistics.median(waited), 2), at_most=10)
    stage.measure("seconds that nine of ten take", round(_tenth(waited), 2), at_most=20)


def _exactly_once(stage: Stage, entries: Sequence[Entry], owed: set[str], unknown: Mapping[str, int]) -> None:
    copies: defaultdict[str, list[float]] = defaultdict(list)
    for entry in entries:
        id_ = entry.message_id.strip("<>").partition("@")[0]
        if id_ in owed:
            copies[id_].append(entry.at)
    stage.measure("mails of the queue that are lost", len(owed) - len(copies), at_most=0)
    stage.measure("copies beyond one", sum(map(len, copies.values())) - len(copies))
    beyond = sum(max(0, len(at) - 1 - unknown.get(id_, 0)) for id_, at in copies.items())
    stage.measure("copies beyond its attempts that were ever unknown", beyond, at_most=0)
    _constant(stage, "mails of the queue", sorted(min(at) for at in copies.values()))


async def _unpublished(stage: Stage, number: int) -> None:
    """As many rows in an outbox, all at once; nobody reads that topic."""
    connection = await asyncpg.connect(f"{stage.house.endpoints['postgres']}/notification_rules")
    try:
        copied = """
            INSERT INTO outbox (topic, key, headers, value)
            SELECT topic, key, headers, value FROM outbox CROSS JOIN generate_series(1, $2::int) WHERE id = $1
        """
        like = await connection.fetchval("SELECT min(id) FROM outbox WHERE topic = 'decisions'")
        async with observed(stage, *RULES):
            async with connection.transaction():
                await connection.execute(copied, like, number, timeout=600)
            left = "SELECT count(*) FROM outbox WHERE published_at IS NULL"
            published: list[float] = []
            while (rows := await connection.fetchval(left, timeout=60)) > 0:
                published += [time.time()] * (number - rows - len(published))
                await asyncio.sleep(0.2)
    finally:
        await connection.close()
    _constant(stage, "rows of the outbox", published)
