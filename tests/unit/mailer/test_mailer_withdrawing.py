"""What a withdrawal leaves of a message, and when and whether its mail goes: pure decisions."""

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.integration.mailer.wishes import requested, withdrawn

from mailer_service.domain import digests, messages, withdrawals
from mailer_service.domain.withdrawals import WHOLE, remaining

NAMES = st.lists(st.sampled_from("abcd"), max_size=6)
MOMENT = datetime(2026, 11, 24, 5, 0, tzinfo=UTC)


@given(about=NAMES, void=st.sets(st.sampled_from("abcdx"), min_size=1))
def test_a_line_stays_unless_it_is_named(about: list[str], void: set[str]) -> None:
    facts = {"order": 1, "lines": [{"name": name, "place": place} for place, name in enumerate(about)]}
    left = remaining(facts, "lines", about, void)
    kept = [line for line in facts["lines"] if line["name"] not in void]  # type: ignore[attr-defined]
    assert left == ({"order": 1, "lines": kept} if kept else None)


@pytest.mark.parametrize(
    ("facts", "lines", "about", "void", "left"),
    [
        ({"a": 1}, "", ["b"], set(), True),
        ({"a": 1}, "", ["b"], {"b"}, False),
        ({"a": 1}, "", ["b"], {WHOLE}, False),
        # Lines that can't be told apart hold until all that the message is about is void.
        ({"lines": [1, 2]}, "lines", ["a"], {"b"}, True),
        ({"lines": [1, 2]}, "lines", ["a"], {"a"}, False),
        ({"lines": "none"}, "lines", ["a", "b"], {"a"}, True),
        ({"lines": "none"}, "lines", ["a", "b"], {"a", "b"}, False),
    ],
)
def test_without_lines_it_is_all_or_nothing(facts: Any, lines: str, about: list[str], void: set[str], *, left: bool) -> None:
    assert remaining(facts, lines, about, void) == (facts if left else None)


def test_a_withdrawal_names_each_thing_once_or_the_whole() -> None:
    assert [one.about for one in withdrawals.of(withdrawn("m", "a", "b", "a"))] == ["a", "b"]
    assert [one.about for one in withdrawals.of(withdrawn("m"))] == [WHOLE]
    assert withdrawals.of(requested()) == []


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        ({}, (1, False, "")),
        ({"no_mail": "not wanted", "digest": MOMENT}, (0, False, "not wanted")),
        ({"channels": ("inbox",), "no_mail": "not wanted"}, (0, False, "not wanted")),
        ({"digest": MOMENT, "not_before": MOMENT}, (0, True, "")),
        ({"digest": MOMENT, "email": None}, (0, False, "the person has no e-mail address")),
        ({"not_before": MOMENT}, (1, False, "")),
    ],
)
def test_whether_there_is_mail(more: dict[str, Any], expected: tuple[int, bool, str]) -> None:
    told = messages.decide(requested(**more), set())
    assert told is not None
    assert (len(told.envelopes), told.in_digest, told.message.unmailed) == expected
    assert told.in_inbox


def test_quiet_hours_end_in_the_persons_zone() -> None:
    told = messages.decide(requested(not_before=MOMENT), set())
    assert told is not None
    assert told.envelopes[0].detail == "quiet hours until 2026-11-24 06:00 (Europe/Vienna)"


@pytest.mark.parametrize("zone", ["Nowhere/Atall", "", "../../etc/passwd", "\x00"])
def test_a_zone_that_there_is_not_holds_up_nothing(zone: str) -> None:
    reader = digests.Reader("t", "p", "P", "p@example.com", "en", zone)
    assert digests.message(reader, MOMENT, [], 0).facts["day"] == "2026-11-24"


def test_suppression_goes_before_quiet_hours() -> None:
    told = messages.decide(requested(not_before=MOMENT), {("tenant-a", "anna@example.com")})
    assert told is not None
    assert [(one.state, one.hold_reason, one.not_before) for one in told.envelopes] == [("held", "suppressed", None)]
