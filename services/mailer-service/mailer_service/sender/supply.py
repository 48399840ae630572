"""Takes due envelopes in batches, makes sure that each has its bytes, and offers them to the connections."""

import asyncio
import contextlib
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import asyncpg
import structlog

from mailer_service import outcomes, withdrawing
from mailer_service.compose import Composer, Held
from mailer_service.domain.job import Job
from mailer_service.rows import Row
from mailer_service.sender.lease import Lease
from mailer_service.sender.recorder import Recorder
from mailer_service.sender.relay import Relay
from mailer_service.settings import Settings
from mailer_service.store import envelopes as store
from mailer_service.store import rendered as bytes_store
from mailer_service.store.rendered import Body
from postroom import failpoints, outbox
from postroom.db import Pool

log = structlog.get_logger()
SWEEP_SECONDS, CHUNK = 1.0, 16
# So many batches of one kind may wait to be composed by a worker; then the rest of that kind stays in the queue.
COMPANIES = 5
AWAY_SECONDS = 2.0
DATABASE_AWAY = (asyncpg.PostgresError, asyncpg.InterfaceError, OSError)


class Supply:
    """Keeps the recorder's queue filled while the relay accepts; what takes long to compose holds up nobody else."""

    def __init__(self, *, pool: Pool, settings: Settings, lease: Lease, relay: Relay, recorder: Recorder, composer: Composer) -> None:
        self._pool = pool
        self._settings = settings
        self._lease = lease
        self._relay = relay
        self._recorder = recorder
        self._composer = composer
        self._slow: dict[asyncio.Task[bool], tuple[str, list[str]]] = {}
        self._doubt = False

    async def run(self) -> None:
        """Take whenever the queue is short: woken by the recorder and by NOTIFY, and swept for what has become due."""
        try:
            while True:
                try:
                    await self._listening()
                except DATABASE_AWAY as error:
                    log.warning("the database is away", error=repr(error))
                    await asyncio.sleep(0.5)
        finally:
            for task in self._slow:
                task.cancel()

    async def _listening(self) -> None:
        """Rounds, as long as the connection that listens lives."""
        async with self._pool.acquire() as connection:
            await connection.add_listener("envelopes", self._woken)
            try:
                while not connection.is_closed():
                    await self._round()
            finally:
                with contextlib.suppress(*DATABASE_AWAY):
                    await connection.remove_listener("envelopes", self._woken)

    def _woken(self, *_: object) -> None:
        self._recorder.wanted.set()

    async def _round(self) -> None:
        try:
            if not await self.take():
                await self._wait()
        except Exception as error:  # noqa: BLE001 - what was taken is given back when the database answers again
            log.warning("taking envelopes failed", error=repr(error))
            self._doubt = True
            await asyncio.sleep(0.5)

    async def _wait(self) -> None:
        try:
            async with asyncio.timeout(SWEEP_SECONDS):
                await self._recorder.wanted.wait()
        except TimeoutError:
            pass
        self._recorder.wanted.clear()

    async def take(self) -> bool:
        """One batch; False if there was nothing to do or no reason to."""
        if not self._relay.accepting and self._recorder.ready:
            self._recorder.forget()
            self._doubt = True
        if self._recorder.refused:
            self._recorder.refused, self._doubt = False, True
        if self._doubt:
            await self._reconcile()
        if not self._relay.accepting or len(self._recorder.ready) > self._settings.take // 2 or not self._lease.fresh:
            return False
        async with self._pool.acquire() as connection:
            rows = await store.take(connection, self._lease.id, self._settings.take, self._crowded())
            if not rows:
                return False
            failpoints.reach("sender.taken")
            loaded = await bytes_store.load(connection, list({row["message"] for row in rows}))
        rows.sort(key=lambda row: row["sequence"])
        messages = await withdrawing.without_void(self._pool, loaded)
        slow = self._slow_ones(messages)
        for company in set(slow.values()):
            self._start_slow(company, [row for row in rows if slow.get(row["message"]) == company], messages)
        await self._prepare([row for row in rows if row["message"] in messages and row["message"] not in slow], messages)
        return True

    async def _reconcile(self) -> None:
        """After a failure: give back what we have leased and don't hold."""
        # Before it is awaited: what comes into doubt meanwhile is looked at by the next round.
        self._doubt = False
        kept = self._recorder.held + [id_ for _, ids in self._slow.values() for id_ in ids]
        async with self._pool.acquire() as connection:
            await store.give_back(connection, self._lease.id, kept)

    def _slow_ones(self, messages: Mapping[str, Row]) -> dict[str, str]:
        """The messages that take long to compose, each with the company that it is composed in."""
        fresh = {id_: message for id_, message in messages.items() if message["bytes"] is None}
        return {id_: company for id_, message in fresh.items() if (company := self._composer.slow_company(message))}

    def _crowded(self) -> list[str]:
        """The message types that have enough waiting here."""
        waiting = Counter(company for company, _ in self._slow.values())
        return [company for company, number in waiting.items() if number >= COMPANIES]

    def _start_slow(self, company: str, rows: Sequence[Row], messages: dict[str, Row]) -> None:
        async def prepare() -> bool:
            try:
                await self._prepare(rows, messages)
            except Exception as error:  # noqa: BLE001 - the envelopes are given back by the next round
                log.warning("composing failed", message=rows[0]["message"], error=repr(error))
                # Not at once: what is away, such as the store of documents, would be asked as fast as it refuses.
                await asyncio.sleep(AWAY_SECONDS)
                return False
            return True

        def done(task: asyncio.Task[bool]) -> None:
            del self._slow[task]
            # Not before it is out of the slow ones, which are not given back.
            self._doubt |= task.cancelled() or not task.result()

        task = asyncio.create_task(prepare())
        self._slow[task] = (company, [row["id"] for row in rows])
        task.add_done_callback(done)

    async def _prepare(self, rows: Sequence[Row], messages: dict[str, Row]) -> None:
        """Compose what has no bytes yet, store them, hold what can't be composed, offer the rest."""
        sender = self._lease.id
        bodies, held = await self._bodies([messages[id_] for id_ in {row["message"] for row in rows}])
        await self._hold([row for row in rows if row["message"] in held], messages, held)
        if sender == self._lease.id:
            self._recorder.offer([_job(row, messages[row["message"]], bodies[row["message"]]) for row in rows if row["message"] in bodies])

    async def _hold(self, rows: Sequence[Row], messages: dict[str, Row], held: dict[str, Held]) -> None:
        """Keep back what can't be composed, and say so."""
        if not rows:
            return
        reasons = [(row["id"], held[row["message"]].reason, held[row["message"]].detail) for row in rows]
        async with self._pool.acquire() as connection, connection.transaction():
            kept = await store.hold(connection, self._lease.id, reasons)
            told = [
                outcomes.outcome(
                    _origin(messages[row["message"]]),
                    envelope=row["id"],
                    address=row["address"],
                    person=row["person"],
                    state="held",
                    attempt=row["attempts"],
                    detail=f"{held[row['message']].reason}: {held[row['message']].detail}",
                )
                for row in rows
                if row["id"] in kept
            ]
            await outbox.add(connection, told)

    async def _bodies(self, messages: Sequence[Row]) -> tuple[dict[str, Body], dict[str, Held]]:
        bodies = {message["id"]: (message["bytes"], message["sha256"]) for message in messages if message["bytes"] is not None}
        held: dict[str, Held] = {}
        new: list[tuple[str, str, bytes, str, int]] = []
        for n, message in enumerate([message for message in messages if message["bytes"] is None]):
            try:
                composed = await self._composer.compose(message)
            except Held as reason:
                held[message["id"]] = reason
            else:
                new.append((message["id"], composed.subject, composed.body, composed.sha256, len(message["void"])))
            if n % CHUNK == CHUNK - 1:
                await asyncio.sleep(0)  # replies and the beat go on meanwhile
        if new:
            bodies |= await self._stored(new)
        return bodies, held

    async def _stored(self, new: list[tuple[str, str, bytes, str, int]]) -> dict[str, Body]:
        """Store new bytes; where another sender was first, its bytes are the message's. What is in neither was withdrawn meanwhile."""
        async with self._pool.acquire() as connection:
            ours = await bytes_store.add(connection, new)
            failpoints.reach("sender.rendered")
            theirs = [id_ for id_, *_ in new if id_ not in ours]
            others = await bytes_store.stored(connection, theirs) if theirs else {}
        # Given back, and taken again as it is now.
        self._doubt |= len(others) < len(theirs)
        return {id_: (body, sha256) for id_, _, body, sha256, _ in new if id_ in ours} | others


def _origin(message: Row) -> dict[str, Any]:
    """What an outcome needs to know of its message."""
    return {"message": message["id"], **{name: message[name] for name in ("tenant", "key", "cause", "correspondence", "order_id")}}


def _job(row: Row, message: Row, body: Body) -> Job:
    return Job(
        envelope=row["id"],
        address=row["address"],
        person=row["person"],
        attempts=row["attempts"],
        waited=row["waited"],
        resent=row["resent"],
        refused_at=row["refused_at"],
        origin={**_origin(message), "sha256": body[1]},
        body=body[0],
    )
