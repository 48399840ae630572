"""What a change of a catalog's items is, and how it is told."""

from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from po_service.domain import catalogs
from po_service.domain.catalogs import Catalog, Item, compare
from postroom.contracts import cloudevents, topics
from postroom.contracts.catalogs import CatalogItemsChanged
from postroom.contracts.event import Event

DRILL = Item("D-18", "Drill", "With batteries", Decimal("129.00"), "EUR", "EA", date(2026, 1, 1), date(2026, 12, 31))
CATALOG = Catalog("demo", "CAT-9", "Tools", company="acme", version=4, supplier_name="Nordwind")


def told(event: Event) -> CatalogItemsChanged:
    assert isinstance(event.data, CatalogItemsChanged)
    assert len(cloudevents.encode(event)[1]) <= topics.of_fact(event.type).max_bytes
    return event.data


def shown(after: Item | None, before: Item | None = DRILL) -> list[tuple[str, str, str, str]]:
    changes = compare({DRILL.item: before} if before else {}, [after] if after else [], whole=True)
    return [(one.kind, one.old, one.new, one.currency) for one in told(catalogs.changed(CATALOG, changes)).changes] if changes.told else []


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({"price": Decimal("139.00")}, [("price", "129.00", "139.00", "EUR")]),
        ({"price": None}, [("price", "129.00", "", "EUR")]),
        ({"price": Decimal("129.0")}, []),
        ({"currency": "NOK"}, [("price", "", "129.00", "NOK"), ("description", "EUR", "NOK", "")]),
        ({"name": "Big drill"}, [("description", "Drill", "Big drill", "")]),
        ({"description": "", "unit": "C62"}, [("description", "With batteries; EA", "C62", "")]),
        ({"valid_until": date(2027, 12, 31)}, [("validity", "2026-12-31", "2027-12-31", "")]),
        ({"valid_until": None}, [("validity", "2026-12-31", "", "")]),
        ({"valid_from": None}, [("validity", "2026-01-01 – 2026-12-31", "… – 2026-12-31", "")]),
        ({"standard": "0901234"}, []),
        ({}, []),
        ({"price": Decimal(1), "name": "Bit", "valid_until": None},
         [("price", "129.00", "1", "EUR"), ("description", "Drill", "Bit", ""), ("validity", "2026-12-31", "", "")]),
    ],
)  # fmt: skip
def test_each_kind_of_change_is_told_as_a_person_reads_it(changed: dict[str, Any], expected: list[tuple[str, str, str, str]]) -> None:
    assert shown(replace(DRILL, **changed)) == expected


def test_added_and_removed() -> None:
    assert shown(DRILL, None) == [("added", "", "Drill", "")]
    assert shown(None) == [("removed", "Drill", "", "")]


def test_the_whole_content_removes_what_it_lacks_and_a_part_only_what_it_names() -> None:
    before = {name: replace(DRILL, item=name) for name in ("a", "b", "c")}
    assert compare(before, [before["a"]], whole=True).gone == ("b", "c")
    part = compare(before, [replace(before["a"], price=None)], ["b", "b", "unheard-of", "a"], whole=False)
    assert ([one.item for one in part.put], part.gone, part.counts) == (["a"], ("b",), {"removed": 1, "price": 1})


def test_a_number_that_documents_know_it_by_is_kept_and_not_told() -> None:
    changes = compare({"D-18": DRILL}, [replace(DRILL, standard="0901234")], whole=True)
    assert (len(changes.put), changes.told) == (1, ())


def test_a_mass_import_counts_all_and_shows_the_first_two_hundred() -> None:
    items = [replace(DRILL, item=str(number)) for number in range(50_000)]
    fact = told(catalogs.changed(CATALOG, compare({}, items, whole=True)))
    assert (fact.counts, len(fact.changes), fact.changes[-1].item) == ({"added": 50_000}, 200, "199")


def test_what_the_managers_want_to_hear_of_is_shown_first() -> None:
    before = {str(number): replace(DRILL, item=str(number)) for number in range(300)}
    after = [replace(one, name="Other") if one.item != "299" else replace(one, price=Decimal(1)) for one in before.values()]
    fact = told(catalogs.changed(replace(CATALOG, notify_on=("price",)), compare(before, after, whole=True)))
    assert (fact.changes[0].kind, fact.counts) == ("price", {"price": 1, "description": 299})


@pytest.mark.parametrize("letter", ["x", "Ω", "\U0001f528", '"', "\x01"])
def test_the_longest_texts_fit_an_event(letter: str) -> None:
    huge = Item(letter * 200, letter * 4_000, letter * 4_000, Decimal(1), "EUR", letter * 200, None, date(2026, 1, 1))
    before = {str(number): replace(DRILL, item=str(number)) for number in range(300)}
    after = [replace(huge, item=str(number)) for number in range(300)]
    fact = told(catalogs.changed(replace(CATALOG, managers=(letter * 200,) * 100), compare(before, after, whole=True)))
    assert fact.changes
    assert fact.counts == {"price": 300, "description": 300, "validity": 300}
    assert len(fact.changes[0].name) == 300
    expired = [
        told(event).changes for event in catalogs.expired(CATALOG, [replace(huge, item=f"{n:03}{letter * 197}") for n in range(500)])
    ]
    assert sum(map(len, expired)) == 500


def test_expired_prices_come_a_thousand_at_a_time_and_none_is_left_out() -> None:
    events = catalogs.expired(CATALOG, [replace(DRILL, item=str(number)) for number in range(2_500)])
    facts = [told(event) for event in events]
    assert [fact.counts for fact in facts] == [{"expired": 1_000}, {"expired": 1_000}, {"expired": 500}]
    first = facts[0].changes[0]
    assert (first.kind, first.old, first.new, first.currency, first.valid_until) == ("expired", "129.00", "", "EUR", date(2026, 12, 31))
    assert (facts[0].cause, len({event.id for event in events}), events[0].company) == ("expired", 3, "acme")
