"""Type 6, "Wrong delivery": the user specified in the basic contract as the purchaser contact; sent when the quantity delivered
recorded in the delivery note differs from the quantity ordered.
"""

import pytest
from tests.unit.rules.rules_support import decided, directory, note_line, note_recorded, person, reasons, told

ROLES = {("company-administrator", "buyer"): ("admin",)}
PEOPLE = directory(person("purchaser"), person("admin"), roles=ROLES)
Taken = set[tuple[str, str, str]]


@pytest.mark.parametrize(
    ("line", "wrong"),
    [
        (note_line("10"), False),
        (note_line("10.0"), False),
        (note_line("9"), True),
        (note_line("11"), True),
        (note_line("9", ordered="10", previously="1"), False),
        (note_line("10", ordered="10", previously="1"), True),
        (note_line("0.3", ordered="0.4", previously="0.1"), False),
        (note_line("10.000000000001"), True),
        (note_line("10", unit="BX"), True),
        (note_line("0"), True),
    ],
)
def test_delivered_against_what_was_still_open_in_exact_decimals_and_another_unit(line: dict[str, str], *, wrong: bool) -> None:
    outcome = decided(note_recorded(line), PEOPLE)
    assert told(outcome) == ([("purchaser", "purchaser contact")] if wrong else [])
    assert reasons(outcome) == ([] if wrong else ["delivered as ordered"])


def test_the_message_shows_the_lines_that_differ() -> None:
    outcome = decided(note_recorded(note_line("10", line="1"), note_line("9", line="2"), note_line("11", line="3")), PEOPLE)
    (message,) = outcome.messages.values()
    assert [line["line"] for line in message.facts["lines"]] == ["2", "3"]


@pytest.mark.parametrize(
    ("announced", "mutes", "line", "sent"),
    [
        (True, True, note_line("4"), False),
        (True, False, note_line("4"), True),
        (False, True, note_line("4"), True),
        (True, True, note_line("11"), True),
        (True, True, note_line("4", unit="BX"), True),
    ],
)
def test_announced_partials_are_muted_if_the_contract_says_so(*, announced: bool, mutes: bool, line: dict[str, str], sent: bool) -> None:
    outcome = decided(note_recorded(line, partial_announced=announced, mute_announced_partials=mutes), PEOPLE)
    assert bool(told(outcome)) is sent
    assert reasons(outcome) == ([] if sent else ["an announced partial delivery, and the basic contract mutes those"])


def test_a_correction_with_a_new_difference_is_a_new_message_and_with_the_same_none() -> None:
    taken: Taken = set()
    assert told(decided(note_recorded(note_line("9")), PEOPLE, taken))
    same = decided(note_recorded(note_line("9.0"), version=2), PEOPLE, taken)
    assert (told(same), reasons(same)) == ([], ["this person has been told of the same differences of this delivery note before"])
    assert told(decided(note_recorded(note_line("8"), version=3), PEOPLE, taken))
    assert told(decided(note_recorded(note_line("8", unit="BX"), version=4), PEOPLE, taken))
    assert told(decided(note_recorded({**note_line("8", unit="BX"), "unit": "PK"}, version=5), PEOPLE, taken))
    assert told(decided(note_recorded(note_line("8", unit="BX", line="2"), version=6), PEOPLE, taken))


def test_another_note_with_the_same_differences_is_told() -> None:
    taken: Taken = set()
    assert told(decided(note_recorded(note_line("9")), PEOPLE, taken))
    assert told(decided(note_recorded(note_line("9"), note="note-2"), PEOPLE, taken))


def test_another_purchaser_contact_is_told_too() -> None:
    taken: Taken = set()
    decided(note_recorded(note_line("9")), PEOPLE, taken)
    assert told(decided(note_recorded(note_line("9"), purchaser_contact="admin", version=2), PEOPLE, taken)) == [
        ("admin", "purchaser contact")
    ]


def test_without_a_purchaser_contact_the_chain_takes_over() -> None:
    outcome = decided(note_recorded(note_line("9"), purchaser_contact=None), PEOPLE)
    assert told(outcome) == [("admin", "company administrator")]
