"""Several senders of the mailer, step by step, in any order, with every fault between two steps: each step is held against the model.

What acts is the product's own (Supply, Recorder, Lease, Window, the intake, the store) on a real database; the lanes and the server
are the machine's. A broken commit either went through or didn't: whichever the database says must be one of the model's.
"""

import asyncio
import contextlib
import copy
import itertools
from collections import Counter
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

import asyncpg
from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis import strategies as st
from hypothesis.errors import FlakyStrategyDefinition
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule, run_state_machine_as_test
from tests.faults.states.flaky import Broken, Flaky
from tests.faults.states.model import FINAL, Mail
from tests.integration.mailer.wishes import requested, withdrawn

from mailer_service import handlers
from mailer_service.compose import Held
from mailer_service.deciding import Chosen, Decision, decide
from mailer_service.domain.delivery import Verdict
from mailer_service.domain.job import Job
from mailer_service.sender.lease import Lease
from mailer_service.sender.recorder import Recorder
from mailer_service.sender.relay import Relay
from mailer_service.sender.supply import Supply
from mailer_service.sender.window import Window
from mailer_service.settings import Settings
from mailer_service.store import envelopes, rendered, senders
from postroom import db
from postroom.auth import Principal
from postroom.db import Pool

MAILS, SENDERS, STEPS = 3, ("one", "two"), 60
TABLES = "envelopes, attempts, senders, outbox, messages, rendered, inbox, withdrawals, unknown_decisions"
_LOOK = """
    SELECT e.id, e.state, coalesce(e.sender_id::text, '') AS holder, e.attempts, e.resent,
           CASE WHEN e.due_at IS NULL THEN 'never' WHEN e.due_at <= now() THEN 'now' ELSE 'later' END AS due,
           ARRAY(SELECT coalesce(result, '') FROM attempts WHERE envelope = e.id ORDER BY number) AS results,
           ARRAY(SELECT (v ->> 'attempt') || ' ' || (v ->> 'state') FROM outbox AS o
                 CROSS JOIN LATERAL (SELECT convert_from(o.value, 'utf8')::jsonb AS v) AS told
                 WHERE topic = 'outcomes' AND v ->> 'envelope' = e.id) AS told
    FROM envelopes AS e
"""
FAULTS = st.sampled_from([None, None, None, 1, 2, 3, 4, 5, "answer"])
OPERATOR = Principal(person="operator", tenant="tenant-a", side="operator")
LATE = st.sampled_from(["rcpt", "lost", "relay", "bounced"])
Face = tuple[Any, ...]


class Bench:
    """The database, and the loop in which everything happens; one for all examples."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings.model_copy(update={"take": 2, "life_seconds": 1e9})
        self.runner = asyncio.Runner()
        self.pool: Pool = self.run(db.open_pool(settings, "worker"))
        self.owner: asyncpg.Connection[Any] = self.run(asyncpg.connect(settings.dsn))
        # What the consumer does before it reads: these data are the newest.
        self.run(self.owner.execute("INSERT INTO compared (start) VALUES (this_start())"))

    def run(self, what: Coroutine[Any, Any, Any]) -> Any:
        """To its end."""
        return self.runner.run(what)

    def close(self) -> None:
        """Nothing is left open."""
        self.run(self.owner.close())
        self.run(self.pool.close())
        self.runner.close()


@dataclass
class Process:
    """One sender: what it holds in memory dies with it. `wire` has the mails that were begun, and whether the server took them."""

    flaky: Flaky
    lease: Lease
    recorder: Recorder
    supply: Supply
    window: Window
    wire: list[tuple[Job, bool | None]] = field(default_factory=list)
    asleep: bool = False

    @property
    def id(self) -> str:
        return str(self.lease.id)


def process(bench: Bench) -> Process:
    """A new one, not yet registered."""
    flaky: Any = Flaky(bench.pool)
    relay = Relay(bench.settings, "machine.example")
    made: list[Process] = []
    lease = Lease(flaky, bench.settings, relay, lambda: _drop(made[0]))
    recorder = Recorder(flaky, bench.settings, lease)
    nobody: Any = None  # every message has its bytes already
    supply = Supply(pool=flaky, settings=bench.settings, lease=lease, relay=relay, recorder=recorder, composer=nobody)
    window = Window(bench.settings.window, recorder.wake)
    window.connected = True
    recorder.windows = [window]
    made.append(Process(flaky, lease, recorder, supply, window))
    return made[0]


def _drop(one: Process) -> None:
    """As Sender._drop and Lane.release do."""
    one.recorder.ready.clear()
    while one.window.opened:
        one.recorder.finish(one.window.opened.popleft(), Verdict("released"))


@dataclass
class Work:
    """What a sender's next commit is about: results (mail, attempt, what, resend used up), and attempts to open."""

    sender: str
    settled: Sequence[tuple[str, int, str, bool]]
    asked: list[Job]

    def on(self, id_: str, mail: Mail) -> set[str]:
        """Its effect on this mail; → the tokens of the attempts that it opens."""
        # The result of the last attempt goes first, whatever order they came in.
        for _, number, result, resent in sorted((one for one in self.settled if one[0] == id_), key=lambda one: -one[1]):
            mail.settle(number, result, resent=resent)
        return {str(job.token) for job in self.asked if job.envelope == id_ and mail.open(self.sender, job.number, str(job.token))}


def _work(one: Process, *, opening: bool = True) -> Work:
    settled = [(job.envelope, number, verdict.result, job.resent) for job, number, verdict in one.recorder._finished]
    return Work(one.id, settled, list(one.recorder.ready)[: one.window.room] if opening and one.lease.fresh else [])


class Senders(RuleBasedStateMachine):
    """The machine; `bench` is set by whoever runs it. `walked` counts the ways between two states that were gone, over all `examples`."""

    bench: ClassVar[Bench]
    walked: ClassVar[Counter[tuple[str, str]]]
    examples: ClassVar[int]

    def __init__(self) -> None:
        super().__init__()
        self.mails: dict[str, Mail] = {}
        self.messages: dict[str, str] = {}
        self.processes: dict[str, Process | None] = dict.fromkeys(SENDERS)
        self.expired: set[str] = set()
        self.registered: set[str] = set()
        self.states: dict[str, str] = {}

    # -- the outside

    @initialize()
    def some_mails_and_a_sender(self) -> None:
        self.bench.run(self.bench.owner.execute(f"TRUNCATE {TABLES}"))
        self._come()
        self._start(SENDERS[0])

    @precondition(lambda self: all(mail.state in FINAL for mail in self.mails.values()))
    @rule()
    def more_mails_come(self) -> None:
        self._come()

    def _come(self) -> None:
        new = [f"m-{len(self.mails) + n}" for n in range(MAILS)]
        self.bench.run(self._tell(*(requested(message=one, email=f"{one}@example.com") for one in new)))
        self.bench.run(rendered.add(self.bench.owner, [(one, "subject", b"bytes", "0" * 64, 0) for one in new]))
        rows = self.bench.run(self.bench.owner.fetch("SELECT id, message FROM envelopes WHERE message = ANY ($1) ORDER BY id", new))
        self.mails |= {row["id"]: Mail() for row in rows}
        self.messages |= {row["id"]: row["message"] for row in rows}

    async def _tell(self, *events: Any) -> None:
        async with self.bench.pool.acquire() as connection, connection.transaction():
            await handlers.tell(connection, events)

    def _start(self, name: str) -> None:
        one = self.processes[name] = process(self.bench)
        self.bench.run(one.lease.start())
        self.registered.add(one.id)

    def _look(self) -> dict[str, Face]:
        rows = self.bench.run(self.bench.owner.fetch(_LOOK))
        return {row["id"]: (*(*row.values(),)[1:-1], Counter(row["told"])) for row in rows}

    @staticmethod
    def _face(mail: Mail) -> Face:
        results = [mail.results[number] for number in sorted(mail.results)]
        told = Counter({f"{attempt} {state}": n for (attempt, state), n in mail.told.items()})
        return (mail.state, mail.holder, mail.attempts, mail.resent, mail.due, results, told)

    def _one_of(self, *candidates: dict[str, Mail]) -> int:
        """Take on the first of these worlds that is the database's."""
        seen = self._look()
        for n, mails in enumerate(candidates):
            if {id_: self._face(mail) for id_, mail in mails.items()} == seen:
                self.mails = mails
                return n
        raise AssertionError(f"the database: {seen}\nthe model: {[{i: self._face(m) for i, m in c.items()} for c in candidates]}")

    def _each_one_of(self, candidates: dict[str, list[Mail]]) -> None:
        """Take on, mail by mail, what the database says, if it is one of these."""
        seen = self._look()
        for id_, possible in candidates.items():
            fitting = [mail for mail in possible if self._face(mail) == seen[id_]]
            assert fitting, f"{id_} in the database: {seen[id_]}\nin the model: {[self._face(mail) for mail in possible]}"
            self.mails[id_] = fitting[0]

    def _changed(self, change: Callable[[dict[str, Mail]], object]) -> dict[str, Mail]:
        mails = copy.deepcopy(self.mails)
        change(mails)
        return mails

    def _some(self, name: str) -> Process:
        found = self.processes[name]
        assert found
        return found

    def _running(self, draw: Any) -> tuple[str, Process]:
        name = draw.draw(st.sampled_from([name for name, one in self.processes.items() if one and not one.asleep]), label="sender")
        return name, self._some(name)

    def _alive(self, id_: str) -> bool:
        return id_ in self.registered and id_ not in self.expired

    anybody = precondition(lambda self: any(one and not one.asleep for one in self.processes.values()))
    # Before somebody has something in hand, what could go wrong would only spend the steps.
    busy = precondition(
        lambda self: any(one and not one.asleep for one in self.processes.values()) and any(mail.holder for mail in self.mails.values())
    )

    # -- processes come and go

    @precondition(lambda self: not all(self.processes.values()))
    @rule()
    def starts(self) -> None:
        self._start(next(name for name, one in self.processes.items() if not one))

    @busy
    @rule(draw=st.data())
    def is_killed(self, draw: Any) -> None:
        """Whatever it had in memory is gone; the server may have taken what was on the wire."""
        name, _ = self._running(draw)
        self.processes[name] = None

    @busy
    @rule(draw=st.data(), knows=st.booleans())
    def its_time_runs_out(self, draw: Any, *, knows: bool) -> None:
        """By its own clock too, unless that stood still as a suspended machine's does."""
        _, one = self._running(draw)
        self._expire(one.id)
        if knows:
            one.lease._until = 0.0

    @busy
    @rule(draw=st.data())
    def is_stopped(self, draw: Any) -> None:
        """For longer than its lease, with something in hand; another one is there, or comes."""
        holders = {mail.holder for mail in self.mails.values()}
        names = [name for name, one in self.processes.items() if one and not one.asleep and one.id in holders]
        if not names or any(one and one.asleep for one in self.processes.values()):
            return
        name = draw.draw(st.sampled_from(names), label="sender")
        self._some(name).asleep = True
        self._expire(self._some(name).id)
        if not all(self.processes.values()):
            self.starts()

    @precondition(lambda self: any(one and one.asleep for one in self.processes.values()))
    @rule(knows=st.booleans(), steps=st.integers(1, 4), server=st.sampled_from(["well", "silent"]))
    def comes_back(self, *, knows: bool, steps: int, server: str) -> None:
        """And goes on at once where it stood, before its next beat; by its own clock no time has passed, or all of it."""
        one = next(one for one in self.processes.values() if one and one.asleep)
        one.asleep = False
        if knows:
            one.lease._until = 0.0
        for _ in range(steps):
            self._next_thing(one, None, server)

    @busy
    @precondition(lambda self: bool(self.registered - self.expired))
    @rule(draw=st.data())
    def any_lease_runs_out(self, draw: Any) -> None:
        """Also of one that was killed."""
        self._expire(draw.draw(st.sampled_from(sorted(self.registered - self.expired)), label="lease"))

    def _expire(self, id_: str) -> None:
        self.bench.run(self.bench.owner.execute("UPDATE senders SET expires_at = now() - interval '1 s' WHERE id::text = $1", id_))
        if id_ in self.registered:
            self.expired.add(id_)

    @anybody
    @rule(draw=st.data())
    def beats(self, draw: Any) -> None:
        """It stays who it is, or comes back under a new id and lets go of what it held."""
        _, one = self._running(draw)
        before = one.id
        self.bench.run(one.lease.beat())
        assert (one.id == before) == self._alive(before)
        self.registered.add(one.id)

    @anybody
    @rule(draw=st.data(), fault=FAULTS)
    def takes_over(self, draw: Any, fault: int | str | None) -> None:
        """From all whose time is up, itself included: all of it, or nothing."""
        self._take_over(self._running(draw)[1], fault)

    def _take_over(self, one: Process, fault: int | str | None) -> None:
        one.flaky.breaks_at = fault
        with contextlib.suppress(Broken):
            self.bench.run(one.lease.take_over())
        one.flaky.breaks_at = None

        def all_of_it(mails: dict[str, Mail]) -> None:
            for mail in mails.values():
                if mail.holder in self.expired:
                    mail.lose_its_sender()

        self._one_of(*([self._changed(all_of_it)] if fault is None else [self.mails, self._changed(all_of_it)]))
        self._forget_the_buried()

    def _forget_the_buried(self) -> None:
        there = {str(row["id"]) for row in self.bench.run(self.bench.owner.fetch("SELECT id FROM senders"))}
        assert self.registered - there <= self.expired, "a living sender's row is gone"
        assert not any(mail.holder and mail.holder not in there for mail in self.mails.values()), "in hand of nobody"
        self.registered &= there
        self.expired &= there

    @busy
    @rule(draw=st.data())
    def stops_in_order(self, draw: Any) -> None:
        """What is on the wire counts as unknown, what was not begun is given back: also what a commit without an answer has opened."""
        name, one = self._running(draw)
        while one.wire:
            job, taken = one.wire.pop()
            one.recorder.finish(job, Verdict("lost" if taken is None else "unknown"))
        doubtful = one.recorder.let_go()
        _drop(one)
        self._commit(one, None, opening=False)
        if doubtful:
            self.bench.run(envelopes.release_unbegun(self.bench.owner, one.lease.id, doubtful))
        for id_, number, token in doubtful:
            self.mails[id_].never_begun(one.id, number, str(token))
        self.bench.run(envelopes.give_back(self.bench.owner, one.lease.id))
        self.bench.run(senders.leave(self.bench.owner, one.lease.id))
        for mail in self.mails.values():
            if mail.holder == one.id and mail.state == "leased":
                mail.go("pending", "now")
        assert not any(mail.holder == one.id for mail in self.mails.values())
        self.processes[name] = None
        self.registered.discard(one.id)
        self.expired.discard(one.id)

    # -- a mail's way

    @anybody
    @rule(draw=st.data(), fault=FAULTS, steps=st.integers(1, 8), server=st.sampled_from(["well", "silent", "busy", "refusing"]))
    def goes_on(self, draw: Any, fault: int | str | None, steps: int, server: str) -> None:
        """The next things that a sender does by itself; the last one may break."""
        _, one = self._running(draw)
        for n in range(steps):
            self._next_thing(one, fault if n == steps - 1 else None, server)

    # More often than anything else, for most ways are long.
    goes_on_too = goes_on_as_well = goes_on

    def _next_thing(self, one: Process, fault: int | str | None, server: str) -> None:
        if any(mail.holder in self.expired and mail.holder != one.id for mail in self.mails.values()):
            self._take_over(one, fault)
        elif one.recorder._finished or (one.recorder.ready and one.lease.fresh):
            self._commit(one, fault)
        elif one.window.opened and one.lease.fresh:
            self._begin(one)
        elif one.wire and one.wire[0][1] is None:
            self._dot(one, takes=server in ("well", "silent"))
        elif one.wire:
            self._reply(one, "bounced" if server == "refusing" else "rcpt", lost=server == "silent")
        else:
            if not any(mail.due == "now" for mail in self.mails.values()):
                self.time_passes()
            self._take(one, fault)

    @anybody
    @rule(draw=st.data(), fault=FAULTS)
    def takes(self, draw: Any, fault: int | str | None) -> None:
        """Due mails, only while its lease holds; what is void is cancelled on the way; in doubt, what it doesn't hold is given back."""
        self._take(self._running(draw)[1], fault)

    def _take(self, one: Process, fault: int | str | None) -> None:
        doubt, kept, before = one.supply._doubt, set(one.recorder.held), copy.deepcopy(self.mails)
        one.flaky.breaks_at = fault
        try:
            self.bench.run(one.supply.take())
        except Broken:
            one.supply._doubt = True
        one.flaky.breaks_at = None
        self._each_one_of({id_: self._taken(mail, one.id, may_lose=doubt and id_ not in kept) for id_, mail in self.mails.items()})
        news = [id_ for id_, mail in self.mails.items() if mail.holder == one.id and before[id_].holder != one.id]
        assert len(news) <= one.supply._settings.take
        assert fault or set(news) <= set(one.recorder.held), "leased, and not in hand"
        if fault is None and self._alive(one.id) and one.lease.fresh and len(kept) <= 1:
            due = [id_ for id_, mail in before.items() if mail.due == "now"]
            moved = [id_ for id_ in due if self.mails[id_].state != before[id_].state]
            assert len(moved) >= min(len(due), one.supply._settings.take), f"due, and not taken: {due}"

    def _taken(self, mail: Mail, sender: str, *, may_lose: bool) -> list[Mail]:
        """What taking may make of a mail: nothing, leased, cancelled as void; given back before."""
        possible = [mail]
        if may_lose and mail.holder == sender and mail.state == "leased":
            possible.append(copy.deepcopy(mail))
            possible[-1].go("pending", "now")
        for one in list(possible) if self._alive(sender) else []:
            if one.due == "now":
                possible.append(copy.deepcopy(one))
                possible[-1].take(sender)
                if mail.void:
                    possible.append(copy.deepcopy(possible[-1]))
                    possible[-1].go("cancelled")
        if mail.void and mail.state in ("leased", "unknown", "pending", "deferred", "held"):
            # Whoever finds a message void cancels all that is not on its way.
            possible.append(copy.deepcopy(mail))
            possible[-1].go("cancelled")
        return possible

    @anybody
    @rule(draw=st.data(), fault=FAULTS)
    def commits(self, draw: Any, fault: int | str | None) -> None:
        """Results are recorded and attempts opened, together or not at all; nothing is handed out before its commit is known."""
        _, one = self._running(draw)
        self._commit(one, fault)

    def _commit(self, one: Process, fault: int | str | None, *, opening: bool = True) -> None:
        work = _work(one, opening=opening)
        before_handed = {job.token for job in one.window.opened}
        opened: set[str] = set()

        def effect(mails: dict[str, Mail]) -> None:
            for id_, mail in mails.items():
                opened.update(work.on(id_, mail))

        after = self._changed(effect)
        one.flaky.breaks_at = fault
        lost = False
        try:
            self.bench.run(one.recorder.commit(opening=opening))
        except Broken:
            lost = True
        one.flaky.breaks_at = None
        self._one_of(*([self.mails, after] if lost else [after]))
        handed = {str(job.token) for job in one.window.opened if job.token not in before_handed}
        assert handed == (set() if lost else opened), "handed out what it had not opened, or kept back what it had"

    @precondition(lambda self: all(one and not one.asleep for one in self.processes.values()))
    @rule(first=st.sampled_from(SENDERS))
    def one_commits_while_the_other_takes_over(self, first: str) -> None:
        """At the same time, on two connections: each mail is one's or the other's."""
        one, other = self._some(first), self._some(next(name for name in SENDERS if name != first))
        work = _work(one)
        handed_before = {job.token for job in one.window.opened}

        async def both() -> None:
            await asyncio.gather(one.recorder.commit(), other.lease.take_over())

        def take_over(_: str, mail: Mail) -> None:
            if mail.holder in self.expired:
                mail.lose_its_sender()

        candidates: dict[str, list[Mail]] = {}
        for id_, mail in self.mails.items():
            # The last: it had the row locked, and the other passed it by.
            for order in ((work.on, take_over), (take_over, work.on), (work.on,)):
                candidates.setdefault(id_, []).append(copy.deepcopy(mail))
                for act in order:
                    act(id_, candidates[id_][-1])
        self.bench.run(both())
        self._each_one_of(candidates)
        for job in one.window.opened:
            assert job.token in handed_before or self.mails[job.envelope].tokens.get(job.attempts) == str(job.token)
        self._forget_the_buried()

    @anybody
    @rule(draw=st.data())
    def begins(self, draw: Any) -> None:
        """MAIL is written for a mail whose attempt is open, while the sender believes in its lease."""
        self._begin(self._running(draw)[1])

    def _begin(self, one: Process) -> None:
        if one.lease.fresh and (job := one.window.take()):
            mail = self.mails[job.envelope]
            assert mail.results[job.attempts] in ("", "unknown", "released"), "an attempt with a result is begun"
            assert not any(job is other for some in self.processes.values() if some for other, _ in some.wire)
            one.wire.append((job, None))

    @precondition(lambda self: any(one and one.wire for one in self.processes.values()))
    @rule(draw=st.data(), takes=st.booleans())
    def writes_the_dot(self, draw: Any, *, takes: bool) -> None:
        """From here on the server may have it."""
        self._dot(draw.draw(st.sampled_from([one for one in self.processes.values() if one and one.wire])), takes=takes)

    def _dot(self, one: Process, *, takes: bool) -> None:
        job, taken = one.wire.pop(0)
        if taken is None and takes:
            self.mails[job.envelope].copies += 1
        one.wire.append((job, takes if taken is None else taken))

    @precondition(lambda self: any(one and one.wire for one in self.processes.values()))
    @rule(draw=st.data(), refusal=LATE, lost=st.booleans())
    def has_its_reply(self, draw: Any, refusal: str, *, lost: bool) -> None:
        """Or none, early or late."""
        self._reply(draw.draw(st.sampled_from([one for one in self.processes.values() if one and one.wire])), refusal, lost=lost)

    def _reply(self, one: Process, refusal: str, *, lost: bool) -> None:
        job, taken = one.wire.pop(0)
        match taken, lost:
            case True, False:
                verdict = Verdict("sent", 250)
            case None, _:
                verdict = Verdict({"rcpt": "deferred"}.get(refusal, refusal))  # type: ignore[arg-type]
            case False, False:
                verdict = Verdict("bounced" if refusal == "bounced" else "dead" if refusal == "relay" else "deferred")
            case _:
                verdict = Verdict("unknown")
        one.window.through(job)
        one.recorder.finish(job, verdict)

    @anybody
    @rule(draw=st.data())
    def can_t_compose(self, draw: Any) -> None:
        """Held back, if it is still this sender's."""
        _, one = self._running(draw)
        if not one.recorder.ready or one.recorder.ready[0].doubtful:
            return
        job = one.recorder.ready.popleft()
        row = {"id": job.envelope, "message": job.origin["message"], "address": job.address, "person": job.person, "attempts": job.attempts}
        message: Any = {**job.origin, "id": job.origin["message"]}
        reason = Held("render", "can't be composed")
        self.bench.run(one.supply._hold([row], {row["message"]: message}, {row["message"]: reason}))
        mail = self.mails[job.envelope]
        if mail.state == "leased" and mail.holder == one.id:
            mail.go("held")

    # -- time, causes, people

    @rule()
    def time_passes(self) -> None:
        self.bench.run(self.bench.owner.execute("UPDATE envelopes SET due_at = now() WHERE due_at > now()"))
        for mail in self.mails.values():
            mail.due = "now" if mail.due == "later" else mail.due

    @precondition(lambda self: not any(mail.void for mail in self.mails.values()) and any(mail.attempts for mail in self.mails.values()))
    @rule(draw=st.data())
    def is_withdrawn(self, draw: Any) -> None:
        """What is not on its way is cancelled; what is goes on. One mail only, for the others are to live."""
        id_ = draw.draw(st.sampled_from([id_ for id_, mail in self.mails.items() if mail.attempts]), label="mail")
        self.bench.run(self._tell(withdrawn(self.messages[id_])))
        mail = self.mails[id_]
        mail.void = True
        if mail.state in ("pending", "deferred", "held", "leased", "unknown"):
            mail.go("cancelled")

    @rule()
    def templates_change(self) -> None:
        """What couldn't be composed is tried again."""
        self.bench.run(envelopes.release_held(self.bench.owner, [], ["wrong-delivery"]))
        for mail in self.mails.values():
            if mail.state == "held":
                mail.go("pending", "now")

    @rule(draw=st.data())
    def a_person_resends(self, draw: Any) -> None:
        """Of some states only."""
        id_ = draw.draw(st.sampled_from(sorted(self.mails)), label="mail")
        done = self.bench.run(envelopes.resend(self.bench.owner, id_))
        mail = self.mails[id_]
        assert bool(done) == (mail.state in ("held", "unknown", "dead", "deferred"))
        if done:
            mail.go("pending", "now")

    @precondition(lambda self: any(mail.ever_unknown for mail in self.mails.values()))
    @rule(draw=st.data(), decision=st.sampled_from(["resend", "arrived", "leave"]))
    def a_person_decides(self, draw: Any, decision: Decision) -> None:
        """Of the attempt that they saw, perhaps a while ago: once, and not of anything else."""
        id_ = draw.draw(st.sampled_from([id_ for id_, mail in self.mails.items() if mail.ever_unknown]), label="mail")
        mail = self.mails[id_]
        attempt = draw.draw(st.sampled_from(sorted(mail.ever_unknown)), label="attempt")
        refused = self.bench.run(self._decide(decision, (id_, attempt)))
        assert bool(refused) != mail.decide(attempt, decision), refused

    async def _decide(self, decision: Decision, one: Chosen) -> dict[Chosen, str]:
        async with self.bench.pool.acquire() as connection, connection.transaction():
            return await decide(connection, OPERATOR, decision, "", [one])

    # -- what holds

    @invariant()
    def the_database_is_as_the_model_says(self) -> None:
        if self.mails:
            self._one_of(self.mails)
            now = {id_: mail.state for id_, mail in self.mails.items()}
            self.walked.update((self.states.get(id_, "pending"), state) for id_, state in now.items())
            self.states = now
            broken = [f"{id_}: {what}" for id_, mail in self.mails.items() for what in mail.broken_promises()]
            assert not broken, broken

    def teardown(self) -> None:
        """Nothing gets stuck: whatever happened, a new sender and a patient person bring every mail to its end."""
        if not self.mails:
            return
        type(self).examples += 1
        for name in SENDERS:
            self.processes[name] = None
        for id_ in sorted(self.registered - self.expired):
            self._expire(id_)
        self._start(SENDERS[0])
        one = self._some(SENDERS[0])
        for _ in range(20):
            if all(mail.state in FINAL for mail in self.mails.values()):
                return
            self._one_round(one)
        raise AssertionError(f"stuck: {[(id_, self._face(mail)) for id_, mail in self.mails.items()]}")

    def _one_round(self, one: Process) -> None:
        self.bench.run(one.lease.take_over())
        for mail in self.mails.values():
            if mail.holder in self.expired:
                mail.lose_its_sender()
        self._forget_the_buried()
        self.time_passes()
        for id_, mail in self.mails.items():
            if mail.state in ("held", "dead", "unknown") and mail.due == "never":
                self.bench.run(envelopes.resend(self.bench.owner, id_))
                mail.go("pending", "now")
        self.bench.run(one.supply.take())
        self._each_one_of({id_: self._taken(mail, one.id, may_lose=False) for id_, mail in self.mails.items()})
        self._commit(one, None)
        while job := one.window.take():
            self.mails[job.envelope].copies += 1
            one.window.through(job)
            one.recorder.finish(job, Verdict("sent", 250))
        self._commit(one, None)


def play(made: Settings, number: int, from_seed: int) -> Counter[tuple[str, str]]:
    """So many examples on this database, in a thread without a loop; → the ways gone, with how often. Raises what does not hold."""
    bench = Bench(made)
    machine: Any = type("Senders", (Senders,), {"bench": bench, "walked": Counter(), "examples": 0})
    begun = itertools.count(from_seed)
    try:
        while machine.examples < number:
            # Not shrunk: with a database behind each step that takes minutes, and the steps that failed are told as they are.
            bounds = settings(
                max_examples=number - machine.examples,
                stateful_step_count=STEPS,
                phases=[Phase.generate],
                deadline=None,
                database=None,
                suppress_health_check=list(HealthCheck),
            )
            # Two that act at once: who is first, no seed says. Of two examples that began alike one may have gone another way.
            with contextlib.suppress(FlakyStrategyDefinition):
                run_state_machine_as_test(seed(next(begun))(machine), settings=bounds, _min_steps=STEPS // 2)
    finally:
        bench.close()
    walked: Counter[tuple[str, str]] = machine.walked
    return Counter({way: n for way, n in walked.items() if way[0] != way[1]})
