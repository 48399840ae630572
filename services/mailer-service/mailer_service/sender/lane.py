"""One connection to the relay and what goes over it."""

import asyncio

from mailer_service.domain.delivery import OK, Reply, Stage, Verdict, judge
from mailer_service.domain.job import Job
from mailer_service.replies import Disconnected
from mailer_service.sender.lease import Lease
from mailer_service.sender.recorder import Recorder
from mailer_service.sender.relay import Relay
from mailer_service.sender.window import Window
from mailer_service.smtp import RelayAway, Session
from postroom import failpoints

SHUTTING_DOWN = 421
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
        self._session: Session | None = None
        self._gives_way: asyncio.Future[None] | None = None
        self._aside: asyncio.Task[None] | None = None

    async def run(self) -> None:
        """Serve until stopped; each session that was lost is followed by a new one, and so is one that has gone aside."""
        turn, aside = asyncio.create_task(self._turn()), None
        try:
            while not self.stopping:
                self._gives_way = asyncio.get_running_loop().create_future()
                await asyncio.wait({turn, self._gives_way}, return_when=asyncio.FIRST_COMPLETED)
                if turn.done():
                    turn.result()
                else:
                    aside = self._aside = turn
                turn = asyncio.create_task(self._turn())
            await asyncio.wait(filter(None, (turn, aside)))
        finally:
            tasks = [task for task in (turn, aside) if task]
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _turn(self) -> None:
        """One session, from the work that calls for it to its end."""
        try:
            await self._wait_for_work()
            if not self.stopping:
                await self._connected()
        except RelayAway:
            self.release("the relay accepts no session")
        except Disconnected:
            pass

    async def _wait_for_work(self) -> None:
        """Until something is ready to send, or the relay needs to be tried."""
        while not (self.stopping or self._recorder.ready or self._window.opened or not self._relay.accepting):
            self._window.hint.clear()
            await self._window.hint.wait()

    async def _connected(self) -> None:
        session = self._session = await self._relay.session()
        self._window.connected = True
        self._recorder.wake()
        try:
            await self._serve(session)
        finally:
            if session is self._session:
                self._window.connected = False
            session.close()

    async def _serve(self, session: Session) -> None:
        job: Job | None = None
        reset = False
        while True:
            if job is None:
                job = await self._next(session)
                if job is None:
                    await session.quit()
                    return
                session.envelope(self._mail_from, job.address, reset=reset)
            job, reset = await self._one(session, job)

    async def _next(self, session: Session) -> Job | None:
        """The next job; None when it is time to hang up: nothing to do for a while, a goodbye from the server, or our own end."""
        deadline = asyncio.get_running_loop().time() + IDLE_SECONDS
        while session.usable and session is self._session and not self.stopping:
            self._window.hint.clear()
            if job := self._take():
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

    def _take(self) -> Job | None:
        return self._window.take() if self._lease.fresh and not self.stopping else None

    async def _one(self, session: Session, job: Job) -> tuple[Job | None, bool]:
        """Bring a begun job to its end. The next one is begun behind its dot (then it is returned); True: a RSET is due."""
        loop = asyncio.get_running_loop()
        timers = [loop.call_later(STALL_SECONDS, self._stall, session), loop.call_later(PATIENCE_SECONDS, self._give_way, session)]
        try:
            return await self._handed_over(session, job)
        finally:
            for timer in timers:
                timer.cancel()
            if session is self._session:
                self._window.stalled = False

    async def _handed_over(self, session: Session, job: Job) -> tuple[Job | None, bool]:
        try:
            refused = await session.accepted()
        except (Disconnected, asyncio.CancelledError) as error:
            self._finish(job, Verdict("lost", detail=f"before the final dot: {error}"))
            raise
        if refused:
            self._refused(job, *refused)
            return None, True
        failpoints.reach("sender.data")
        session.message(job.body)
        following = self._take() if session.pipelining and session is self._session else None
        if following:
            session.envelope(self._mail_from, following.address)
        try:
            reply = await session.delivered()
        except (Disconnected, asyncio.CancelledError) as error:
            self._finish(job, Verdict("unknown", detail=f"the reply to the final dot was lost: {error}"))
            if following:
                self._finish(following, Verdict("released", detail="the connection was lost before it was begun"))
            raise
        if reply.code // 100 == OK // 100:
            self._relay.accepted()
        failpoints.reach("sender.replied")
        self._finish(job, self._judge("dot", reply, job))
        return following, False

    def _stall(self, session: Session) -> None:
        """What waits behind this mail goes to other connections, and nothing new comes here."""
        if session is self._session:
            self._window.stalled = True
            self.release("the mail before it takes long")

    def _give_way(self, session: Session) -> None:
        """What is being sent here goes on waiting aside, unless another does so already."""
        if session is self._session and self._gives_way and (self._aside is None or self._aside.done()):
            self._session, self._window.connected, self._window.stalled = None, False, False
            self._gives_way.set_result(None)

    def _refused(self, job: Job, stage: Stage, reply: Reply) -> None:
        verdict = self._judge(stage, reply, job)
        self._finish(job, verdict)
        if verdict.result == "relay":
            self._relay.refuses(verdict.detail)
            self.release("the relay refuses our MAIL")
        if verdict.result == "relay" or reply.code == SHUTTING_DOWN:
            raise Disconnected(verdict.detail)

    def _judge(self, stage: Stage, reply: Reply, job: Job) -> Verdict:
        since = bool(job.refused_at and self._relay.accepted_at and self._relay.accepted_at > job.refused_at)
        return judge(stage, reply, accepted_since_refused=since)

    def _finish(self, job: Job, verdict: Verdict) -> None:
        self._window.flying -= 1
        job.body = b""
        self._recorder.finish(job, verdict)

    def release(self, why: str) -> None:
        """Give back what is open and not begun: it was certainly not sent."""
        while self._window.opened:
            self._recorder.finish(self._window.opened.popleft(), Verdict("released", detail=why))
