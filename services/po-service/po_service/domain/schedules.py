"""When something that recurs falls due: days, without hours, so that summer time plays no part."""

from calendar import monthrange
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import count

_DAYS = {"day": 1, "week": 7}


@dataclass(frozen=True, slots=True)
class Schedule:
    """From `first_day` on, `every` once, day, week or month, each `interval`-th of them.

    A month that is too short has the occurrence on its last day; the next one is again on the day of the first.
    """

    first_day: date
    every: str
    interval: int = 1


def occurrences(schedule: Schedule, since: date) -> Iterator[date]:
    """Its days from `since` on, to the end of the calendar."""
    if schedule.every == "once":
        yield from [schedule.first_day] if schedule.first_day >= since else []
        return
    for number in count(_number_before(schedule, since)):
        found = _occurrence(schedule, number)
        if found is None:
            return
        if found >= since:
            yield found


def _number_before(schedule: Schedule, since: date) -> int:
    """The number of an occurrence that is not after `since`, or 0; the next one or two reach it."""
    first = schedule.first_day
    months = (since.year - first.year) * 12 + since.month - first.month
    passed = months if schedule.every == "month" else (since - first).days // _DAYS[schedule.every]
    return max(0, passed // schedule.interval)


def _occurrence(schedule: Schedule, number: int) -> date | None:
    first, steps = schedule.first_day, number * schedule.interval
    try:
        if schedule.every != "month":
            return first + timedelta(days=steps * _DAYS[schedule.every])
        years, month = divmod(first.month - 1 + steps, 12)
        year = first.year + years
        return date(year, month + 1, min(first.day, monthrange(year, month + 1)[1]))
    except (OverflowError, ValueError):
        return None
