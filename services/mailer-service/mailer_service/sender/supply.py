"""Takes due envelopes in batches, makes sure that each has its bytes, and offers them to the connections."""

import asyncio
import contextlib
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import structlog

from mailer_service import outcomes, withdrawing
from mailer_service.compose import Composer, Held
from mailer_service.domain.job import Job
from mailer_service.domain.messages import CORRESPONDENCE
from mailer_service.rows import Row
from mailer_service.sender.claim import Claim
from mailer_service.sender.lease import Lease
from mailer_service.sender.recorder import Recorder
from mailer_service.sender.relay import Relay
from mailer_service.settings import Settings
from mailer_service.store import envelopes as store
from mailer_service.store import rendered as bytes_store
from mailer_service.store import trial
from mailer_service.store.rendered import Body
from postroom import db, failpoints, outbox
from postroom.db import Connection, Pool

log = structlog.get_logger()
SWEEP_SECONDS, CHUNK = 1.0, 16
# So many times what is taken at once, of one type, may wait to be composed by a worker; so many correspondences, each with files of many
# megabytes; and so many bytes for the connections. Then the rest stays in the queue.
COMPANIES, CORRESPONDENCES, BYTES_IN_HAND = 5, 16, 128 << 20
AWAY_SECONDS = 2.0


class Supply:
    """Keeps the recorder's queue filled while the relay accepts; what takes long to compose holds up nobody else."""

    def __init__(self, *, pool: Pool, settings: Settings, lease: Lease, relay: Relay, recorder: Recorder, composer: Composer) -> None:
        self._pool = pool
        self._settings = settings
        self._lease = lease
        self._relay = relay
        self._recorder = recorder
        self._composer = composer
        self._claim = Claim(settings.caps)
        self._slow: dict[asyncio.Task[bool], tuple[str, list[str]]] = {}
        self._doubt = False

    async def run(self) -> None:
        """Take whenever the queue is short: woken by the recorder and by NOTIFY, and swept for what has become due."""
        try:
            while True:
                try:
                    await self._listening()
                except db.DATABASE_AWAY as error:
                    log.warning("the database is away", error=repr(error))
                    await asyncio.sleep(0.5)
        finally:
            for task in self._slow:
                task.cancel()

    async def _listening(self) -> None:
        """Rounds, as long as the connection that listens lives."""
        async with self._pool.acquire() as connection:
            await connection.add_listener("envelopes", self._woken)
            lost = asyncio.create_task(db.until_lost(connection))
            try:
                while not lost.done():
                    await self._round()
                lost.result()
            finally:
                lost.cancel()
                with contextlib.suppress(*db.DATABASE_AWAY):
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
        if not self._wants_some():
            return False
        async with self._pool.acquire() as connection:
            await self._hasten(connection)
            if self._relay.on_trial:
                rows, found = await self._claim.try_one(connection, self._lease.id, list(self._relay.doubted))
            else:
                rows, found = await self._claim.take(connection, self._lease.id, self._limit, self._room())
            if not rows:
                return found
            loaded = await bytes_store.load(connection, list({row["message"] for row in rows}))
        messages = await withdrawing.without_void(self._pool, loaded)
        slow = self._slow_ones(messages)
        for company in set(slow.values()):
            self._start_slow([row for row in rows if slow.get(row["message"]) == company], messages)
        quick = [row for row in rows if row["message"] in messages and row["message"] not in slow]
        self._doubt |= not await self._prepare(quick, messages)
        return True

    def _wants_some(self) -> bool:
        if not self._relay.accepting or not self._lease.fresh:
            return False
        if self._relay.on_trial:
            return not (self._recorder.busy or self._slow)
        return len(self._recorder.ready) <= self._limit // 2 and self._recorder.bytes_in_hand <= BYTES_IN_HAND

    @property
    def _limit(self) -> int:
        """How many to take at once: no more than the connections get through in a moment."""
        return min(self._settings.take, self._recorder.appetite)

    async def _hasten(self, connection: Connection) -> None:
        """The relay is well again: what it had refused needn't wait any longer."""
        if self._relay.recovered:
            await trial.hasten(connection)
            self._relay.recovered = False

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

    def _room(self) -> dict[str, int]:
        """How many more envelopes of a type may be taken, where that is bounded."""
        aside = Counter(type_ for type_, ids in self._slow.values() for _ in ids)
        room = {type_: self._settings.take * COMPANIES - number for type_, number in aside.items()}
        return room | {CORRESPONDENCE: CORRESPONDENCES - aside[CORRESPONDENCE]}

    def _start_slow(self, rows: Sequence[Row], messages: dict[str, Row]) -> None:
        async def prepare() -> bool:
            try:
                return await self._prepare(rows, messages)
            except Exception as error:  # noqa: BLE001 - the envelopes are given back by the next round
                log.warning("composing failed", message=rows[0]["message"], error=repr(error))
                # Not at once: what is away, such as the store of documents, would be asked as fast as it refuses.
                await asyncio.sleep(AWAY_SECONDS)
                return False

        def done(task: asyncio.Task[bool]) -> None:
            del self._slow[task]
            # Not before it is out of the slow ones, which are not given back.
            self._doubt |= task.cancelled() or not task.result()

        task = asyncio.create_task(prepare())
        self._slow[task] = (rows[0]["message_type"], [row["id"] for row in rows])
        task.add_done_callback(done)

    async def _prepare(self, rows: Sequence[Row], messages: dict[str, Row]) -> bool:
        """Compose what has no bytes yet, store them, hold what can't be composed, offer the rest. False if some are to be given back.

        That is what was withdrawn meanwhile, and what failed in a template that was mended meanwhile: whoever did so has let go of what
        was held before. Both are taken again as they are now.
        """
        sender = self._lease.id
        bodies, failed = await self._bodies([messages[id_] for id_ in {row["message"] for row in rows}])
        held = {id_: why for id_, why in failed.items() if not self._composer.is_outdated(messages[id_], why)}
        await self._hold([row for row in rows if row["message"] in held], messages, held)
        if sender == self._lease.id:
            self._recorder.offer([_job(row, messages[row["message"]], bodies[row["message"]]) for row in rows if row["message"] in bodies])
        return all(row["message"] in bodies or row["message"] in held for row in rows)

    async def _hold(self, rows: Sequence[Row], messages: dict[str, Row], held: dict[str, Held]) -> None:
        """Keep back what can't be composed, and say so."""
        if not rows:
            return
        reasons = [(row["id"], held[row["message"]].reason, held[row["message"]].detail) for row in rows]
        async with self._pool.acquire() as connection, connection.transaction():
            kept = await store.hold(connection, self._lease.id, reasons)
            told = [
                outcomes.held(_origin(messages[row["message"]]), row, f"{held[row['message']].reason}: {held[row['message']].detail}")
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
