"""What happens to a batch of documents, and to one that comes over HTTP: load, decide, save."""

from collections.abc import Sequence
from dataclasses import dataclass

from po_service.domain import deciding, received
from po_service.domain.book import Decision
from po_service.store import book as books
from postroom import clock
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
        batch = [received.of_event(event) for event in events]
        book = await books.load(connection, batch, clock.now())
        decisions = deciding.decide_all(batch, book)
        await books.save(connection, self.service, book, decisions, await self._keep(decisions))

    async def _keep(self, decisions: Sequence[Decision]) -> dict[bytes, str]:
        """Put attachments where the mailer finds them; a blob without a row, after a rollback, harms nobody."""
        contents = {
            (one.received.tenant, part.content) for one in decisions if one.order for part in one.attachments if part.content is not None
        }
        return {content: await self.blobs.put(tenant, content) for tenant, content in contents}
