"""The one way into an order's history: chained to its head, with the new head on its way to Kafka and to the file."""

from collections.abc import Mapping, Sequence
from secrets import token_bytes

from commlog_service.domain import history
from commlog_service.domain.history import Entry, OrderPlace
from commlog_service.store import history as store
from postroom import failpoints, outbox
from postroom.contracts import chain
from postroom.db import Connection


async def append(connection: Connection, entries: Mapping[OrderPlace, Sequence[Entry]]) -> None:
    """Let these things have happened, by order (tenant, id). Their numbers follow the heads', which the caller has locked."""
    heads = await store.lock(connection, list(entries))
    chains = [
        history.chained(place, heads[place], ((entry, token_bytes(chain.SALT_BYTES)) for entry in entries[place]))
        for place in sorted(entries)
    ]
    linked = [one for links in chains for one in links]
    lasts = [links[-1] for links in chains if links]
    await store.add_entries(connection, linked)
    await store.add_contents(connection, linked)
    await store.advance(connection, lasts)
    await store.queue(connection, lasts)
    failpoints.reach("history.advanced")
    await outbox.add(connection, [history.advanced(last) for last in lasts])
