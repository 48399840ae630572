"""Days as a person counts them: zones, working days, and the holidays of two countries, copied from their calendars."""

from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

DAY = timedelta(days=1)
# Public holidays within the simulated days, from the countries' own lists: a date, not a rule, so that nothing is reckoned twice.
AUSTRIA = {
    date(2026, 10, 26),
    date(2026, 11, 1),
    date(2026, 12, 8),
    date(2026, 12, 25),
    date(2026, 12, 26),
    date(2027, 1, 1),
    date(2027, 1, 6),
}
NEW_ZEALAND = {
    date(2026, 10, 26),
    date(2026, 12, 25),
    date(2026, 12, 26),
    date(2026, 12, 28),
    date(2027, 1, 1),
    date(2027, 1, 2),
    date(2027, 1, 4),
}


def today(moment: datetime, zone: str) -> date:
    """The day it is there."""
    return moment.astimezone(ZoneInfo(zone)).date()


def has_passed(delivery_date: date, days: int, today_: date, holidays: set[date] | None) -> bool:
    """ "the delivery date has passed", and N days more: working days where holidays are given, else all days."""
    last = delivery_date
    for _ in range(days):
        last += DAY
        while holidays is not None and (last.weekday() >= 5 or last in holidays):  # Saturday, Sunday
            last += DAY
    return today_ > last


def months_later(first: date, months: int) -> date:
    """The same day so many months later; the month's last day where it has no such day."""
    year, month = divmod(first.year * 12 + first.month - 1 + months, 12)
    for day in range(first.day, 27, -1):
        try:
            return date(year, month + 1, day)
        except ValueError:
            continue
    return date(year, month + 1, first.day)
