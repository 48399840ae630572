"""THE table test: each case of the seed, held against its own function (the oracle) and against the rules service."""

from collections import Counter

import pytest
from tests.oracle import case as cases
from tests.oracle.case import TODAY, Case
from tests.oracle.cases import CASES
from tests.oracle.letters import Letter, Void
from tests.oracle.seed import oracle_of
from tests.unit.rules.rules_support import RULES
from tests.unit.rules.seed_cases import ITEMS, answer

every_case = pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)


@every_case
def test_the_rules_do_what_the_seed_says(case: Case) -> None:
    found = answer(case, RULES)
    assert found.told == Counter(letter for letter in case.told if letter.message_type == case.about), case.quote
    assert found.void == set(case.void), case.quote
    assert (found.undecided, found.unroutable) == (case.undecided, case.unroutable), case.quote


@every_case
def test_the_oracle_says_the_same(case: Case) -> None:
    people = cases.people()
    case.people(people)
    oracle = oracle_of(people, TODAY)
    told: Counter[Letter] = Counter()
    void: set[Void] = set()
    for event in case.events:
        if callable(event):
            event(people)
            continue
        told.update(letter for letter in oracle.letters(event) if letter.message_type == case.about)
        void |= oracle.voids(event)
    assert told == Counter(letter for letter in case.told if letter.message_type == case.about), case.quote
    assert void == set(case.void), case.quote
    assert (oracle.undecided.count(case.about), oracle.unroutable.count(case.about)) == (case.undecided, case.unroutable), case.quote


@pytest.mark.parametrize("message_type", ITEMS)
def test_each_type_has_cases_that_send_cases_that_do_not_and_one_that_comes_twice(message_type: str) -> None:
    about = [case for case in CASES if case.about == message_type]
    assert any(case.told for case in about)
    assert any(not case.told and not case.undecided and not case.unroutable for case in about)
    assert any(
        len(case.events) > len([letter for letter in case.told if letter.person == case.told[0].person]) for case in about if case.told
    )
    assert any(case.unroutable for case in about)


def test_the_thirteen_are_all_there() -> None:
    assert {rule.message_type for rule in RULES if rule.declared.message_type} >= set(ITEMS)
    assert len(ITEMS) == 13
