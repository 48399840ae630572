"""Types 11 and 12, what the seed's table doesn't show: how lines, claims and what a message is about go together."""

import pytest
from tests.unit.rules.reminders_support import line, overdue
from tests.unit.rules.rules_support import decided, decided_all, directory, person, reasons, told

from notification_rules.domain.deciding import ClaimKey
from notification_rules.domain.letters import asked
from notification_rules.domain.preferences import AT_ONCE

PEOPLE = directory(person("anna"), person("ben"), person("purchaser"))


def test_about_names_the_lines_one_by_one_in_their_order() -> None:
    outcome = decided(overdue(line("2"), line("1", "ben"), line("10")), PEOPLE)
    facts = {one.found.told.person: asked(one, AT_ONCE) for one in outcome.messages.values()}
    assert (facts["anna"].lines, facts["anna"].about) == ("lines", ["order-1/2", "order-1/10"])
    assert [one["line"] for one in facts["anna"].facts["lines"]] == ["2", "10"]
    assert (facts["ben"].about, [one["line"] for one in facts["ben"].facts["lines"]]) == (["order-1/1"], ["1"])
    opens = facts["ben"].opens
    assert opens is not None
    assert (opens.what, opens.id) == ("order", "order-1")


def test_what_was_told_is_left_out_of_lines_and_about_alike() -> None:
    taken: set[ClaimKey] = set()
    decided(overdue(line("1")), PEOPLE, taken)
    (message,) = decided(overdue(line("1"), line("2")), PEOPLE, taken).messages.values()
    assert (message.about, [one["line"] for one in message.facts["lines"]]) == (("order-1/2",), ["2"])


def test_a_line_named_twice_is_one_claim() -> None:
    outcome = decided(overdue(line("1"), line("1", open="5")), PEOPLE)
    (message,) = outcome.messages.values()
    assert (len(outcome.claims), message.about) == (1, ("order-1/1", "order-1/1"))


def test_level_three_closes_level_two_of_its_own_lines_and_delivery_date_only() -> None:
    taken: set[ClaimKey] = set()
    assert told(decided(overdue(line("1"), level=3), PEOPLE, taken)) == [("purchaser", "purchaser contact")]
    late = decided(overdue(line("1"), level=2), PEOPLE, taken)
    before = "this person has been reminded of these lines and their delivery date before, at this level or a higher one"
    assert (told(late), reasons(late)) == ([], ["the second and third reminder go to the purchaser contact", before])
    (message,) = decided(overdue(line("1"), line("2"), level=2), PEOPLE, taken).messages.values()
    assert message.about == ("order-1/2",)
    assert told(decided(overdue(line("1", delivery_date="2026-11-21"), level=2), PEOPLE, taken))
    assert told(decided(overdue(line("1"), level=2, order="order-2"), PEOPLE, taken))


def test_level_two_does_not_close_level_three_and_both_come_from_one_batch() -> None:
    assert len(decided_all([overdue(level=2), overdue(level=3)], PEOPLE).messages) == 2
    assert len(decided_all([overdue(level=3), overdue(level=2)], PEOPLE).messages) == 1


def test_what_is_closed_is_claimed_with_the_message_that_closed_it() -> None:
    outcome = decided(overdue(level=3), PEOPLE)
    assert {(key[2], taken.about) for key, taken in outcome.claims.items()} == {
        (f'["order-1","1",{level},"2026-11-20","purchaser"]', "order-1/1") for level in (2, 3)
    }
    assert {tuple(taken.messages) for taken in outcome.claims.values()} == {tuple(outcome.messages)}


@pytest.mark.parametrize(("emitter", "about"), [("po-service", "order-1/1"), ("erp", "erp/order-1/1")])
def test_another_systems_lines_carry_its_name(emitter: str, about: str) -> None:
    (message,) = decided(overdue(emitter=emitter), PEOPLE).messages.values()
    assert message.about == (about,)
    assert message.opens == {"what": "order", "id": about.removesuffix("/1")}
