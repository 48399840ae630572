"""One sender process, wired: lease, relay, supply, recorder and a few connections."""

import asyncio

import structlog

from mailer_service.compose import Composer
from mailer_service.releasing import release_held
from mailer_service.sender.lane import Lane
from mailer_service.sender.lease import Lease
from mailer_service.sender.recorder import Recorder
from mailer_service.sender.relay import Relay
from mailer_service.sender.supply import Supply
from mailer_service.sender.window import Window
from mailer_service.settings import Settings
from mailer_service.store import envelopes, senders
from postroom.db import DATABASE_AWAY, Pool

log = structlog.get_logger()
GRACE_SECONDS = 5.0


class Sender:
    """Sends until cancelled; then what is on the wire is finished, and what was not begun is given back."""

    def __init__(self, pool: Pool, settings: Settings, composer: Composer) -> None:
        self.relay = Relay(settings, composer.domain)
        self.lease = Lease(pool, settings, self.relay, self._drop)
        self.recorder = Recorder(pool, settings, self.lease)
        self._pool = pool
        self._composer = composer
        self._supply = Supply(pool=pool, settings=settings, lease=self.lease, relay=self.relay, recorder=self.recorder, composer=composer)
        self.recorder.windows = [Window(settings.window, self.recorder.wake) for _ in range(settings.connections)]
        self.lanes = [
            Lane(recorder=self.recorder, relay=self.relay, lease=self.lease, window=window, mail_from=composer.address)
            for window in self.recorder.windows
        ]

    async def run(self) -> None:
        """Until cancelled. Starts anew under a new id when called again."""
        await self.lease.start()
        self.recorder.ready.clear()
        for lane, window in zip(self.lanes, self.recorder.windows, strict=True):
            lane.stopping = False
            window.reset()
        beat, recorder, supply = (asyncio.create_task(part.run()) for part in (self.lease, self.recorder, self._supply))
        lanes = [asyncio.create_task(lane.run()) for lane in self.lanes]
        releasing = asyncio.create_task(self._release_held())
        try:
            await _first_end([beat, recorder, supply, *lanes])
        finally:
            releasing.cancel()
            await asyncio.shield(self._stop([beat, recorder, supply], lanes))

    async def _release_held(self) -> None:
        """Also what failed in a template of the house: this may be another release. Beside the sending, for there may be very many."""
        while True:
            try:
                await release_held(self._pool, self._composer.message_types, self._composer.message_types)
            except DATABASE_AWAY as error:
                log.warning("what was held for a template is let go later", error=repr(error))
                await asyncio.sleep(1)
            else:
                return

    def _drop(self) -> None:
        """We were marked gone: what we hold belongs to nobody now; what is on the wire still settles its own attempt."""
        self.recorder.ready.clear()
        for lane in self.lanes:
            lane.release("the sender was marked gone before it was begun")

    async def _stop(self, parts: list[asyncio.Task[None]], lanes: list[asyncio.Task[None]]) -> None:
        """Finish what is on the wire, record it, give the rest back, and leave."""
        for lane, window, task in zip(self.lanes, self.recorder.windows, lanes, strict=True):
            lane.stopping = True
            window.hint.set()
            if not window.connected:
                task.cancel()  # it waits for a relay that may be away for long
        parts[2].cancel()
        await asyncio.wait(lanes, timeout=GRACE_SECONDS)
        await _end([*lanes, *parts])
        for lane in self.lanes:
            lane.release("the sender stopped before it was begun")
        doubtful = self.recorder.let_go()
        try:
            await self.recorder.commit(opening=False)
            async with self._pool.acquire() as connection:
                if doubtful:
                    await envelopes.release_unbegun(connection, self.lease.id, doubtful)
                await envelopes.give_back(connection, self.lease.id)
                await senders.leave(connection, self.lease.id)
        except Exception as error:  # noqa: BLE001 - then the lease runs out and another takes over
            log.warning("the sender could not hand over; its lease will run out", error=repr(error))


async def _first_end(tasks: list[asyncio.Task[None]]) -> None:
    """Wait until one of them ends, which none should, and raise what ended it."""
    done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    for task in done:
        task.result()


async def _end(tasks: list[asyncio.Task[None]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
