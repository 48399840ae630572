"""One connection to the relay and what goes over it."""

import asyncio
from contextlib import ExitStack

from mailer_service.domain.addresses import deliverable
from mailer_service.domain.delivery import CLOSING, Reply, Stage, Verdict, judge
from mailer_service.domain.job import Job
from mailer_service.replies import Disconnected
from mailer_service.sender.lease import Lease
from mailer_service.sender.recorder import Recorder
from mailer_service.sender.relay import Relay
from mailer_service.sender.window import Window
from mailer_service.smtp import RelayAway, Session
from postroom import failpoints

IDLE_SECONDS = 30.0
# A mail that takes so long holds up nobody who waits behind it; and so long, not even its connection's place.
STALL_SECONDS, PATIENCE_SECONDS = 2.0, 15.0


class Lane:
    """Keeps one session open while there is work; a job's attempt is in the database before its MAIL is written.

    A server has ten minutes for its reply to a final dot (RFC 5321, 4.5.3.2.6), and a connection that is half-open never has one: the
    mail goes on waiting aside, and a new session takes the place; one at a time, so that a server that is slow meets twice our
    connections at most.
    """

    def __init__(self, *, recorder: Recorder, relay: Relay, lease: Lease, window: Window, mail_from: str) -> None:
        self.stopping = False
        self._recorder = recorder
        self._relay = relay
        self._lease = lease
        self._window = window
        self._mail_from = mail_from
        self._epoch = 0
        self._turn = ExitStack()
        self._session: Session | None = None
        self._gives_way: asyncio.Future[None] | None = None
        self._aside: asyncio.Task[None] | None = None

    async def run(self) -> None:
        """Serve until stopped; each session that was lost is followed by a new one, and so is one that has gone aside."""
        current, aside = asyncio.create_task(self._one_session()), None
        try:
            while not self.stopping:
                self._gives_way = asyncio.get_running_loop().create_future()
                await asyncio.wait({current, self._gives_way}, return_when=asyncio.FIRST_COMPLETED)
                if current.done():
                    current.result()
                else:
                    aside = self._aside = current
                current = asyncio.create_task(self._one_session())
            await asyncio.wait(filter(None, (current, aside)))
        finally:
            tasks = [task for task in (current, aside) if task]
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _one_session(self) -> None:
        """From the work that calls for it to its end."""
        try:
            await self._wait_for_work()
            if not self.stopping:
                await self._connected()
        except RelayAway:
            self.release("the relay accepts no session")
        except Disconnected:
            pass
        if not self._relay.well:
            self.release("the relay refuses mails")
            self._recorder.wanted.set()

    async def _wait_for_work(self) -> None:
        """Until something is ready to send, or the relay needs to be tried."""
        while not (self.stopping or self._recorder.ready or self._window.opened or not self._relay.accepting):
            self._window.hint.clear()
            await self._window.hint.wait()

    async def _connected(self) -> None:
        with await self._relay.turn() as self._turn:
            session = self._session = await self._relay.session()
            self._epoch = self._relay.epoch
            self._window.connected = True
            self._recorder.wake()
            try:
                await self._serve(session)
            finally:
                if session is self._session:
                    self._window.connected = False
                    self._relay.left()
                session.close()

    async def _serve(self, session: Session) -> None:
        """One job after the other, to the session's end; once the relay is well, the other lanes have their turn."""
        job: Job | None = None
        while True:
            if self._relay.well:
                self._turn.close()
            job = job or await self._next(session)
            if job is None:
                await session.quit()
                return
            job = await self._one(session, job)

    async def _next(self, session: Session) -> Job | None:
        """The next job, begun; None when it is time to hang up: nothing to do, a goodbye, a relay that refuses, or our own end."""
        deadline = asyncio.get_running_loop().time() + IDLE_SECONDS
        while session.usable and session is self._session and not self.stopping and self._epoch == self._relay.epoch:
            self._window.hint.clear()
            if job := self._begin(session):
                return job
            left = deadline - asyncio.get_running_loop().time()
            if left <= 0:
                return None
            try:
                async with asyncio.timeout(min(left, 1.0)):
                    await self._window.hint.wait()
            except TimeoutError:
                continue
        return None

    def _begin(self, session: Session) -> Job | None:
        """Write the next job's envelope; what can't be given to this server has its end here, and nothing of it is on the wire."""
        while self._lease.fresh and not self.stopping and (job := self._window.take()):
            if unfit := _unfit(session, job):
                self._finish(job, Verdict("dead", detail=unfit))
                continue
            job.relay_is_well = self._relay.was_well_since(job.refused_at)
            session.envelope(self._mail_from, job.address, len(job.body))
            return job
        return None

    async def _one(self, session: Session, job: Job) -> Job | None:
        """Bring a begun job to its end; → the next one, if it was begun behind its dot."""
        loop = asyncio.get_running_loop()
        timers = [loop.call_later(STALL_SECONDS, self._stall, session), loop.call_later(PATIENCE_SECONDS, self._give_way, session)]
        try:
            return await self._handed_over(session, job)
        finally:
            for timer in timers:
                timer.cancel()
            if session is self._session:
                self._window.stalled = False

    async def _handed_over(self, session: Session, job: Job) -> Job | None:
        try:
            refused = await session.accepted()
        except (Disconnected, asyncio.CancelledError) as error:
            self._finish(job, Verdict("lost", detail=f"before the final dot: {error}", in_doubt=True))
            raise
        if refused:
            self._refused(job, *refused)
            return None
        failpoints.reach("sender.data")
        session.message(job.body)
        following = self._begin(session) if session.pipelining and session is self._session and self._relay.well else None
        # In the next turn of the loop: uvloop writes at the end of this one.
        asyncio.get_running_loop().call_soon(failpoints.reach, "sender.dotted")
        try:
            reply = await session.delivered()
        except (Disconnected, asyncio.CancelledError) as error:
            self._finish(job, Verdict("unknown", detail=f"the reply to the final dot was lost: {error}"))
            if following:
                self._finish(following, Verdict("released", detail="the connection was lost before it was begun"))
            raise
        failpoints.reach("sender.replied")
        self._finish(job, judge("dot", reply, relay_is_well=job.relay_is_well))
        return following

    def _stall(self, session: Session) -> None:
        """What waits behind this mail goes to other connections, and nothing new comes here."""
        if session is self._session:
            self._window.stall()
            self._relay.keeps_us_waiting()
            self._turn.close()
            self.release("the mail before it takes long")

    def _give_way(self, session: Session) -> None:
        """What is being sent here goes on waiting aside, unless another does so already."""
        if session is self._session and self._gives_way and (self._aside is None or self._aside.done()):
            self._session = None
            self._window.give_way()
            self._relay.left()
            self._gives_way.set_result(None)

    def _refused(self, job: Job, stage: Stage, reply: Reply) -> None:
        """What may be the relay's fault ends the session too: what is wrong may be wrong in this one only."""
        verdict = judge(stage, reply, relay_is_well=job.relay_is_well)
        self._finish(job, verdict)
        if verdict.result == "relay" or verdict.in_doubt or reply.code == CLOSING:
            raise Disconnected(verdict.detail)

    def _finish(self, job: Job, verdict: Verdict) -> None:
        self._window.through(job)
        job.body = b""
        self._relay.showed(verdict, job.address)
        self._recorder.finish(job, verdict)

    def release(self, why: str) -> None:
        """Give back what is open and not begun: it was certainly not sent."""
        while self._window.opened:
            self._recorder.finish(self._window.opened.popleft(), Verdict("released", detail=why))


def _unfit(session: Session, job: Job) -> str:
    """Why this server can't be given this mail at all; '' if it can."""
    if deliverable(job.address) != job.address:
        return f"the address {job.address!r} can't take mail"
    if session.most and len(job.body) > session.most:
        return f"too_large: the mail has {len(job.body)} bytes, and the relay takes {session.most} at most"
    return ""
