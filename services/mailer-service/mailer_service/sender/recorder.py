"""The group commit: each transaction carries the results that are in and opens the next attempts of every connection."""

import asyncio
import random
from collections import deque
from collections.abc import Sequence
from datetime import timedelta
from uuid import UUID

import structlog

from mailer_service import outcomes
from mailer_service.domain.delivery import Step, Verdict, next_step
from mailer_service.domain.job import Job
from mailer_service.sender.lease import Lease
from mailer_service.sender.window import Window
from mailer_service.settings import Settings
from mailer_service.store import envelopes as store
from postroom import failpoints, outbox
from postroom.db import Connection, Pool

log = structlog.get_logger()
Settled = tuple[Job, int, Verdict]
# While mails are on the wire a commit waits this long for more results, unless a connection could begin something at once.
COMPANY_SECONDS, COMPANY = 0.02, 64


class Recorder:
    """Holds what is ready to send and what has been answered. Nothing is handed out before the commit that opened it is known."""

    def __init__(self, pool: Pool, settings: Settings, lease: Lease) -> None:
        self.ready: deque[Job] = deque()
        self.windows: list[Window] = []
        self.wanted = asyncio.Event()
        # Something was not opened: if it is leased to us still, nobody else would ever send it.
        self.refused = False
        self._opening: list[Job] = []
        self._finished: list[Settled] = []
        self._pool = pool
        self._settings = settings
        self._lease = lease
        self._work = asyncio.Event()

    @property
    def held(self) -> list[str]:
        """The envelopes that are in hand and not open for certain: ready, or in a commit under way."""
        return [job.envelope for job in (*self.ready, *self._opening)]

    @property
    def appetite(self) -> int:
        """How many the connections get through in a moment, all of them together."""
        return sum(window.limit for window in self.windows)

    @property
    def bytes_in_hand(self) -> int:
        """The size of what waits for a connection, or on one."""
        return sum(len(job.body) for jobs in (self.ready, *(window.opened for window in self.windows)) for job in jobs)

    @property
    def busy(self) -> bool:
        """Whether anything is ready, open or on the wire; but for what a server keeps us waiting for."""
        under_way = (window.opened or (window.flying and not window.stalled) for window in self.windows)
        return bool(self.ready or self._opening) or any(under_way)

    def offer(self, jobs: Sequence[Job]) -> None:
        """These can be sent now."""
        self.ready.extend(jobs)
        self._work.set()
        for window in self.windows:
            window.hint.set()

    def forget(self) -> None:
        """Let go of what is certainly not open; what may be stays, for nobody else would ask whether it is."""
        self.ready = deque(job for job in self.ready if job.doubtful)

    def let_go(self) -> list[tuple[str, int, UUID]]:
        """Let go of all that is ready; → the attempts (envelope, number, token) that a commit without an answer may have opened."""
        doubtful = [(job.envelope, job.number, job.token) for job in self.ready if job.doubtful]
        self.ready.clear()
        return doubtful

    def finish(self, job: Job, verdict: Verdict) -> None:
        """An attempt has its result; it is kept until a commit has taken it."""
        self._finished.append((job, job.attempts, verdict))
        self._work.set()

    def wake(self) -> None:
        """A connection has room."""
        self._work.set()

    async def run(self) -> None:
        """Commit whenever there is something to record or to open. While the database is away, results are kept and go first."""
        while True:
            await self._work.wait()
            if self._company_is_coming():
                await asyncio.sleep(COMPANY_SECONDS)
            self._work.clear()
            try:
                await self.commit()
            except Exception as error:  # noqa: BLE001 - the results are kept; whatever it was, they are recorded later
                log.warning("results wait for the database", waiting=len(self._finished), error=repr(error))
                await asyncio.sleep(0.5)
                self._work.set()

    def _company_is_coming(self) -> bool:
        if len(self._finished) >= COMPANY or (self.ready and any(window.starving for window in self.windows)):
            return False
        return any(window.flying for window in self.windows)

    async def commit(self, *, opening: bool = True) -> None:
        """One transaction: settle what is finished, tell the outcomes, open what the connections have room for."""
        finished = self._finished[:]
        shares = self._shares() if opening and self._lease.fresh else []
        jobs = [job for _, share in shares for job in share]
        if not finished and not jobs:
            return
        sender, self._opening = self._lease.id, jobs
        try:
            async with self._pool.acquire() as connection, connection.transaction():
                if finished:
                    await self._settle(connection, finished)
                asked = [(job.envelope, job.number, job.token) for job in jobs]
                if asked:
                    failpoints.reach("sender.opening")
                opened = await store.open_attempts(connection, sender, asked) if asked else set()
        except BaseException:
            for job in jobs:
                job.doubtful = True
            self.ready.extendleft(reversed(jobs))
            raise
        finally:
            self._opening = []
        failpoints.reach("sender.recorded" if finished else "sender.opened")
        del self._finished[: len(finished)]
        self.refused |= len(opened) < len(jobs)
        self._hand_out(shares, opened)

    def _shares(self) -> list[tuple[Window, list[Job]]]:
        """Deal the ready jobs to the connections with room: a full window each when there are many, a few each when there are few."""
        shares = []
        hungry = sorted((window for window in self.windows if window.room), key=lambda window: window.flying)
        fair = -(-len(self.ready) // max(len(hungry), 1))
        for window in hungry:
            share = [self.ready.popleft() for _ in range(min(window.room, fair, len(self.ready)))]
            if share:
                shares.append((window, share))
        self.wanted.set()
        return shares

    def _hand_out(self, shares: list[tuple[Window, list[Job]]], opened: set[str]) -> None:
        for window, share in shares:
            mine = [job for job in share if job.envelope in opened]
            for job in mine:
                job.attempts += 1
            window.fill(mine)

    async def _settle(self, connection: Connection, finished: Sequence[Settled]) -> None:
        steps = [(job, number, verdict, self._step(job, number, verdict)) for job, number, verdict in finished]
        await store.settle_attempts(
            connection, [(job.envelope, number, verdict.result, verdict.code, verdict.detail) for job, number, verdict, _ in steps]
        )
        failpoints.reach("sender.settling")
        moved = await store.settle_envelopes(
            connection,
            [
                (job.envelope, number, step.state, step.delay, step.detail, step.use_up_resend, verdict.in_doubt, step.ages)
                for job, number, verdict, step in steps
            ],
        )
        asked = {(job.envelope, number): (job, verdict.code) for job, number, verdict in finished}
        told = []
        for row in (row for row in moved if row["state"] != "pending"):
            job, code = asked[row["id"], row["number"]]
            envelope = {**row, "address": job.address, "person": job.person}
            told.append(outcomes.settled(job.origin, envelope, code if row["attempts"] == row["number"] else None))
        await outbox.add(connection, told)
        failpoints.reach("sender.told")
        refused = [(job.origin["tenant"], job.address, verdict.detail) for job, _, verdict, _ in steps if verdict.suppress]
        if refused:
            await store.suppress(connection, refused)

    def _step(self, job: Job, number: int, verdict: Verdict) -> Step:
        return next_step(
            verdict,
            attempt=number,
            waited=job.waited,
            life=timedelta(seconds=self._settings.life_seconds),
            resent=job.resent,
            unknown_resend=self._settings.unknown_resend,
            chance=random.random(),  # noqa: S311 - jitter
            relay_is_well=job.relay_is_well,
        )
