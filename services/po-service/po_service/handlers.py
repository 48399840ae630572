"""What happens to a batch of documents, and to one that comes over HTTP: load, decide, save."""

from collections.abc import Sequence
from dataclasses import dataclass

from po_service.domain import answering, deciding, offering
from po_service.domain.book import Decision
from po_service.domain.incoming import of_event
from po_service.domain.received import Received, ReceivedCatalogue, ReceivedResponse
from po_service.store import book as books
from po_service.store import ledger as ledgers
from po_service.store import shelf as shelves
from postroom import failpoints
from postroom.blobs import Blobs
from postroom.contracts.event import Event
from postroom.db import Connection


@dataclass(frozen=True, slots=True)
class Handlers:
    """The intake's effect; embedded documents go to the blobs before the transaction commits."""

    service: str
    blobs: Blobs

    async def take_in(self, connection: Connection, events: Sequence[Event]) -> None:
        """Give fresh documents their effect. Raises Refused for one that never can have any."""
        batch = [of_event(event) for event in events]
        for one in batch:
            one.check_sender()
        # In this order always, since each kind takes locks of its own.
        await self._orders(connection, [one for one in batch if isinstance(one, Received)])
        await self._catalogues(connection, [one for one in batch if isinstance(one, ReceivedCatalogue)])
        await self._responses(connection, [one for one in batch if isinstance(one, ReceivedResponse)])

    async def _orders(self, connection: Connection, batch: Sequence[Received]) -> None:
        if batch:
            book = await books.load(connection, self.service, batch)
            decisions = deciding.decide_all(batch, book)
            await books.save(connection, self.service, book, decisions, await self._keep(decisions))

    async def _catalogues(self, connection: Connection, batch: Sequence[ReceivedCatalogue]) -> None:
        if batch:
            shelf = await shelves.load(connection, self.service, batch)
            await shelves.save(connection, self.service, shelf, offering.decide_all(batch, shelf))

    async def _responses(self, connection: Connection, batch: Sequence[ReceivedResponse]) -> None:
        if batch:
            ledger = await ledgers.load(connection, batch)
            await ledgers.save(connection, self.service, ledger, answering.decide_all(batch, ledger))

    async def _keep(self, decisions: Sequence[Decision]) -> dict[bytes, str]:
        """Put attachments where the mailer finds them; a blob without a row, after a rollback, harms nobody."""
        contents = {
            (one.received.tenant, part.content) for one in decisions if one.order for part in one.attachments if part.content is not None
        }
        kept = {content: await self.blobs.put(tenant, content) for tenant, content in contents}
        if kept:
            failpoints.reach("documents.kept")
        return kept
