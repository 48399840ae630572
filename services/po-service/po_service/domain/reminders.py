"""Delivery-note reminders (types 11 and 12): which lines are due at which level, and what is told of them."""

from collections.abc import Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from po_service.domain import notes
from po_service.domain.calendars import WORKING_DAYS, Calendar, due_on, due_until
from po_service.domain.contracts import Contract
from po_service.domain.directory import SOURCE
from po_service.domain.orders import Line, Order
from po_service.domain.parts import in_parts
from postroom.contracts import event, ids
from postroom.contracts.event import Event
from postroom.contracts.purchasing import DeliveryNoteOverdue, OverdueLine, Reminders

LINES = 1_000
FIRST, SECOND, THIRD = 1, 2, 3
# Whoever was told of the third level isn't told of the second.
SETTLED_BY = {FIRST: (FIRST,), SECOND: (SECOND, THIRD), THIRD: (THIRD,)}
Key = tuple[str, tuple[str, ...]]
Person = tuple[str, str]
"""Tenant, id."""


@dataclass(frozen=True, slots=True)
class Option:
    """A basic contract with a reminder activated, and the buying company's working days and zone."""

    contract: Contract
    working_days: Calendar
    zone: str

    @property
    def calendar(self) -> Calendar | None:
        """How its days are counted: None for calendar days."""
        return self.working_days if self.contract.reminder_calendar == WORKING_DAYS else None

    def cutoffs(self, today: date) -> dict[int, date]:
        """Level → the latest delivery date that is due by this day, of the activated levels."""
        return {level: due_until(today, days, self.calendar) for level, days in self.contract.reminders.items()}


def raised_key(order: Order, line: Line, level: int) -> Key:
    """Once per line, level and delivery date: another date arms the reminder anew."""
    return order.tenant, (order.id, line.line, str(level), str(order.awaited(line)))


def keys(order: Order, option: Option) -> Iterator[Key]:
    """What may have been raised of this order and decides what is due; the third level also where it isn't activated any more."""
    awaited = [line for line in order.lines if order.awaited(line)]
    return (raised_key(order, line, level) for line in awaited for level in {*option.contract.reminders, THIRD})


def due(order: Order, option: Option, today: date, raised: AbstractSet[Key]) -> dict[int, list[Line]]:
    """Level → the lines to remind of: the first whenever due and not yet raised; of second and third only the higher one due."""
    found: dict[int, list[Line]] = {}
    cutoffs = option.cutoffs(today)
    for line in order.lines:
        for level in _levels(order.awaited(line), cutoffs):
            if not any(raised_key(order, line, said) in raised for said in SETTLED_BY[level]):
                found.setdefault(level, []).append(line)
    return found


def _levels(day: date | None, cutoffs: dict[int, date]) -> set[int]:
    levels = {level for level, until in cutoffs.items() if day and day <= until}
    return levels - {SECOND} if THIRD in levels else levels


def overdue(order: Order, option: Option, level: int, lines: Sequence[Line], today: date, names: Mapping[Person, str]) -> Iterator[Event]:
    """DeliveryNoteOverdue of these lines, in several events where one could not hold them; `names` are the orderers'."""
    contract = option.contract
    days, came = contract.reminders[level], order.came
    awaited = [(line, day) for line in lines if (day := order.awaited(line))]
    entries = [
        OverdueLine(
            line=line.line,
            item=line.item,
            ordered_by=line.ordered_by,
            ordered_by_name=names.get((order.tenant, line.ordered_by), ""),
            delivery_date=day,
            due_on=due_on(day, days, option.calendar),
            open=max(line.quantity - came.get((line.line, line.unit), Decimal(0)), Decimal(0)),
            unit=line.unit,
        )
        for line, day in awaited
    ]
    for part in in_parts(entries, LINES, lambda one: ids.path(order.id, one.line)):
        fact = DeliveryNoteOverdue(
            order=notes.order_ref(order),
            level=level,
            as_of=today,
            reminders=Reminders(first=contract.first_reminder, second=contract.second_reminder, third=contract.third_reminder),
            calendar=contract.reminder_calendar,
            purchaser_contact=contract.purchaser_contact,
            lines=part,
        )
        yield event.new(
            fact,
            source=SOURCE,
            subject=order.id,
            tenant=order.tenant,
            id=ids.stable("delivery-note-overdue", order.id, level, *((one.line, one.delivery_date) for one in part)),
            company=order.buyer,
            aggregateversion=order.version,
        )
