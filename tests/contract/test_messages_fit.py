"""What po-service tells in one event, a message can tell whole: it repeats the event's facts, and names what it is about."""

from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from tests.unit.rules.rules_support import decided, directory, person

from notification_rules.domain import letters
from notification_rules.handlers.batch import MOST_CLAIMS
from po_service.domain import catalogs, receipts, reminders
from po_service.domain.calendars import Calendar
from po_service.domain.catalogs import Catalog
from po_service.domain.contracts import Contract
from po_service.domain.directory import Company
from po_service.domain.orders import Line, Order, Quantity, Receipt
from po_service.domain.requisitions import Item, Trade, generate
from postroom.contracts import cloudevents, ids, topics
from postroom.contracts.event import Event

AT, TODAY, DUE = datetime(2026, 11, 23, 9, tzinfo=UTC), date(2026, 11, 23), date(2026, 11, 2)
PEOPLE = directory(person("anna"), person("paula"))
CONTRACT = Contract("demo", "c1", "C1", "acme", "paula", first_reminder=0, currency="EUR", minimum_order_value=Decimal(10**9))
ORDER = Order(
    ids.stable("order"), "demo", "4711", DUE, "acme", "Acme", "0088:1", "paula", "nord", "Nordwind", "0088:2", "EUR", "c1", "C1", "", "",
    None, None, lines=(),
)  # fmt: skip
# Such as a catalogue's, a German one's with many words, one in Greek; and numbers in which a path writes each character as three.
NAMES, NUMBERS = ["x", "x" * 100, "x" * 250, "Ω" * 150], ["D-{}", "€{}" + "€" * 150, "%{}" + "%" * 150]


def messages(event: Event) -> int:
    """How many messages there are of it; each fits its topic."""
    assert len(cloudevents.encode(event)[1]) <= topics.of_fact(event.type).max_bytes
    asked = [letters.requested(one) for one in decided(event, PEOPLE).messages.values()]
    assert all(len(cloudevents.encode(one)[1]) <= topics.of_fact(one.type).max_bytes for one in asked)
    return len(asked)


@pytest.mark.parametrize("number", NUMBERS)
@pytest.mark.parametrize("name", NAMES)
def test_prices_that_end_by_the_thousand(name: str, number: str) -> None:
    catalog = Catalog("demo", ids.stable("catalog"), "Tools", managers=("anna",), version=4, supplier_name="Nordwind")
    items = [catalogs.Item(number.format(n), name, "", Decimal("12.50"), "EUR", "EA", None, DUE) for n in range(1_000)]
    events = catalogs.expired(catalog, items)
    assert sum(map(messages, events)) == len(events)
    assert [one.item for event in events for one in event.data.changes] == [one.item for one in items]  # type: ignore[attr-defined]


@pytest.mark.parametrize(("managers", "expected"), [(0, 1), (50, 1), (51, 2), (200, 4)])
def test_prices_that_end_by_the_thousand_with_many_to_tell(managers: int, expected: int) -> None:
    catalog = Catalog("demo", "cat", "Tools", managers=tuple(f"manager-{n}" for n in range(managers)))
    events = catalogs.expired(catalog, [catalogs.Item(str(n), "Drill", valid_until=DUE) for n in range(1_000)])
    assert max(len(event.data.changes) for event in events) * managers <= MOST_CLAIMS  # type: ignore[attr-defined]
    assert len(events) == expected


@pytest.mark.parametrize("number", NUMBERS)
@pytest.mark.parametrize("name", NAMES)
def test_lines_to_remind_of_and_items_below_the_minimum(name: str, number: str) -> None:
    lines = [
        Line(number.format(n), name, "", "", "", Decimal(9), "EA", None, Decimal(1), None, "anna", estimated=DUE) for n in range(1_000)
    ]
    option = reminders.Option(CONTRACT, Calendar(), "UTC")
    overdue = [*reminders.overdue(replace(ORDER, lines=tuple(lines)), option, 1, lines, TODAY, {})]
    assert sum(map(messages, overdue)) == len(overdue) > 0
    items = [Item("demo", number.format(n), "c1", "anna", name, Decimal(9), "EA", Decimal(1), "EUR", AT) for n in range(1_000)]
    below = generate("run", Trade(CONTRACT, Company("demo", "acme", "client", "Acme"), None, 3), items, TODAY, None).events
    assert sum(map(messages, below)) == 2 * len(below) > 0


def test_a_receipt_as_long_as_an_event_may_be() -> None:
    """It is told whole, with its items' names cut."""

    def received(names: int, first: int) -> Event:
        items = ["x" * (names + first), *["x" * names] * 1_999]
        lines = tuple(Line(str(n), item, "", "", "", Decimal(9), "EA", None, Decimal(1), None, "anna") for n, item in enumerate(items))
        receipt = Receipt("r1", "automatic", "n1", AT, None, None, tuple(Quantity(line.line, Decimal(9), "EA") for line in lines))
        return receipts.goods_received(replace(ORDER, lines=lines), receipt, None)

    room = topics.EVENT_BYTES - len(cloudevents.encode(received(0, 0))[1])
    assert messages(received(*divmod(room, 2_000))) == 1
