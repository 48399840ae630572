"""The measures of the stories of pressure see what they are there to see."""

from tests.faults.ledger import Entry
from tests.faults.stories.pressure import _beyond


def entries(*at: float) -> list[Entry]:
    return [Entry(moment, f"<{n}@postroom.example>", "a@faults.example", "", "") for n, moment in enumerate(at)]


def test_a_mail_before_its_period_is_beyond_the_cap_and_a_late_one_is_not() -> None:
    """Two every ten seconds, from 100 on."""
    assert _beyond(entries(101, 102, 110, 111, 120), 2, 10, 100) == 0
    assert _beyond(entries(101, 102, 103), 2, 10, 100) == 1
    assert _beyond(entries(101, 125, 126, 127, 128, 129), 2, 10, 100) == 0, "counted in an earlier period, accepted in this one"


def test_a_copy_is_no_other_mail() -> None:
    assert _beyond([*entries(101, 102), *entries(103, 104)], 2, 10, 100) == 0
