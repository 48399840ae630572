"""The daily digests: made when their moment comes, by whichever instance is first."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

import asyncpg
import structlog

from mailer_service import outcomes, views
from mailer_service.customer.templates import Templates
from mailer_service.domain import digests, messages
from mailer_service.domain.addresses import deliverable
from mailer_service.domain.digests import Reader
from mailer_service.domain.messages import Envelope, Message
from mailer_service.rows import Row
from mailer_service.store import digests as store
from mailer_service.store import intake
from mailer_service.withdrawing import cut
from postroom import db, failpoints, outbox
from postroom.cancellation import obey_cancellation
from postroom.db import Connection, Pool

log = structlog.get_logger()
SWEEP_SECONDS, AT_ONCE = 1.0, 5
# So many entries' outcomes are written in one transaction, and nothing else is done meanwhile.
TOLD_AT_ONCE = 2_000


@dataclass(frozen=True, slots=True)
class Digester:
    """Makes due digests until cancelled."""

    pool: Pool
    templates: Templates

    async def run(self) -> None:
        """Look every second; Postgres's clock says what is due."""
        while True:
            if not await self.make_due():
                await asyncio.sleep(SWEEP_SECONDS)

    async def make_due(self) -> int:
        """Some digests that are due, each whole or not at all; → how many there were. One that can't be made holds up no other."""
        made = 0
        while made < AT_ONCE and (group := await self._claim()):
            made += 1
            try:
                await self._make(group)
            except Exception as error:
                log.exception("a digest could not be made, and is tried again", alert=True, error=repr(error), exc_info=db.trace_of(error))
                obey_cancellation()
        await self._tell()
        return made

    async def _claim(self) -> store.Group | None:
        async with self.pool.acquire() as connection:
            return await store.claim(connection)

    async def _make(self, group: store.Group) -> None:
        """Written first, for a customer's template may take its time, and then made, unless what is in it has changed meanwhile."""
        async with self.pool.acquire() as connection:
            rows = await store.contents(connection, group, digests.SHOWN)
        made = await self._digest(group, rows) if rows else None
        async with self.pool.acquire() as connection, connection.transaction():
            if not await store.lock(connection, group):
                return
            await store.lock_entries(connection, group)
            now = await store.contents(connection, group, digests.SHOWN)
            if [tuple(row) for row in now] != [tuple(row) for row in rows]:
                await store.let_go(connection, group)
                return
            await store.close(connection, group, made.id if made else None)
            failpoints.reach("digest.closed")
            if made:
                await self._send(connection, made)
        failpoints.reach("digest.committed")
        log.info("digest made", messages=rows[-1]["total"] if rows else 0)

    async def _tell(self) -> None:
        """What became of the entries of digests that are made: a digest may have very many, and who made it may be gone."""
        while True:
            async with self.pool.acquire() as connection, connection.transaction():
                entries = await store.take_untold(connection, TOLD_AT_ONCE)
                if not entries:
                    return
                await outbox.add(connection, [outcomes.in_digest(entry, _mail(entry)) for entry in entries])
                failpoints.reach("digest.told")

    async def _digest(self, group: store.Group, rows: Sequence[asyncpg.Record]) -> Message:
        newest = rows[-1]
        reader = Reader(*(newest[name] for name in Reader.__dataclass_fields__))
        entries = []
        for row in rows[: digests.SHOWN]:
            shown = {**cut(row), "language": reader.language, "zone": reader.zone, "subject": None}
            entries.append(digests.entry(row, *views.brief(await self.templates.briefs([shown]), shown)))
            await asyncio.sleep(0)  # replies and the beat go on meanwhile
        return digests.message(reader, group[2], entries, newest["total"] - len(entries))

    async def _send(self, connection: Connection, made: Message) -> None:
        to = deliverable(made.email or "") or made.email or ""
        suppressed = await intake.suppressed(connection, [(made.tenant, to)])
        new = await intake.add_messages(connection, [made])
        envelope = messages.envelope(made, to, made.person, suppressed)
        if made.id in new:
            await intake.add_envelopes(connection, [envelope])
            if envelope.state != "pending":
                await outbox.add(connection, [outcomes.at_once(made, envelope)])


def _mail(entry: Row) -> Envelope:
    return Envelope(entry["envelope"], entry["digest"], entry["tenant"], digests.MESSAGE_TYPE, None, entry["address"], entry["person"])
