"""The lease of this process: one row, one beat; and the take-over of those whose beat has stopped."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from uuid import UUID, uuid4

import structlog

from mailer_service import outcomes
from mailer_service.domain import delivery
from mailer_service.sender.relay import Relay
from mailer_service.settings import Settings
from mailer_service.store import envelopes
from mailer_service.store import senders as store
from postroom import clock, failpoints, outbox
from postroom.db import Pool

log = structlog.get_logger()
# One transaction takes over so many envelopes.
BATCH = 2_000
# A machine that was suspended is not young again when it wakes: the database's clock went on. (macOS has no such clock.)
_CLOCK = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)
# A clock that is corrected a little at a time is no clock that has gone back.
STEP = timedelta(seconds=5)


class Lease:
    """Who we are to the database. `fresh` turns False when the beat could not be written in time: then nothing new is begun."""

    def __init__(self, pool: Pool, settings: Settings, relay: Relay, when_lost: Callable[[], None]) -> None:
        self.id: UUID = uuid4()
        self._pool = pool
        self._settings = settings
        self._relay = relay
        self._when_lost = when_lost
        self._until = 0.0
        self._clock: tuple[datetime, float] | None = None

    @property
    def fresh(self) -> bool:
        """Whether our lease has time left, by our own clock since the beat was sent."""
        return time.clock_gettime(_CLOCK) < self._until

    @property
    def _length(self) -> timedelta:
        return timedelta(seconds=self._settings.lease_seconds)

    async def start(self) -> None:
        """Register under a new id."""
        self.id = uuid4()
        before = time.clock_gettime(_CLOCK)
        async with self._pool.acquire() as connection:
            await store.register(connection, self.id, self._length)
        self._until = before + self._settings.lease_seconds

    async def beat(self) -> None:
        """Stay alive, or come back under a new id."""
        before = time.clock_gettime(_CLOCK)
        async with self._pool.acquire() as connection:
            relay = "accepting" if self._relay.well else "refusing"
            now, alive = await store.beat(connection, self.id, self._length, relay, self._relay.detail)
        await self._watch_the_clock(now, before)
        if alive:
            self._until = before + self._settings.lease_seconds
        else:
            log.warning("this sender was marked gone; it goes on under a new id", sender=str(self.id))
            self._when_lost()
            await self.start()

    async def _watch_the_clock(self, now: datetime, asked_at: float) -> None:
        """The database's clock says what is due: when it has gone back, what was to come in seconds would come in hours."""
        self._relay.database_ahead = now - clock.now()
        last, self._clock = self._clock, (now, asked_at)
        back = timedelta(seconds=asked_at - last[1]) - (now - last[0]) if last else timedelta(0)
        if last is None or back > STEP:
            async with self._pool.acquire() as connection:
                brought = await envelopes.bring_forward(connection, delivery.CAP, delivery.BASE, self._settings.unknown_resend)
            if last or brought:
                log.warning(
                    "the database's clock has gone back; what it had put off is due again", seconds=back.total_seconds(), mails=brought
                )

    async def take_over(self) -> None:
        """Senders whose lease ran out: leased → pending, sending → unknown, with the outcomes; batch by batch, each one transaction."""
        while await self._take_over_some() == BATCH:
            pass

    async def _take_over_some(self) -> int:
        """→ how many envelopes."""
        async with self._pool.acquire() as connection, connection.transaction():
            await store.shorten(connection, self._length)
            gone = await store.expired(connection)
            if not gone:
                return 0
            taken = await store.take_over(connection, gone, self._settings.unknown_resend, BATCH)
            lost = [row for row in taken if row["state"] != "pending"]
            await outbox.add(connection, [outcomes.lost(row) for row in lost])
            await store.bury(connection, gone)
            failpoints.reach("sender.took_over")
        log.warning("took over from senders that are gone", senders=len(gone), envelopes=len(taken), lost=len(lost))
        return len(taken)

    async def run(self) -> None:
        """Until cancelled. The beat waits for no take-over, however much there is to take over."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._again_and_again("the take-over failed", self.take_over))
            await asyncio.sleep(self._settings.beat_seconds)
            tasks.create_task(self._again_and_again("the beat failed", self.beat))

    async def _again_and_again(self, failure: str, act: Callable[[], Awaitable[None]]) -> None:
        """A database that is away is tried again at the next beat."""
        while True:
            try:
                await act()
            except Exception as error:  # noqa: BLE001 - whatever keeps it from the database, the next one tries again
                log.warning(failure, error=repr(error))
            await asyncio.sleep(self._settings.beat_seconds)
