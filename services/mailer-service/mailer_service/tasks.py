"""The daily digests: made when their moment comes, by whichever instance is first."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby

import asyncpg
import structlog

from mailer_service import outcomes, views
from mailer_service.customer.templates import Templates
from mailer_service.domain import digests, messages
from mailer_service.domain.addresses import deliverable
from mailer_service.domain.digests import Reader
from mailer_service.domain.messages import Envelope, Message
from mailer_service.store import digests as store
from mailer_service.store import intake
from mailer_service.withdrawing import cut
from postroom import failpoints, outbox
from postroom.db import Connection, Pool

log = structlog.get_logger()
SWEEP_SECONDS, AT_ONCE = 1.0, 5


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
        """Some digests that are due, in one transaction: each is made whole or not at all. Returns how many there were."""
        async with self.pool.acquire() as connection, connection.transaction():
            groups = await store.due(connection, AT_ONCE)
            if groups:
                await self._make(connection, groups)
                failpoints.reach("digest.told")
        if groups:
            failpoints.reach("digest.committed")
        return len(groups)

    async def _make(self, connection: Connection, groups: Sequence[store.Group]) -> None:
        ids = await store.entries(connection, groups)
        rows = await store.contents(connection, ids, digests.SHOWN)
        made = {
            group: await self._digest(group, list(own))
            for group, own in groupby(rows, lambda row: (row["tenant"], row["person"], row["moment"]))
        }
        entries = await store.close(connection, groups, [made[group].id if group in made else None for group in groups])
        failpoints.reach("digest.closed")
        envelopes = await self._send(connection, list(made.values()))
        await outbox.add(connection, [outcomes.in_digest(entry, envelopes[entry["digest"]]) for entry in entries])
        log.info("digests made", digests=len(made), messages=len(entries))

    async def _digest(self, group: store.Group, rows: Sequence[asyncpg.Record]) -> Message:
        newest = rows[-1]
        reader = Reader(*(newest[name] for name in Reader.__dataclass_fields__))
        entries = []
        for row in rows[: digests.SHOWN]:
            shown = {**cut(row), "language": reader.language, "zone": reader.zone, "subject": None}
            entries.append(digests.entry(row, *views.brief(await self.templates.briefs([shown]), shown)))
            await asyncio.sleep(0)  # replies and the beat go on meanwhile
        return digests.message(reader, group[2], entries, newest["total"] - len(entries))

    async def _send(self, connection: Connection, made: Sequence[Message]) -> dict[str, Envelope]:
        """Queue these; returns each one's envelope."""
        if not made:
            return {}
        to = {one.id: deliverable(one.email or "") or one.email or "" for one in made}
        suppressed = await intake.suppressed(connection, [(one.tenant, to[one.id]) for one in made])
        new = await intake.add_messages(connection, made)
        envelopes = {one.id: messages.envelope(one, to[one.id], one.person, suppressed) for one in made}
        fresh = [envelope for id_, envelope in envelopes.items() if id_ in new]
        await intake.add_envelopes(connection, fresh)
        held = [one for one in made if one.id in new and envelopes[one.id].state != "pending"]
        await outbox.add(connection, [outcomes.at_once(one, envelopes[one.id]) for one in held])
        return envelopes
