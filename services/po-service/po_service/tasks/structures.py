"""The task *Refresh control structures* (type 3)."""

from collections.abc import Sequence
from datetime import date

from po_service.domain import structures as domain
from po_service.store import structures
from po_service.store.raised import raise_once
from po_service.tasks.days import last_today, today
from po_service.tasks.parts import in_parts
from postroom import outbox
from postroom.contracts.control import ControlStructureExpired
from postroom.db import Connection

STRUCTURES_AT_ONCE = 1_000


async def refresh_control_structures(connection: Connection, tenant: str | None, as_of: date | None) -> int:
    """ControlStructureExpired for each cost code and credit card that expired, once per end of validity; returns how many."""
    found = await structures.candidates(connection, tenant, last_today(as_of))
    return await in_parts(connection, found, STRUCTURES_AT_ONCE, lambda part: _refresh(connection, part, as_of))


async def _refresh(connection: Connection, keys: Sequence[structures.Key], as_of: date | None) -> int:
    found = await structures.locked(connection, keys)
    due = [(one, day) for one in found if domain.is_due(one, day := today(one.zone, as_of))]
    fresh = await raise_once(connection, ControlStructureExpired.TYPE, [domain.raised_key(one) for one, _ in due])
    events = [domain.expired(one, day) for one, day in due if domain.raised_key(one) in fresh]
    await outbox.add(connection, events)
    return len(events)
