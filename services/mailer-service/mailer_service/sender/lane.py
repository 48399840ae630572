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
STALL_SECONDS = 2.0


class Lane:
    """Keeps one session open while there is work; a job's attempt is in the database before its MAIL is written."""

    def __init__(self, *, recorder: Recorder, relay: Relay, lease: Lease, window: Window, mail_from: str) -> None:
        self.stopping = False
        self._recorder = recorder
        self._relay = relay
        self._lease = lease
        self._window = window
        self._mail_from = mail_from

    async def run(self) -> None:
        """Serve until stopped; each lost connection is followed by a new one."""
        while not self.stopping:
            try:
                await self._wait_for_work()
                if not self.stopping:
                    await self._connected()
            except RelayAway:
                self.release("the relay accepts no session")
            except Disconnected:
                continue

    async def _wait_for_work(self) -> None:
        """Until something is ready to send, or the relay needs to be tried."""
        while not (self.stopping or self._recorder.ready or self._window.opened or not self._relay.accepting):
            self._window.hint.clear()
            await self._window.hint.wait()

    async def _connected(self) -> None:
        session = await self._relay.session()
        self._window.connected = True
        self._recorder.wake()
        try:
            await self._serve(session)
        finally:
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
        while session.usable and not self.stopping:
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
        following = self._take() if session.pipelining else None
        if following:
            session.envelope(self._mail_from, following.address)
        try:
            reply = await self._delivered(session)
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

    async def _delivered(self, session: Session) -> Reply:
        """The reply to the dot. If it takes long, what waits behind it goes to other connections, and nothing new comes here."""
        loop = asyncio.get_running_loop()
        slow = loop.call_later(STALL_SECONDS, self._stall)
        # In the next turn of the loop: uvloop writes at the end of this one.
        loop.call_soon(failpoints.reach, "sender.dotted")
        try:
            return await session.delivered()
        finally:
            slow.cancel()
            self._window.stalled = False

    def _stall(self) -> None:
        self._window.stalled = True
        self.release("the mail before it takes long")

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
