"""What a run plays on: the house under load, the faults done to it, and what was measured."""

import asyncio
import contextlib
import signal
import time
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, field
from random import Random

from tests.faults import hours
from tests.faults.desk import CUSTOMERS_EVENT, Desk
from tests.faults.evidence import Topics, collect, history
from tests.faults.house import OPERATOR, House
from tests.faults.invariants import Violation, check, pairs_in_order, unknown_attempts
from tests.faults.ledger import Entry
from tests.faults.load import PAPERS, TYPES, Load, Written
from tests.faults.watch import AWAY, Watch
from tests.faults.workers import WORKERS
from tests.faults.writer import Writer
from tests.oracle.talk import PDF

from embedded.demo.door import Door

BASE_RATE = 50.0
HOURS_SECONDS, REACH_SECONDS, TRIES = 7.0, 60.0, 10
# So large that it takes its reader a moment.
PHOTO = bytes(range(256)) * 10_000
FLIGHT_SECONDS, RECOVERY_SECONDS, REST_SECONDS = 15.0, 120.0, 240.0
# The rules look again after five.
DECIDED_SECONDS = 15.0
_TIME_PASSES = "UPDATE envelopes SET due_at = now() WHERE state = 'deferred' AND due_at > now()"
_FOR_A_PERSON = "SELECT id FROM envelopes WHERE state = 'unknown' AND due_at IS NULL"


@dataclass(frozen=True)
class Fault:
    """Something that was done to a unit while `in_flight` was under way; `recovery` in seconds, None if it didn't recover in time."""

    run: str
    kind: str
    unit: str
    in_flight: str
    recovery: float | None


@dataclass(frozen=True)
class Measured:
    """A figure that a story was asked for, with its bounds where it has some."""

    run: str
    what: str
    value: float
    at_least: float | None
    at_most: float | None

    @property
    def holds(self) -> bool:
        """Whether it keeps its bounds."""
        return (self.at_least is None or self.value >= self.at_least) and (self.at_most is None or self.value <= self.at_most)


@dataclass(frozen=True)
class Scale:
    """How much of each: the share of the whole run's numbers."""

    share: float = 1.0

    def of(self, number: int) -> int:
        """So many of them; one at least."""
        return max(1, round(number * self.share))


@dataclass
class Stage:
    """The seed draws everything; `missed` counts faults that found nothing under way, and so don't count.

    `without`: guard → what its absence has violated, in words.
    """

    house: House
    writer: Writer
    watch: Watch
    load: Load
    random: Random
    say: Callable[[str], None] = print
    run: str = ""
    faults: list[Fault] = field(default_factory=list)
    missed: int = 0
    known: set[Violation] = field(default_factory=set)
    decided: int = 0
    figures: dict[str, int] = field(default_factory=dict)
    measured: list[Measured] = field(default_factory=list)
    without: dict[str, list[str]] = field(default_factory=dict)
    desk: Desk | None = None
    hours: list[tuple[float, float]] = field(default_factory=list)
    clocks_are_right: bool = True
    step: Callable[[], None] = lambda: None
    seconds: dict[str, float] = field(default_factory=dict)
    topics: Topics = field(default_factory=Topics)

    def __post_init__(self) -> None:
        if self.desk:
            self.desk.tell = lambda person: self.writer.write([self.load.event(person=person)])

    def measure(self, what: str, value: float, *, at_least: float | None = None, at_most: float | None = None) -> None:
        """A figure for the summary; beyond its bounds, the run has failed."""
        one = Measured(self.run, what, value, at_least, at_most)
        self.measured.append(one)
        self.say(f"{what}: {value:g}{'' if one.holds else f', beyond its bounds ({at_least}, {at_most})'}")

    def measure_strikes(self, at_least: int) -> None:
        """How many of this run's faults found something in flight."""
        if at_least:
            self.measure("faults that struck", sum(fault.run == self.run for fault in self.faults), at_least=at_least)

    @contextlib.contextmanager
    def timed(self, what: str) -> Iterator[None]:
        """Where the time goes, for the summary."""
        began = time.monotonic()
        yield
        self.seconds[what] = self.seconds.get(what, 0.0) + time.monotonic() - began

    @contextlib.asynccontextmanager
    async def under_load(self, per_second: float = BASE_RATE, *, hours_pass: bool = True) -> AsyncIterator[None]:
        """Events of all kinds and what people do, as long as the block lasts; every few seconds somebody's digest is due."""
        works = [
            self.writer.steadily(self.load, per_second),
            *([self._hours_pass()] if hours_pass else []),
            *([self.desk.steadily()] if self.desk else []),
        ]
        tasks = [asyncio.create_task(work) for work in works]
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()
            ended = await asyncio.gather(*tasks, return_exceptions=True)
        broken = [one for one in ended if isinstance(one, Exception)]
        if broken:
            raise ExceptionGroup("the load broke off", broken)

    async def _hours_pass(self) -> None:
        while True:
            await asyncio.sleep(HOURS_SECONDS)
            with contextlib.suppress(*AWAY):
                await self._the_hour_comes()

    async def _the_hour_comes(self) -> None:
        began = time.time()
        try:
            await hours.come(self.house.endpoints["postgres"])
        finally:
            self.hours.append((began, time.time()))

    def burst(self, events: int, papers: int = 0) -> list[Written]:
        """So much at once."""
        records = [*self.load.events(events), *self.load.papers(papers)]
        self.writer.write(records)
        return records

    async def kill(self, unit: str) -> bool:
        """Kill -9 while something is in flight there, and wait until what is written afterwards arrives."""
        return await self._strike("kill -9", unit, lambda: self.house.kill(unit))

    async def stand_still(self, unit: str, seconds: float) -> bool:
        """SIGSTOP for so long, while something is in flight there."""
        process = self.house.process(unit)

        def stop() -> bool:
            if process:
                process.send_signal(signal.SIGSTOP)
            return process is not None

        in_flight = await self._until_in_flight(unit)
        if not in_flight or not stop():
            self.missed += 1
            return False
        # Begun now: where there is another process of this service, it is to go on meanwhile.
        recovery = asyncio.create_task(self._recovery(unit, time.time()))
        await asyncio.sleep(seconds)
        assert process
        process.send_signal(signal.SIGCONT)
        self._note(f"SIGSTOP {seconds:g} s", unit, in_flight, await recovery)
        return True

    async def sever(self, mode: str, link: str, seconds: float) -> None:
        """The link is cut, frozen or slow for so long, while something is in flight; recovery counts from its mending."""
        in_flight = await self._until_in_flight("kafka")
        if not in_flight:
            self.missed += 1
            return
        self.house.link(mode, link, seconds=0.05 if mode == "slow" else 0.0)
        self.burst(30, 4)
        await asyncio.sleep(seconds)
        self.house.link("pass")
        self._note(f"{mode} for {seconds:g} s", f"link to {link}", in_flight, await self._recovery(link, time.time()))

    async def half_open(self, link: str, seconds: float, at_most: float) -> None:
        """The link freezes for so long; then new connections pass, and what was open by then is never heard of again."""
        in_flight = await self._until_in_flight("kafka")
        if not in_flight:
            self.missed += 1
            return
        if seconds:
            self.house.link("frozen", link)
            self.burst(30, 4)
            await asyncio.sleep(seconds)
        self.house.link("stuck", link)
        recovery = await self._recovery(link, time.time())
        self._note(f"half-open for good, {seconds:g} s of it for new connections too", f"link to {link}", in_flight, recovery)
        what = f"seconds to the first 250 past a link to {link} that never thaws ({seconds:g} s closed to new connections)"
        self.measure(what, RECOVERY_SECONDS if recovery is None else round(recovery, 1), at_most=at_most)

    async def reach(self, service: str, failpoint: str, provoke: Callable[[], object] = lambda: None) -> bool:
        """Let a process of this service be killed at this place; a place is only reached by work."""
        armed = self.house.arm(service, failpoint)
        deadline = time.monotonic() + REACH_SECONDS
        provoke()
        while armed.exists() and time.monotonic() < deadline:
            self.burst(14, 3)
            if self.desk:
                self.desk.act(4)
            for _ in range(20):
                await asyncio.sleep(0.05)
                if not armed.exists():
                    break
        if armed.exists():
            armed.unlink(missing_ok=True)
            self.missed += 1
            return False
        self._note(f"failpoint {failpoint}", service, "this very step", await self._recovery(service, time.time()))
        return True

    async def strike(self, kind: str, unit: str, act: Callable[[], bool]) -> bool:
        """Something else that ends this unit, while something is in flight there; else like `kill`."""
        return await self._strike(kind, unit, act)

    async def starve(self, what: str, unit: str, begin: Callable[[], object], end: Callable[[], object], seconds: float) -> bool:
        """Let the unit want for something for so long, while something is in flight there; recovery counts from the end of it."""
        in_flight = await self._until_in_flight(unit)
        if not in_flight:
            self.missed += 1
            return False
        begin()
        await asyncio.sleep(seconds)
        end()
        at = time.time()
        await self.watch.forget()
        self._note(f"{what} for {seconds:g} s", unit, in_flight, await self._recovery(unit, at))
        return True

    async def _strike(self, kind: str, unit: str, act: Callable[[], bool]) -> bool:
        for _ in range(TRIES if unit in WORKERS else 1):
            in_flight = await self._until_in_flight(unit)
            if in_flight and act():
                break
            # What a worker was at may be done already: then it is given more.
        else:
            self.missed += 1
            return False
        at = time.time()
        if unit in {"kafka", "postgres"}:
            await self.watch.forget()
        self._note(kind, unit, in_flight, await self._recovery(unit, at))
        return True

    async def _until_in_flight(self, unit: str) -> str:
        """A burst, a random moment of it, and a look whether something is under way: only then it counts."""
        await self.house.until_up()
        deadline = time.monotonic() + FLIGHT_SECONDS
        while time.monotonic() < deadline:
            self._occupy(unit)
            await asyncio.sleep(self.random.uniform(0.02, 0.4))
            for _ in range(10 if unit not in WORKERS else 200):
                with contextlib.suppress(*AWAY):
                    if found := await self._in_flight(unit):
                        return found
                await asyncio.sleep(0.01 if unit not in WORKERS else 0.003)
        return ""

    def _occupy(self, unit: str) -> None:
        """Give this unit something to do."""
        match unit if self.desk else "":
            case "pdf-worker":
                for _ in range(3):
                    self._desk.send(pdf=True)
            case "template-worker":
                self.writer.write(self.load.event(TYPES.index(CUSTOMERS_EVENT)) for _ in range(40))
            case "mail-reader":
                for _ in range(4):
                    self._desk.answer(PHOTO)
            case "gateway":
                self._desk.act(8)
            case _:
                self.burst(60, 10)

    async def _in_flight(self, unit: str) -> str:
        if unit == "gateway":
            return f"{self._desk.open} people wait for an answer" if self._desk.open else ""
        if unit in WORKERS:
            return "one at work" if any(True for _ in self.house.at_work(unit)) else ""
        return await self.watch.in_flight(unit)

    async def _recovery(self, unit: str, at: float) -> float | None:
        """Seconds from `at` to the first 250 for something that began after it, by way of this unit."""
        deadline = at + RECOVERY_SECONDS
        if unit.startswith("commlog"):
            return await self._until_read(unit, at, deadline)
        if unit in {"gateway", "mail-reader"}:
            return await self._until_answered(unit, at, deadline)
        looked = len(self.house.ledger.entries)
        while time.time() < deadline:
            await asyncio.sleep(0.1)
            fresh = self.house.ledger.entries[looked:]
            looked += len(fresh)
            if first := next((entry.at for entry in fresh if self._began(unit, entry) > at), 0.0):
                return first - at
        return None

    def _began(self, unit: str, entry: Entry) -> float:
        """When somebody began what this mail tells of; 0 if that was not by way of this unit."""
        if unit == "pdf-worker":
            return self._desk.begun.get(entry.mark, 0) if PDF in entry.attached else 0
        if unit == "template-worker" and self.writer.types.get(entry.mark) != CUSTOMERS_EVENT:
            return 0
        return (self.writer.papers if unit.startswith("po-") else self.writer.begun).get(entry.mark, 0)

    async def _until_answered(self, unit: str, at: float, deadline: float) -> float | None:
        """The first answer, of HTTP or SMTP, to somebody who asked after `at`."""
        while time.time() < deadline:
            await asyncio.sleep(0.1)
            answered = (mark for mark in self._desk.done if unit == "gateway" or mark.startswith("FR"))
            # Somebody may ask again about the same: its answer of before is none.
            if times := [done for mark in answered if at < self._desk.begun[mark] <= (done := self._desk.done[mark])]:
                return min(times) - at
        return None

    @property
    def _desk(self) -> Desk:
        assert self.desk, "nobody is at a desk in this run"
        return self.desk

    async def _until_read(self, unit: str, at: float, deadline: float) -> float | None:
        """commlog-service sends nothing: it is back when it has read what lay before it, and more."""
        ends: dict[tuple[str, int], int] = {}
        while time.time() < deadline:
            with contextlib.suppress(*AWAY):
                ends = ends or {place: end for place, end in (await self.watch.ends()).items() if place[0] == "outcomes"}
                rows = await self.watch.fetch(unit, "SELECT topic, partition, next_offset FROM offsets")
                read = {(row["topic"], row["partition"]): row["next_offset"] for row in rows}
                if all(read.get(place, 0) >= end for place, end in ends.items()):
                    return time.time() - at
            await asyncio.sleep(0.2)
        return None

    def _note(self, kind: str, unit: str, in_flight: str, recovery: float | None) -> None:
        self.step()
        self.faults.append(Fault(self.run, kind, unit, in_flight, recovery))
        took = "not back in time" if recovery is None else f"back after {recovery:.1f} s"
        self.say(f"{kind} {unit} ({in_flight}): {took}")

    # -- afterwards ---------------------------------------------------------------------------------------------------------------

    async def rest(self, seconds: float = REST_SECONDS) -> str:
        """Let everything come to an end; what did not, in words. Time passes for what waits by choice, and a person decides `unknown`."""
        self.house.serve()
        await self.writer.all_acked()
        await self.house.until_up()
        if self.desk:
            if why := await self.desk.all_answered():
                return why
            await asyncio.to_thread(Door(self.house.endpoints).call, OPERATOR, "POST", "/api/tasks/check-budgets/run")
        deadline, why, quiet = time.monotonic() + seconds, "nothing was looked at", 0
        while time.monotonic() < deadline:
            try:
                why = await self._step_to_rest()
            except AWAY as error:
                why = repr(error)
                await self.watch.forget()
            quiet = 0 if why else quiet + 1
            if quiet > 1:
                return ""
            await asyncio.sleep(0.3)
        return why

    async def _all_decided(self) -> None:
        """Who came to the directory in the same moment as an event about them is found by the rules' next look, seconds later.

        Not a part of coming to rest: some stories write of people who never come.
        """
        deadline = time.monotonic() + DECIDED_SECONDS
        with contextlib.suppress(*AWAY):
            while time.monotonic() < deadline and await self.watch.value("notification-rules", "SELECT count(*) FROM undecided"):
                await asyncio.sleep(1)
                await self.rest()

    async def _step_to_rest(self) -> str:
        await self.watch.fetch("mailer-service", _TIME_PASSES)
        await self._the_hour_comes()
        for row in await self.watch.fetch("mailer-service", _FOR_A_PERSON):
            Door(self.house.endpoints).call(OPERATOR, "POST", f"/api/envelopes/{row['id']}/resend")
            self.decided += 1
        return await self.watch.unfinished()

    async def verdict(self, seconds: float = REST_SECONDS) -> set[Violation]:
        """The six invariants over everything so far; what is new."""
        with self.timed("coming to rest"):
            why = await self.rest(seconds)
            await self._all_decided()
        with self.timed("looking"):
            if (starts := self.house.starts("kafka")) != self.topics.starts:
                # What it had before it was killed it must have still.
                self.topics = Topics(starts)
            seen = await collect(self.house.endpoints, self.house.ledger, self.writer.acked, self.topics)
            seen.begun, seen.hours, seen.history = self.writer.begun, self.hours, await history(self.house.run)
            seen.clocks_are_right = self.clocks_are_right
            if self.desk:
                seen.deeds, seen.refused = self.desk.deeds, self.desk.refused
        with self.timed("judging"):
            found = check(seen) | ({Violation(5, "no rest", why)} if why else set())
        copies = self.house.ledger.copies
        self.figures = {
            "records written": self.writer.count,
            "documents among them": sum(record.topic == PAPERS for records in seen.topics.values() for record in records),
            "mails owed and known": len(seen.mailer["envelopes"]),
            "mails accepted": len(copies),
            "copies beyond one": copies.total() - len(copies),
            "attempts ever unknown": unknown_attempts(seen).total(),
            "unknown decided by a person": self.decided,
            "parked as they should be": sum(len(one.parked) for one in seen.databases.values()),
            "correspondences": sum(mark.startswith("FC") for mark in seen.deeds),
            "replies by mail": sum(mark.startswith("FR") for mark in seen.deeds),
            "logs, forwards": sum(mark.startswith(("FL", "FF")) for mark in seen.deeds),
            "digests": sum(row["message_type"] == "digest" for row in seen.mailer["messages"]),
            "withdrawn": sum(row["withdrawn"] for row in seen.mailer["inbox"]),
            "messages in order of": len(seen.mailer["messages"]),
            "pairs compared for order": pairs_in_order(seen),
        }
        new, self.known = found - self.known, self.known | found
        return new
