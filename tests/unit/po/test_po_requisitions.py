"""What becomes of a contract's open items when orders are generated."""

from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest

from po_service.domain.contracts import Contract
from po_service.domain.directory import Company
from po_service.domain.requisitions import Item, Trade, generate
from postroom.contracts import cloudevents, topics
from postroom.contracts.purchasing import MinimumOrderValueNotReached

AT, TODAY = datetime(2026, 11, 23, 9, tzinfo=UTC), date(2026, 11, 23)
CONTRACT = Contract("demo", "c1", "RV-77", "acme", "paula", minimum_order_value=Decimal(100), currency="EUR", supplier="nordwind")
ACME = Company("demo", "acme", "client", "Acme", endpoints=("0088:1",))
NORDWIND = Company("demo", "nordwind", "supplier", "Nordwind", endpoints=("0088:2",))
TRADE = Trade(CONTRACT, ACME, NORDWIND, 3)


def item(id_: str, net: str, requester: str = "anna", **more: object) -> Item:
    made = Item("demo", id_, "c1", requester, f"Item {id_}", Decimal(2), "EA", Decimal(net), "EUR", AT)
    return replace(made, **more)  # type: ignore[arg-type] # a test's own


@pytest.mark.parametrize(
    ("nets", "minimum", "expected"),
    [
        ([], "100", "nothing"),
        (["0", "0"], "100", "nothing"),
        (["0"], None, "nothing"),
        (["0.01"], "100", "below-minimum"),
        (["60", "39.99"], "100", "below-minimum"),
        (["60", "40.00"], "100", "ordered"),
        (["60", "60"], "100", "ordered"),
        (["1"], None, "ordered"),
        (["1"], "0", "ordered"),
    ],
)
def test_total_and_minimum(nets: list[str], minimum: str | None, expected: str) -> None:
    contract = replace(CONTRACT, minimum_order_value=Decimal(minimum) if minimum else None)
    items = [item(str(number), net) for number, net in enumerate(nets)]
    outcome = generate("run", replace(TRADE, contract=contract), items, TODAY, "paula")
    assert (outcome.outcome, bool(outcome.events)) == (expected, expected == "below-minimum")


def test_an_order_of_all_items_each_a_line_of_its_requester() -> None:
    items = [item("a", "60"), item("b", "50", "ben", delivery_date=date(2026, 12, 1))]
    order = generate("run", TRADE, items, TODAY, "paula").order
    assert order is not None
    assert (order.number, order.supplier, order.buyer, order.currency, order.contract) == ("RV-77-3", "nordwind", "acme", "EUR", "c1")
    assert [(line.line, line.item, line.ordered_by, line.net, order.delivery_date(line)) for line in order.lines] == [
        ("1", "Item a", "anna", Decimal(60), None),
        ("2", "Item b", "ben", Decimal(50), date(2026, 12, 1)),
    ]
    assert order.contacts == (("paula", "buyer"), ("anna", "originator"), ("ben", "originator"))


def test_below_the_minimum_all_open_items_are_told_with_their_requesters() -> None:
    outcome = generate("run", TRADE, [item("a", "60"), item("b", "20", "ben")], TODAY, "paula")
    (event,) = outcome.events
    fact = event.data
    assert isinstance(fact, MinimumOrderValueNotReached)
    assert (fact.run, str(fact.minimum), str(fact.total), fact.currency, fact.purchaser_contact) == ("run", "100", "80", "EUR", "paula")
    assert (fact.order.number, fact.order.supplier, fact.order.contract_number) == ("RV-77-3", "Nordwind", "RV-77")
    assert [(one.item, one.requester, str(one.net)) for one in fact.items] == [("a", "anna", "60"), ("b", "ben", "20")]
    assert (event.key, event.company, event.actor) == (fact.order.id, "acme", "paula")


def test_thousands_of_items_are_told_in_several_events_that_fit() -> None:
    items = [item(f"{number}", "0.01", name="€" * 200) for number in range(2_100)]
    events = generate("run", TRADE, items, TODAY, None).events
    assert [one.item for event in events for one in event.data.items] == [one.id for one in items]  # type: ignore[attr-defined]
    assert len({event.id for event in events}) == len(events) > 2
    assert all(len(cloudevents.encode(event)[1]) <= topics.of_fact(event.type).max_bytes for event in events)


@pytest.mark.parametrize(
    ("trade", "nets", "code", "field"),
    [
        (replace(TRADE, supplier=None), ["100"], "supplier_missing", "supplier"),
        (replace(TRADE, contract=replace(CONTRACT, currency="CHF")), ["1"], "currency_differs", "currency"),
    ],
)
def test_what_cannot_be_ordered_says_why(trade: Trade, nets: list[str], code: str, field: str) -> None:
    outcome = generate("run", trade, [item("a", net) for net in nets], TODAY, None)
    assert outcome.outcome == "refused"
    assert outcome.refusal is not None
    assert (outcome.refusal[0], outcome.refusal[2]) == (code, field)


def test_below_the_minimum_a_contract_without_a_supplier_is_told_too() -> None:
    assert generate("run", replace(TRADE, supplier=None), [item("a", "1")], TODAY, None).outcome == "below-minimum"


def test_a_contract_of_the_longest_number_has_an_order_whose_number_fits() -> None:
    order = generate("run", replace(TRADE, contract=replace(CONTRACT, number="N" * 200)), [item("a", "1")], TODAY, None).order
    assert order is not None
    assert len(order.number) <= 200
