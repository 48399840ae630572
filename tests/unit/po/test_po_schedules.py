"""When templates and quantity requests are due, and what a change does to what was due before."""

from dataclasses import replace
from datetime import date, timedelta
from itertools import islice

import pytest
from hypothesis import given
from hypothesis import strategies as st

from po_service.domain import templates
from po_service.domain.schedules import Schedule, occurrences
from po_service.domain.templates import Template

TODAY = date(2026, 11, 23)
DAILY = Schedule(date(2026, 11, 1), "day")
TEMPLATE = Template("demo", "T1", "template", "Paper", "acme", schedule=DAILY)


def days(schedule: Schedule, since: str, most: int = 4) -> list[str]:
    return [day.isoformat() for day in islice(occurrences(schedule, date.fromisoformat(since)), most)]


@pytest.mark.parametrize(
    ("schedule", "since", "expected"),
    [
        (Schedule(date(2026, 11, 23), "once"), "2026-11-01", ["2026-11-23"]),
        (Schedule(date(2026, 11, 23), "once"), "2026-11-24", []),
        (Schedule(date(2026, 11, 23), "day"), "2026-11-01", ["2026-11-23", "2026-11-24", "2026-11-25", "2026-11-26"]),
        (Schedule(date(2026, 11, 23), "day", 3), "2026-11-24", ["2026-11-26", "2026-11-29", "2026-12-02", "2026-12-05"]),
        (Schedule(date(2026, 11, 23), "week", 2), "2026-11-24", ["2026-12-07", "2026-12-21", "2027-01-04", "2027-01-18"]),
        (Schedule(date(2026, 1, 31), "month"), "2026-01-31", ["2026-01-31", "2026-02-28", "2026-03-31", "2026-04-30"]),
        (Schedule(date(2027, 12, 30), "month", 2), "2028-01-01", ["2028-02-29", "2028-04-30", "2028-06-30", "2028-08-30"]),
        (Schedule(date(2024, 2, 29), "month", 12), "2024-03-01", ["2025-02-28", "2026-02-28", "2027-02-28", "2028-02-29"]),
        (Schedule(date(2026, 1, 31), "month"), "2026-03-01", ["2026-03-31", "2026-04-30", "2026-05-31", "2026-06-30"]),
        (Schedule(date(2026, 1, 31), "month"), "2026-02-28", ["2026-02-28", "2026-03-31", "2026-04-30", "2026-05-31"]),
        (Schedule(date(9999, 12, 30), "day"), "9999-12-01", ["9999-12-30", "9999-12-31"]),
        (Schedule(date(9999, 11, 30), "month"), "9999-12-01", ["9999-12-30"]),
        (Schedule(date(1, 1, 1), "week", 1000), "9999-12-31", []),
    ],
)
def test_the_days_of_a_schedule(schedule: Schedule, since: str, expected: list[str]) -> None:
    assert days(schedule, since) == expected


@given(
    st.dates(date(2000, 1, 1), date(2040, 1, 1)),
    st.sampled_from(["day", "week", "month"]),
    st.integers(1, 30),
    st.integers(0, 900),
)
def test_beginning_later_finds_the_same_days(first: date, every: str, interval: int, later: int) -> None:
    schedule, since = Schedule(first, every, interval), first + timedelta(days=later)
    whole = [day for day in islice(occurrences(schedule, first), later + 2) if day >= since]
    assert list(islice(occurrences(schedule, since), len(whole))) == whole


def test_each_day_up_to_today_is_found_once() -> None:
    made = templates.counting(TEMPLATE, date(2026, 11, 20))
    found = templates.due(made, TODAY)
    assert found == [date(2026, 11, day) for day in (20, 21, 22, 23)]
    after = templates.looked_at(made, found)
    assert (templates.due(after, TODAY), after.next_due) == ([], date(2026, 11, 24))


def test_a_scan_that_looks_far_ahead_goes_on_where_it_stopped() -> None:
    made, found = templates.counting(TEMPLATE, TODAY), []
    for _ in range(3):
        found += (now := templates.due(made, date(2028, 11, 23)))
        made = templates.looked_at(made, now)
    assert found == [TODAY + timedelta(days=number) for number in range(732)]


def test_the_last_day_of_the_calendar() -> None:
    last = templates.counting(replace(TEMPLATE, schedule=Schedule(date.max, "day")), TODAY)
    assert templates.looked_at(last, templates.due(last, date.max)).next_due is None


@pytest.mark.parametrize(
    "changes",
    [
        {"schedule": None},
        {"active": False},
        {"withdrawn": True},
        {"valid_until": date(2026, 11, 22)},
        {"schedule": Schedule(date(2026, 11, 22), "once")},
    ],
)
def test_what_is_due_no_more(changes: dict[str, object]) -> None:
    assert templates.counting(replace(TEMPLATE, **changes), TODAY).next_due is None  # type: ignore[arg-type]


def test_both_ends_of_the_validity_are_valid() -> None:
    valid = replace(TEMPLATE, valid_from=date(2026, 11, 25), valid_until=date(2026, 11, 26))
    assert templates.due(templates.counting(valid, TODAY), date.max) == [date(2026, 11, 25), date(2026, 11, 26)]


def changed(**wanted: object) -> tuple[Template | None, list[date]]:
    """A daily template, looked at three days ago for the last time, as it is wanted now."""
    known = templates.counting(TEMPLATE, date(2026, 11, 21))
    new = replace(TEMPLATE, **wanted)  # type: ignore[arg-type]
    return templates.put(known, new, TODAY), templates.missed(known, new, TODAY)


def test_another_schedule_counts_from_today_and_what_was_due_before_is_not_lost() -> None:
    written, missed = changed(schedule=Schedule(date(2026, 11, 2), "week"))
    assert written
    assert (written.next_due, written.version, missed) == (TODAY, 2, [date(2026, 11, 21), date(2026, 11, 22)])


def test_another_name_changes_no_day() -> None:
    written, missed = changed(name="Envelopes")
    assert written
    assert (written.next_due, missed) == (date(2026, 11, 21), [])


def test_switched_off_it_is_due_no_more_and_on_again_from_that_day() -> None:
    off, missed = changed(active=False)
    assert off
    assert (off.next_due, missed) == (None, [])
    on = templates.put(off, TEMPLATE, TODAY + timedelta(days=9))
    assert on
    assert (on.next_due, templates.missed(off, TEMPLATE, TODAY + timedelta(days=9))) == (date(2026, 12, 2), [])


def test_the_same_again_changes_nothing() -> None:
    assert changed() == (None, [])
