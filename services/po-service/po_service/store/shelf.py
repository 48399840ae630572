"""Load what a batch of catalogue documents works on, and save what was decided."""

from collections.abc import Sequence
from typing import Any

from po_service.domain.catalogs import Catalog, Item
from po_service.domain.offering import Key, Offered, Shelf
from po_service.domain.received import ReceivedCatalogue
from po_service.store import book, catalogs, filing, locks
from postroom import outbox
from postroom.db import Connection


async def load(connection: Connection, service: str, batch: Sequence[ReceivedCatalogue]) -> Shelf:
    """Everything about the batch's catalogs, after waiting for whoever works on them. Raises TooMuch."""
    keys = sorted({received.key for received in batch})
    await locks.take(connection, "catalog", keys)
    shelf = Shelf(
        catalogs=await catalogs.find(connection, keys),
        items=await catalogs.items(connection, keys),
        known=await _known(connection, keys),
        sizes=await _sizes(connection, keys),
    )
    shelf.waiting = await filing.woken(connection, service, shelf.awaiting(batch), batch)
    everyone = [*batch, *(one for some in shelf.waiting.values() for one in some)]
    shelf.directory = await book.known_directory(connection, everyone)
    return shelf


async def _known(connection: Connection, keys: Sequence[Key]) -> set[tuple[Key, str]]:
    """(key, sha256) of the documents that were processed."""
    found = await connection.fetch(
        """
        SELECT tenant, catalog_id, sha256 FROM ubl_documents
        WHERE (tenant, catalog_id) IN (SELECT * FROM unnest($1::text[], $2::text[])) AND outcome = 'processed'
        """,
        *_columns(keys),
    )
    return {((row["tenant"], row["catalog_id"]), row["sha256"]) for row in found}


async def _sizes(connection: Connection, keys: Sequence[Key]) -> dict[Key, dict[str, int]]:
    """The bytes of those that wait for one of these catalogs, by sha256."""
    found = await connection.fetch(
        """
        SELECT tenant, catalog_id, sha256, octet_length(value) AS size FROM ubl_documents
        WHERE (tenant, catalog_id) IN (SELECT * FROM unnest($1::text[], $2::text[])) AND outcome = 'waiting'
        """,
        *_columns(keys),
    )
    grouped: dict[Key, dict[str, int]] = {}
    for row in found:
        grouped.setdefault((row["tenant"], row["catalog_id"]), {})[row["sha256"]] = row["size"]
    return grouped


def _columns(keys: Sequence[Key]) -> tuple[list[str], list[str]]:
    return [tenant for tenant, _ in keys], [id_ for _, id_ in keys]


async def save(connection: Connection, service: str, shelf: Shelf, decisions: Sequence[Offered]) -> None:
    """Everything that was decided, in the batch's transaction."""
    met = await filing.meet(connection, shelf.directory)
    changed = {(one.catalog.tenant, one.catalog.id): one.catalog for one in decisions if one.catalog and one.outcome == "processed"}
    await catalogs.put(connection, list(changed.values()))
    put, gone = _net(decisions)
    await catalogs.remove_items(connection, gone)
    await catalogs.put_items(connection, put)
    await filing.settle(connection, service, decisions)
    await outbox.add(connection, [*met, *(event for one in decisions for event in one.events)])


def _net(decisions: Sequence[Offered]) -> tuple[list[tuple[Catalog, Item]], list[tuple[Catalog, str]]]:
    """What is left to write and to remove after all of them, for one may bring back what the one before took out."""
    last: dict[tuple[Any, ...], tuple[Catalog, Item | None]] = {}
    for one in decisions:
        if one.catalog:
            last.update({(*one.received.key, id_): (one.catalog, None) for id_ in one.changes.gone})
            last.update({(*one.received.key, item.item): (one.catalog, item) for item in one.changes.put})
    put = [(catalog, item) for catalog, item in last.values() if item]
    return put, [(catalog, key[2]) for key, (catalog, item) in last.items() if item is None]
