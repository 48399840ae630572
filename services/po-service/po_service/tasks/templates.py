"""The scan for due templates and quantity requests (type 1)."""

from collections.abc import Sequence
from datetime import date

from po_service.domain import templates as domain
from po_service.domain.templates import Template
from po_service.store import templates
from po_service.store.raised import raise_once
from po_service.tasks.days import last_today, today
from po_service.tasks.parts import in_parts
from postroom import outbox
from postroom.contracts.demand import TemplateDue
from postroom.contracts.event import Event
from postroom.db import Connection

TEMPLATES_AT_ONCE = 500


async def due_templates(connection: Connection, tenant: str | None, as_of: date | None) -> int:
    """TemplateDue for each occurrence that has come, once each, also those of days on which no scan ran; returns how many."""
    found = await templates.candidates(connection, tenant, last_today(as_of))
    return await in_parts(connection, found, TEMPLATES_AT_ONCE, lambda part: _scan(connection, part, as_of))


async def _scan(connection: Connection, keys: Sequence[templates.Key], as_of: date | None) -> int:
    due = [(one, domain.due(one, today(one.zone, as_of))) for one in await templates.locked(connection, keys)]
    events = await once_each(connection, [(one, day, today(one.zone, as_of)) for one, days in due for day in days])
    await templates.save_next_due(connection, [domain.looked_at(one, days) for one, days in due if days])
    await outbox.add(connection, events)
    return len(events)


async def once_each(connection: Connection, found: Sequence[tuple[Template, date, date]]) -> list[Event]:
    """TemplateDue for those of these (template, occurrence, company's day) that weren't raised before."""
    fresh = await raise_once(connection, TemplateDue.TYPE, [domain.raised_key(one, day) for one, day, _ in found])
    return [domain.is_due(one, day, as_of) for one, day, as_of in found if domain.raised_key(one, day) in fresh]
