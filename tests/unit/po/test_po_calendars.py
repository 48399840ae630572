"""Working days, and the day from which a reminder is due."""

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from po_service.domain import calendars
from po_service.domain.calendars import Calendar, due_on, due_until

AUSTRIA, GERMANY, NOWHERE = Calendar("AT"), Calendar("DE"), Calendar()
DAY = timedelta(days=1)


def day(text: str) -> date:
    return date.fromisoformat(text)


@pytest.mark.parametrize(
    ("delivery_date", "days", "calendar", "expected"),
    [
        # "when the delivery date has passed": the day after it, also when that is a Saturday.
        ("2026-11-18", 0, NOWHERE, "2026-11-19"),
        ("2026-11-20", 0, NOWHERE, "2026-11-21"),
        ("2026-11-18", 0, None, "2026-11-19"),
        # Five working days from a Wednesday: Thu, Fri, Mon, Tue, Wed; from the day after on.
        ("2026-11-18", 5, NOWHERE, "2026-11-26"),
        ("2026-11-18", 5, None, "2026-11-24"),
        # From a weekend the first working day is the Monday.
        ("2026-11-21", 1, NOWHERE, "2026-11-24"),
        ("2026-11-22", 1, NOWHERE, "2026-11-24"),
        # 26 October is a holiday in Austria, not in Germany; 3 October, on a Thursday in 2024, in Germany alone.
        ("2026-10-23", 1, AUSTRIA, "2026-10-28"),
        ("2026-10-23", 1, GERMANY, "2026-10-27"),
        ("2024-10-02", 1, AUSTRIA, "2024-10-04"),
        ("2024-10-02", 1, GERMANY, "2024-10-05"),
        # Over Christmas and into another year's holidays: 28-31 December, then 4, 5 and 7 January (the 6th is Epiphany).
        ("2026-12-24", 7, AUSTRIA, "2027-01-08"),
        ("2026-12-24", 7, GERMANY, "2027-01-07"),
        # A subdivision's own holiday: Epiphany in Bavaria, not in Berlin.
        ("2026-01-05", 1, Calendar("DE", "BY"), "2026-01-08"),
        ("2026-01-05", 1, Calendar("DE", "BE"), "2026-01-07"),
        # What the company says stands before both.
        ("2026-11-18", 1, Calendar(extra_holidays=(day("2026-11-19"),)), "2026-11-21"),
        ("2026-11-20", 1, Calendar(extra_working_days=(day("2026-11-21"),)), "2026-11-22"),
        ("2026-10-23", 1, Calendar("AT", extra_working_days=(day("2026-10-26"),)), "2026-10-27"),
    ],
)
def test_due_from_the_day_after_the_delivery_date_and_so_many_days(
    delivery_date: str, days: int, calendar: Calendar | None, expected: str
) -> None:
    assert due_on(day(delivery_date), days, calendar) == day(expected)


@given(
    today=st.dates(date(2020, 1, 1), date(2035, 12, 31)),
    days=st.integers(0, 40),
    calendar=st.sampled_from([None, NOWHERE, AUSTRIA, GERMANY, Calendar("DE", "BY"), Calendar(extra_working_days=(date(2026, 11, 21),))]),
)
def test_what_is_due_until_a_day_is_due_by_it_and_nothing_later_is(today: date, days: int, calendar: Calendar | None) -> None:
    latest = due_until(today, days, calendar)
    assert due_on(latest, days, calendar) <= today < due_on(latest + DAY, days, calendar)


def test_the_ends_of_the_calendar() -> None:
    assert due_on(date.max, 0, NOWHERE) == due_on(date.max - DAY, 5, AUSTRIA) == due_on(date.max, 5, None) == date.max
    assert due_until(date.min, 0, NOWHERE) == due_until(date.min, 5, AUSTRIA) == due_until(date.min, 5, None) == date.min


@pytest.mark.parametrize(
    ("country", "subdivision", "field", "says"),
    [
        ("XX", "", "country", "AT or DE"),
        ("at", "", "country", "two capital letters"),
        ("AT", "BY", "subdivision", "it has 1, 2, 3"),
        ("", "9", "country", "Name the country too"),
    ],
)
def test_a_place_whose_holidays_are_not_known_is_named_with_the_way_out(country: str, subdivision: str, field: str, says: str) -> None:
    wrong = calendars.unknown(country, subdivision)
    assert wrong is not None
    assert wrong[0] == field
    assert says in wrong[1]


@pytest.mark.parametrize("place", [("", ""), ("AT", ""), ("AT", "9"), ("DE", "BY")])
def test_a_place_whose_holidays_are_known(place: tuple[str, str]) -> None:
    assert calendars.unknown(*place) is None


def test_a_years_holidays_are_reckoned_once() -> None:
    before = calendars._holidays.cache_info().misses
    for number in range(400):
        due_on(date(2031, 3, 3) + number % 9 * DAY, number, Calendar("FR"))
    assert calendars._holidays.cache_info().misses - before <= 3
