"""The price-validity half of type 13: prices of catalogs that are valid no more."""

from collections.abc import Sequence
from datetime import date

from po_service.domain import catalogs as domain
from po_service.store import catalogs
from po_service.store.raised import raise_once
from po_service.tasks.days import last_today, today
from po_service.tasks.parts import in_parts
from postroom import outbox
from postroom.contracts.catalogs import CatalogItemsChanged
from postroom.db import Connection

ITEMS_AT_ONCE = 2_000


async def check_price_validity(connection: Connection, tenant: str | None, as_of: date | None) -> int:
    """CatalogItemsChanged for the items whose price has ended, each end of a price once; returns how many events."""
    found = await catalogs.run_out(connection, tenant, last_today(as_of))
    # Items are small, and those of a part are told together: in ever larger parts, a manager would get a mail for each.
    return await in_parts(connection, found, ITEMS_AT_ONCE, lambda part: _tell(connection, part, as_of), begin=ITEMS_AT_ONCE)


async def _tell(connection: Connection, found: Sequence[catalogs.ItemKey], as_of: date | None) -> int:
    known = await catalogs.find(connection, sorted({(tenant, catalog) for tenant, catalog, _ in found}))
    # Read under their catalogs' locks: a new price may have come meanwhile.
    items = await catalogs.these_items(connection, found)
    days = {zone: today(zone, as_of) for zone in {catalog.zone for catalog in known.values()}}
    due = [
        (catalog, item)
        for key, catalog in known.items()
        for item in items.get(key, ())
        if item.valid_until is not None and item.valid_until < days[catalog.zone]
    ]
    fresh = await raise_once(connection, CatalogItemsChanged.TYPE, [domain.raised_key(*one) for one in due])
    told: dict[catalogs.Key, list[domain.Item]] = {}
    for catalog, item in due:
        if domain.raised_key(catalog, item) in fresh:
            told.setdefault((catalog.tenant, catalog.id), []).append(item)
    events = [event for key, some in told.items() for event in domain.expired(known[key], some)]
    await outbox.add(connection, events)
    return len(events)
