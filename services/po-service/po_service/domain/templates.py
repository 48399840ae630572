"""Templates and quantity requests: one aggregate, due on the days of its schedule.

The state that it had on a day decides whether it was due on that day. So a change of schedule, validity or `active` counts from the day
of the change on: what the new state would have made due before is not made up for, and what the old state had made due before that day
and no scan has found yet is raised with the change. The day of the change itself belongs to the new state.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from itertools import islice, takewhile
from typing import Any

from po_service.domain.directory import SOURCE
from po_service.domain.schedules import Schedule, occurrences
from postroom.contracts import event, ids
from postroom.contracts.demand import TemplateDue, TemplateWithdrawn
from postroom.contracts.event import Event

# Of one template in one scan; the next scan goes on.
MOST_AT_ONCE = 400


@dataclass(frozen=True, slots=True)
class Template:
    """A template or quantity request (`kind`), with the people assigned to it. `items` and `assigned` are as their facts carry them.

    `next_due` is the first occurrence that no scan has looked at.
    """

    tenant: str
    id: str
    kind: str
    name: str
    company: str
    owner: str | None = None
    items: tuple[dict[str, Any], ...] = ()
    assigned: tuple[dict[str, Any], ...] = ()
    schedule: Schedule | None = None
    valid_from: date | None = None
    valid_until: date | None = None
    active: bool = True
    withdrawn: bool = False
    next_due: date | None = None
    released_by: str | None = None
    released_at: datetime | None = None
    version: int = 1
    zone: str = "UTC"


def due(template: Template, until: date) -> list[date]:
    """The occurrences up to this day that no scan has looked at, the oldest first."""
    if template.next_due is None:
        return []
    return list(islice(takewhile(lambda day: day <= until, _valid(template, template.next_due)), MOST_AT_ONCE))


def looked_at(template: Template, days: list[date]) -> Template:
    """After a scan that found these days."""
    return counting(template, days[-1] + timedelta(days=1)) if days and days[-1] < date.max else replace(template, next_due=None)


def counting(template: Template, since: date) -> Template:
    """With the occurrences from this day on before it."""
    open_ = template.active and not template.withdrawn
    return replace(template, next_due=next(_valid(template, since), None) if open_ else None)


def _valid(template: Template, since: date) -> Iterator[date]:
    if template.schedule is None:
        return iter(())
    last = template.valid_until or date.max
    return takewhile(lambda day: day <= last, occurrences(template.schedule, max(since, template.valid_from or since)))


def put(known: Template | None, wanted: Template, today: date) -> Template | None:
    """What to write of a template as it is wanted: None when nothing changes."""
    if known is None:
        return counting(wanted, today)
    kept = {name: getattr(known, name) for name in ("withdrawn", "next_due", "released_by", "released_at", "version")}
    settled = replace(wanted, **kept)
    if replace(settled, zone=known.zone) == known:
        return None
    changed = replace(settled, version=known.version + 1)
    return changed if _when(known) == _when(wanted) else counting(changed, today)


def missed(known: Template | None, wanted: Template, today: date) -> list[date]:
    """What was due before the day of this change and no scan has found; nothing where it is switched off, for nobody needs it then."""
    if known is None or not wanted.active or _when(known) == _when(wanted):
        return []
    return due(known, today - timedelta(days=1))


def _when(template: Template) -> tuple[object, ...]:
    return template.schedule, template.valid_from, template.valid_until, template.active


def withdraw(template: Template) -> Template:
    """For good."""
    return replace(template, withdrawn=True, next_due=None, version=template.version + 1)


def raised_key(template: Template, occurrence: date) -> tuple[str, tuple[str, ...]]:
    """Each occurrence once."""
    return template.tenant, (template.id, occurrence.isoformat())


def is_due(template: Template, occurrence: date, today: date) -> Event:
    """TemplateDue, the same event however often it is asked for."""
    fact = TemplateDue.model_validate(
        {
            "template": template.id,
            "kind": template.kind,
            "name": template.name,
            "owner": template.owner,
            "assigned": template.assigned,
            "occurrence": occurrence,
            "as_of": today,
            "valid_from": template.valid_from,
            "valid_until": template.valid_until,
            "items": template.items,
        }
    )
    return event.new(
        fact,
        source=SOURCE,
        subject=template.id,
        tenant=template.tenant,
        id=ids.stable("template-due", template.tenant, template.id, occurrence),
        company=template.company,
        aggregateversion=template.version,
    )


def is_withdrawn(template: Template, actor: str) -> Event:
    """TemplateWithdrawn: it was withdrawn or switched off in this version."""
    return event.new(
        TemplateWithdrawn(template=template.id, kind=template.kind, name=template.name),
        source=SOURCE,
        subject=template.id,
        tenant=template.tenant,
        id=ids.stable("template-withdrawn", template.tenant, template.id, template.version),
        company=template.company,
        actor=actor,
        aggregateversion=template.version,
    )
