"""When cost codes and credit cards have expired, and how a card's number is known."""

from dataclasses import replace
from datetime import date

import pytest

from po_service.domain import structures
from po_service.domain.structures import ControlStructure

CARD = ControlStructure("demo", "C1", "credit-card", "acme", "4242", "Fleet card", date(2026, 11, 30), "mia")


@pytest.mark.parametrize(
    ("lead_days", "today", "due"),
    [(0, "2026-11-30", False), (0, "2026-12-01", True), (14, "2026-11-16", False), (14, "2026-11-17", True), (3_650, "9999-12-31", True)],
)
def test_it_has_expired_the_day_after_its_last_or_so_many_days_before(lead_days: int, today: str, *, due: bool) -> None:
    card = replace(CARD, lead_days=lead_days)
    assert structures.is_due(card, date.fromisoformat(today)) is due


@pytest.mark.parametrize(
    ("text", "holds"),
    [
        ("4242424242424242", True),
        ("4242 4242 4242 4242", True),
        ("Visa 4000-0566-5566-5556.", True),
        ("378282246310005", True),
        ("4242424242424241", False),
        ("4242", False),
        ("Fleet card 2026", False),
        ("42424242424242424242", False),
        ("", False),
    ],
)
def test_a_full_card_number_is_known_by_its_check_digit(text: str, *, holds: bool) -> None:
    assert structures.holds_card_number(text) is holds
