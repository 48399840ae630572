"""The task *Refresh control structures* (type 3)."""

from datetime import date

from po_service.domain import structures as domain
from po_service.store import structures
from po_service.store.raised import raise_once
from po_service.tasks.days import last_today, today
from postroom import outbox
from postroom.contracts.control import ControlStructureExpired
from postroom.db import Connection


async def refresh_control_structures(connection: Connection, tenant: str | None, as_of: date | None) -> int:
    """ControlStructureExpired for each cost code and credit card that expired, once per end of validity; returns how many."""
    raised = 0
    async for found in structures.candidates(connection, tenant, last_today(as_of)):
        due = [(one, day) for one in found if domain.is_due(one, day := today(one.zone, as_of))]
        fresh = await raise_once(connection, ControlStructureExpired.TYPE, [domain.raised_key(one) for one, _ in due])
        events = [domain.expired(one, day) for one, day in due if domain.raised_key(one) in fresh]
        await outbox.add(connection, events)
        raised += len(events)
    return raised
