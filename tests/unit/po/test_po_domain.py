"""The pure decisions about deliveries, receipts, budgets and status."""

from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest

from po_service.domain import budgets, notes, receipts
from po_service.domain.contracts import Contract
from po_service.domain.orders import Line, Order, Quantity, status

AT = datetime(2026, 11, 23, 23, 30, tzinfo=UTC)


def line(number: str, quantity: int = 10) -> Line:
    return Line(number, f"Item {number}", "", "", "", Decimal(quantity), "EA", None, Decimal(1), None, "anna")


ORDER = Order(
    "o1", "demo", "4711", date(2026, 11, 1), "buyer", "Buyer", "0088:1", "karin", "seller", "Seller", "0088:2", "EUR", "c1", "C1", "", "",
    None, date(2026, 11, 20), lines=(line("1"), line("2")),
)  # fmt: skip
CONTRACT = Contract("demo", "c1", "C1", "buyer", "paula", automatic_receipt=True, complaint_days=14)


def q(number: str, quantity: int, outstanding: int | None = None, unit: str = "EA") -> Quantity:
    return Quantity(number, Decimal(quantity), unit, outstanding=None if outstanding is None else Decimal(outstanding))


@pytest.mark.parametrize(
    ("lines", "announced", "right"),
    [
        ([q("1", 10)], False, True),
        ([q("1", 8)], False, False),
        ([q("1", 8, 2)], True, False),
        ([q("1", 8, 1)], False, False),
        ([q("1", 8, 2), q("2", 10)], True, False),
        ([q("1", 8, 2), q("2", 11)], False, False),
        ([q("1", 10, unit="KGM")], False, False),
        ([q("9", 1)], False, False),
        ([q("1", 6), q("1", 4)], False, True),
        ([q("1", 6, 1), q("1", 2, 1)], True, False),
    ],
)
def test_a_note_is_right_wrong_or_an_announced_part(lines: list[Quantity], announced: bool, right: bool) -> None:  # noqa: FBT001 - a table
    note = notes.note_of(ORDER, "N1", lines, origin="despatch-advice", at=AT)
    booked = receipts.automatic_receipt(notes.record(ORDER, note), note, CONTRACT, "UTC", AT)
    assert (note.partial_announced, booked is not None) == (announced, right)


def test_the_rest_after_a_part_is_right() -> None:
    first = notes.note_of(ORDER, "N1", [q("1", 8)], origin="despatch-advice", at=AT)
    order = notes.record(ORDER, first)
    rest = notes.note_of(order, "N2", [q("1", 2)], origin="despatch-advice", at=AT)
    order = notes.record(order, rest)
    assert not any(notes.differs(order, rest.position, one) for one in rest.lines)
    assert order.delivered("1", "EA") == Decimal(10)
    assert not order.fully_delivered


def test_the_last_day_to_complain_is_counted_in_the_buyers_zone() -> None:
    assert receipts.complaint_until(CONTRACT, "Europe/Vienna", AT) == date(2026, 12, 8)
    assert receipts.complaint_until(CONTRACT, "UTC", AT) == date(2026, 12, 7)


def test_a_contract_without_automatic_receipt_books_nothing() -> None:
    note = notes.note_of(ORDER, "N1", [q("1", 10)], origin="despatch-advice", at=AT)
    order = notes.record(ORDER, note)
    assert receipts.automatic_receipt(order, note, replace(CONTRACT, automatic_receipt=False), "UTC", AT) is None
    assert receipts.automatic_receipt(order, note, None, "UTC", AT) is None


@pytest.mark.parametrize(
    ("estimated", "delivered", "cancelled", "expected"),
    [
        (date(2026, 12, 1), False, False, "active"),
        (date(2026, 11, 30), False, False, "expiring-soon"),
        (date(2026, 11, 23), False, False, "expiring-soon"),
        (date(2026, 11, 22), False, False, "overdue"),
        (date(2026, 11, 22), True, False, "delivered"),
        (date(2026, 11, 22), True, True, "cancelled"),
        (None, False, False, "active"),
    ],
)
def test_the_status_is_derived(estimated: date | None, delivered: bool, cancelled: bool, expected: str) -> None:  # noqa: FBT001 - a table
    assert status(date(2026, 11, 23), estimated, delivered=delivered, cancelled=cancelled) == expected


@pytest.mark.parametrize(
    ("end", "value", "expected"),
    [
        (date(2026, 11, 22), "1", ["date"]),
        (date(2026, 11, 23), "1", []),
        (date(2026, 11, 23), "0", ["exhausted"]),
        (date(2026, 11, 22), "-1", ["date", "exhausted"]),
    ],
)
def test_why_a_budget_has_run_out(end: date, value: str, expected: list[str]) -> None:
    budget = budgets.Budget(
        "demo", "b", None, "B", "user", "", date(2026, 1, 1), end, Decimal(10), Decimal(value), "EUR"
    )  # fmt: skip
    assert budgets.reasons(budget, date(2026, 11, 23)) == expected
    events = [budgets.expired(budget, reason) for reason in expected]
    assert [event.id for event in events] == [budgets.expired(budget, reason).id for reason in expected]
