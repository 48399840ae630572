"""The price-validity half of type 13: prices of catalogs that are valid no more."""

from datetime import date

from po_service.domain import catalogs as domain
from po_service.store import catalogs
from po_service.store.raised import raise_once
from po_service.tasks.days import last_today, today
from postroom import outbox
from postroom.contracts.catalogs import CatalogItemsChanged
from postroom.db import Connection


async def check_price_validity(connection: Connection, tenant: str | None, as_of: date | None) -> int:
    """CatalogItemsChanged for the items whose price has ended, each end of a price once; returns how many events."""
    known = await catalogs.find(connection, sorted(await catalogs.run_out(connection, tenant, last_today(as_of))))
    # Again under their locks: a new price may have come meanwhile.
    items = await catalogs.run_out(connection, tenant, last_today(as_of)) if known else {}
    days = {zone: today(zone, as_of) for zone in {catalog.zone for catalog in known.values()}}
    due = [
        (catalog, item)
        for key, catalog in known.items()
        for item in items.get(key, ())
        if item.valid_until is not None and item.valid_until < days[catalog.zone]
    ]
    fresh = await raise_once(connection, CatalogItemsChanged.TYPE, [domain.raised_key(*one) for one in due])
    told: dict[tuple[str, str], list[domain.Item]] = {}
    for catalog, item in due:
        if domain.raised_key(catalog, item) in fresh:
            told.setdefault((catalog.tenant, catalog.id), []).append(item)
    events = [event for key, some in told.items() for event in domain.expired(known[key], some)]
    await outbox.add(connection, events)
    return len(events)
