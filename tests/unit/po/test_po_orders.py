"""What a list shows of an order follows from its lines, notes and receipts."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import get_args

import pytest

from po_service.domain import notes
from po_service.domain.orders import Line, Order, Quantity, Status, standing, status

TODAY, AT = date(2026, 11, 23), datetime(2026, 11, 23, tzinfo=UTC)
EARLY, LATE = date(2026, 11, 25), date(2026, 12, 1)


def line(number: str, estimated: date | None, net: str | None = "5.50") -> Line:
    quantity, amount = Decimal(10), None if net is None else Decimal(net)
    return Line(number, "Item", "", "", "", quantity, "EA", None, Decimal(1), amount, "anna", estimated=estimated)


ORDER = Order(
    "o1", "demo", "4711", date(2026, 11, 1), "buyer", "Buyer", "0088:1", None, "seller", "Seller", "0088:2", "EUR", None, "", "", "",
    None, None, lines=(line("1", EARLY), line("2", LATE)),
)  # fmt: skip


def delivered(order: Order, unit: str = "EA", **quantities: int) -> Order:
    """The order with one note more, by line: l1=4."""
    lines = [Quantity(name[1:], Decimal(quantity), unit) for name, quantity in quantities.items()]
    return notes.record(order, notes.note_of(order, f"N{len(order.notes)}", lines, origin="requester", at=AT))


def cancelled(order: Order, *numbers: str) -> Order:
    return replace(order, lines=tuple(replace(one, cancelled=one.line in numbers) for one in order.lines))


@pytest.mark.parametrize(
    ("order", "backorder", "next_date"),
    [
        (ORDER, False, EARLY),
        (delivered(ORDER, l1=10), True, LATE),
        (delivered(ORDER, l2=1), True, EARLY),
        (delivered(delivered(ORDER, l1=4), l1=6, l2=10), False, None),
        (delivered(ORDER, l1=11, l2=12), False, None),
        (delivered(ORDER, unit="KGM", l1=10), False, EARLY),
        (delivered(ORDER, l9=1), False, EARLY),
        (delivered(ORDER, l1=0), False, EARLY),
        (cancelled(delivered(ORDER, l1=10), "2"), False, None),
        (cancelled(delivered(ORDER, l1=4), "1"), False, LATE),
        (cancelled(ORDER, "1", "2"), False, None),
        (replace(delivered(ORDER, l1=4), cancelled=True), False, None),
    ],
    ids=["nothing", "a line", "a part", "all in two", "too much", "unit", "line", "zero", "rest gone", "part gone", "all gone", "order"],
)  # fmt: skip
def test_a_backorder_has_something_there_and_something_open(order: Order, backorder: bool, next_date: date | None) -> None:  # noqa: FBT001 - a table
    assert (order.backorder, order.next_date) == (backorder, next_date)
    assert not (order.backorder and order.fully_delivered)


def test_the_total_is_of_the_lines_that_stand_and_unknown_where_one_is() -> None:
    assert ORDER.net_total == Decimal("11.00")
    assert cancelled(ORDER, "2").net_total == Decimal("5.50")
    assert replace(ORDER, lines=(*ORDER.lines, line("3", None, net=None))).net_total is None
    assert replace(ORDER, lines=()).net_total is None


@pytest.mark.parametrize("today", [TODAY, date(2028, 2, 29)])
def test_an_order_is_found_by_the_status_that_it_shows_and_by_no_other(today: date) -> None:
    days = [None, *(today + timedelta(days=days) for days in (-400, -1, 0, 1, 6, 7, 8, 400))]
    for estimated in days:
        for is_delivered, is_cancelled in ((False, False), (True, False), (False, True), (True, True)):
            shown = status(today, estimated, delivered=is_delivered, cancelled=is_cancelled)
            found = [one for one in get_args(Status) if _finds(one, today, estimated, is_delivered=is_delivered, is_cancelled=is_cancelled)]
            assert found == [shown], (estimated, is_delivered, is_cancelled)


def _finds(wanted: Status, today: date, estimated: date | None, *, is_delivered: bool, is_cancelled: bool) -> bool:
    """As store/views.py asks it."""
    stand = standing(wanted, today)
    if stand.cancelled != is_cancelled or stand.delivered not in (None, is_delivered):
        return False
    if estimated is None:
        return stand.undated or (stand.first is None and stand.last is None)
    return (stand.first is None or estimated >= stand.first) and (stand.last is None or estimated <= stand.last)
