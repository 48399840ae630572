"""Which lines are due at which level, what a requester's note settles, and what is told of changed lines."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest

from po_service.domain import changes, notes, reminders
from po_service.domain.calendars import Calendar
from po_service.domain.contracts import Contract
from po_service.domain.orders import Line, Order, Quantity
from po_service.domain.reminders import Option
from postroom.contracts import cloudevents, topics
from postroom.contracts.purchasing import DeliveryNoteOverdue, OrderChanged

AT = datetime(2026, 11, 23, 9, tzinfo=UTC)
WEDNESDAY = date(2026, 11, 18)


def line(number: str, **changes: object) -> Line:
    made = Line(number, f"Item {number}", "", "", "", Decimal(10), "EA", None, Decimal(1), None, "anna", estimated=WEDNESDAY)
    return replace(made, **changes)  # type: ignore[arg-type] # a test's own


ORDER = Order(
    "o1", "demo", "4711", date(2026, 11, 1), "buyer", "Buyer", "0088:1", "karin", "seller", "Seller", "0088:2", "EUR", "c1", "C1", "", "",
    None, None, lines=(line("1"), line("2")),
)  # fmt: skip


def option(first: int | None = 0, second: int | None = 5, third: int | None = 10, calendar: str = "working-days") -> Option:
    contract = Contract(
        "demo", "c1", "C1", "buyer", "paula", first_reminder=first, second_reminder=second, third_reminder=third, reminder_calendar=calendar
    )
    return Option(contract, Calendar(), "UTC")


def levels(order: Order, chosen: Option, today: str, said: Sequence[int] = ()) -> list[int]:
    """The levels at which line 1 is due; `said` were raised before."""
    raised = {reminders.raised_key(order, order.lines[0], level) for level in said}
    due = reminders.due(order, chosen, date.fromisoformat(today), raised)
    return sorted(level for level, lines in due.items() if order.lines[0] in lines)


@pytest.mark.parametrize(
    ("chosen", "today", "said", "expected"),
    [
        (option(), "2026-11-18", [], []),
        (option(), "2026-11-19", [], [1]),
        (option(), "2026-11-19", [1], []),
        (option(), "2026-11-25", [1], []),
        (option(), "2026-11-26", [1], [2]),
        (option(), "2026-12-02", [1, 2], []),
        (option(), "2026-12-03", [1, 2], [3]),
        (option(), "2026-12-03", [1, 2, 3], []),
        # After an outage the first still goes out, and of second and third only the higher one due.
        (option(), "2026-11-27", [], [1, 2]),
        (option(), "2027-01-11", [], [1, 3]),
        (option(), "2027-01-11", [1], [3]),
        (option(), "2027-01-11", [1, 3], []),
        (option(), "2027-01-11", [3], [1]),
        # Each on its own; switched on later, due is due.
        (option(first=None), "2027-01-11", [], [3]),
        (option(third=None), "2027-01-11", [], [1, 2]),
        (option(second=None, third=None), "2027-01-11", [], [1]),
        (option(second=None), "2026-11-27", [1], []),
        (option(None, None, None), "2027-01-11", [], []),
        (option(), "2027-01-11", [2, 3], [1]),
        # Whoever was told of the third hears no second, also when the third was switched off meanwhile.
        (option(third=None), "2027-01-11", [1, 3], []),
        # A third that comes before the second settles it.
        (option(second=10, third=5), "2027-01-11", [1], [3]),
        (option(second=10, third=5), "2026-11-26", [1], [3]),
        (option(second=10, third=5), "2027-01-11", [1, 3], []),
        (option(calendar="calendar-days"), "2026-11-23", [1], []),
        (option(calendar="calendar-days"), "2026-11-24", [1], [2]),
    ],
)
def test_what_is_due_and_not_yet_raised(chosen: Option, today: str, said: list[int], expected: list[int]) -> None:
    assert levels(ORDER, chosen, today, said) == expected


def test_a_new_delivery_date_arms_all_levels_anew() -> None:
    said = {reminders.raised_key(ORDER, ORDER.lines[0], level) for level in (1, 2, 3)}
    moved = replace(ORDER, lines=(line("1", estimated=date(2026, 11, 20)),))
    assert reminders.due(moved, option(), date(2027, 1, 11), said) == {1: [moved.lines[0]], 3: [moved.lines[0]]}


@pytest.mark.parametrize(
    "order",
    [
        replace(ORDER, cancelled=True),
        replace(ORDER, contract=None),
        replace(ORDER, lines=(line("1", cancelled=True),)),
        replace(ORDER, lines=(line("1", noted=True),)),
        replace(ORDER, lines=(line("1", estimated=None),)),
    ],
)
def test_nobody_is_reminded_of_a_line_that_is_settled_or_has_no_date(order: Order) -> None:
    assert levels(order, option(), "2027-01-11") == []


def test_the_orders_own_date_holds_for_a_line_without_one() -> None:
    order = replace(ORDER, lines=(line("1", estimated=None),), requested_end=WEDNESDAY)
    assert levels(order, option(), "2026-11-19") == [1]


def recorded(order: Order, number: str, *lines: str, origin: str = "requester") -> Order:
    wanted = [Quantity(one, Decimal(3), "EA") for one in lines]
    return notes.record(order, notes.note_of(order, number, wanted, origin=origin, at=AT))


def noted(order: Order) -> list[str]:
    return [one.line for one in order.lines if one.noted]


def test_a_requesters_note_settles_the_lines_that_it_names_and_a_despatch_advice_none() -> None:
    assert noted(recorded(ORDER, "N1", "1", "2", origin="despatch-advice")) == []
    assert noted(recorded(ORDER, "N1", "1")) == ["1"]


def test_a_correction_takes_back_what_it_names_no_more_unless_another_note_does() -> None:
    order = recorded(recorded(ORDER, "N1", "1"), "N1", "2")
    assert noted(order) == ["2"]
    assert noted(recorded(recorded(recorded(ORDER, "N1", "1", "2"), "N2", "1"), "N1", "2")) == ["1", "2"]


def test_a_despatch_advice_under_the_number_of_the_requesters_note_undoes_nothing() -> None:
    order = recorded(recorded(ORDER, "N1", "1"), "N1", "2", origin="despatch-advice")
    assert noted(order) == ["1"]
    assert noted(recorded(order, "N1", "2")) == ["1", "2"]


def test_what_a_reminder_says() -> None:
    order = recorded(ORDER, "D1", "1", origin="despatch-advice")
    (event,) = reminders.overdue(order, option(), 2, order.lines, date(2026, 11, 27), {})
    fact = event.data
    assert isinstance(fact, DeliveryNoteOverdue)
    assert (fact.level, fact.as_of, fact.calendar, fact.purchaser_contact) == (2, date(2026, 11, 27), "working-days", "paula")
    assert fact.reminders.model_dump() == {"first": 0, "second": 5, "third": 10}
    assert (fact.order.number, fact.order.contract_number) == ("4711", "C1")
    assert [(one.line, one.ordered_by, one.delivery_date, one.due_on, one.open) for one in fact.lines] == [
        ("1", "anna", WEDNESDAY, date(2026, 11, 26), Decimal(7)),
        ("2", "anna", WEDNESDAY, date(2026, 11, 26), Decimal(10)),
    ]
    assert (event.key, event.subject, event.company) == ("o1", "o1", "buyer")


def test_more_came_than_was_ordered_and_nothing_is_open() -> None:
    order = replace(ORDER, lines=(line("1", quantity=Decimal(2)),))
    (event,) = reminders.overdue(recorded(order, "D1", "1", origin="despatch-advice"), option(), 1, order.lines, date(2026, 11, 27), {})
    assert isinstance(event.data, DeliveryNoteOverdue)
    assert event.data.lines[0].open == 0


@pytest.mark.parametrize(("item", "events"), [("x", 3), ("€" * 4_000, 25)])
def test_long_lists_are_told_in_several_events_that_fit(item: str, events: int) -> None:
    lines = tuple(line(str(number), item=item) for number in range(400 if item != "x" else 2_500))
    told = list(reminders.overdue(replace(ORDER, lines=lines), option(), 1, lines, date(2026, 11, 27), {}))
    assert len(told) == events
    assert len({event.id for event in told}) == events
    assert [one.line for event in told for one in event.data.lines] == [one.line for one in lines]  # type: ignore[attr-defined]
    limit = topics.of_fact("DeliveryNoteOverdue.v1").max_bytes
    assert all(len(cloudevents.encode(event)[1]) <= limit for event in told)


def told_of(before: Order, after: Order) -> list[tuple[str, date | None, bool]]:
    facts = [event.data for event in changes.order_changed(before, after, None)]
    return [(one.line, one.delivery_date, one.cancelled) for fact in facts if isinstance(fact, OrderChanged) for one in fact.lines]


LATER = date(2026, 12, 1)


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        (ORDER, ORDER, []),
        (ORDER, replace(ORDER, lines=(line("1", quantity=Decimal(8)), line("2", noted=True))), []),
        (ORDER, replace(ORDER, lines=(line("1", estimated=LATER), line("2"))), [("1", LATER, False)]),
        (ORDER, replace(ORDER, lines=(line("1"), line("2", cancelled=True))), [("2", WEDNESDAY, True)]),
        (ORDER, replace(ORDER, cancelled=True), [("1", WEDNESDAY, True), ("2", WEDNESDAY, True)]),
        (replace(ORDER, cancelled=True), replace(ORDER, cancelled=True, lines=(line("1", estimated=LATER),)), []),
        (ORDER, replace(ORDER, lines=(*ORDER.lines, line("3"))), []),
        # The order's own date moves the lines that have none.
        (
            replace(ORDER, requested_end=WEDNESDAY, lines=(line("1", estimated=None), line("2"))),
            replace(ORDER, requested_end=LATER, lines=(line("1", estimated=None), line("2"))),
            [("1", LATER, False)],
        ),
        (ORDER, replace(ORDER, lines=(line("1", estimated=None), line("2"))), [("1", None, False)]),
    ],
)
def test_exactly_the_lines_that_were_cancelled_or_moved_are_told(
    before: Order, after: Order, expected: list[tuple[str, date | None, bool]]
) -> None:
    assert told_of(before, after) == expected


def test_an_order_of_thousands_of_lines_is_cancelled_in_several_events() -> None:
    lines = tuple(line(str(number)) for number in range(4_500))
    events = changes.order_changed(replace(ORDER, lines=lines), replace(ORDER, lines=lines, cancelled=True), None)
    assert len(events) == len({event.id for event in events}) == 3
    assert len(told_of(replace(ORDER, lines=lines), replace(ORDER, lines=lines, cancelled=True))) == 4_500
