"""Working days, and the day on which something falls due that counts in them."""

from dataclasses import dataclass
from datetime import date, timedelta
from functools import lru_cache

import holidays

DAY = timedelta(days=1)
SATURDAY = 5
WORKING_DAYS, CALENDAR_DAYS = "working-days", "calendar-days"


@dataclass(frozen=True, slots=True)
class Calendar:
    """The days on which a company works: `country` (ISO 3166-1, such as AT) and `subdivision` (such as 9) name its public holidays."""

    country: str = ""
    subdivision: str = ""
    extra_holidays: tuple[date, ...] = ()
    extra_working_days: tuple[date, ...] = ()

    def is_working_day(self, day: date) -> bool:
        """What the company says of a day stands before weekends and public holidays."""
        if day in self.extra_working_days:
            return True
        return (
            day.weekday() < SATURDAY and day not in self.extra_holidays and day not in _holidays(self.country, self.subdivision, day.year)
        )


@lru_cache(maxsize=1_000)
def _holidays(country: str, subdivision: str, year: int) -> frozenset[date]:
    """The public holidays of a year; none where no country is named."""
    if not country:
        return frozenset()
    return frozenset(holidays.country_holidays(country, subdiv=subdivision or None, years=year))


@lru_cache(maxsize=1)
def _countries() -> dict[str, list[str]]:
    return holidays.list_supported_countries(include_aliases=False)


def unknown(country: str, subdivision: str) -> tuple[str, str] | None:
    """(field, what to do) where the holidays of this place are not known; None where they are."""
    if not country:
        return ("country", "Name the country too: a subdivision belongs to one.") if subdivision else None
    known = _countries().get(country)
    if known is None:
        return "country", f"{country!r} is no country whose holidays are known. Use two capital letters (ISO 3166-1), such as AT or DE."
    if subdivision and subdivision not in known:
        return "subdivision", f"{country} has no subdivision {subdivision!r}; it has {', '.join(known) or 'none'}. Or leave it empty."
    return None


@lru_cache(maxsize=10_000)
def due_on(delivery_date: date, days: int, calendar: Calendar | None) -> date:
    """The first day on which a reminder is due: the day after delivery date + `days`, for that day itself must have passed.

    With a calendar, `days` are its working days, counted from the first one after the delivery date; without one, all days count.
    With 0 days it is the day after the delivery date, working day or not.
    """
    try:
        day = delivery_date if calendar else delivery_date + days * DAY
        for _ in range(days if calendar else 0):
            day = _next(day, DAY, calendar)
        return day + DAY
    except OverflowError:
        return date.max


@lru_cache(maxsize=10_000)
def due_until(today: date, days: int, calendar: Calendar | None) -> date:
    """The latest delivery date whose reminder after `days` is due by this day: due_on(it) ≤ today, and no later one's is."""
    try:
        if not calendar:
            return today - (days + 1) * DAY
        day = today
        for _ in range(days):
            day = _next(day, -DAY, calendar)
        return day - DAY
    except OverflowError:
        return date.min


def _next(day: date, step: timedelta, calendar: Calendar | None) -> date:
    """The nearest working day after this one, or before it."""
    day += step
    while calendar and not calendar.is_working_day(day):
        day += step
    return day
