"""A token ends one person's mail of one type, and only its maker can make one."""

from string import ascii_letters, digits

import pytest
from hypothesis import given
from hypothesis import strategies as st

from notification_rules.domain.unsubscribing import Subscription, subscription, token

KEY = b"k" * 32
ANNA = Subscription("demo", "anna", "goods-receipt")


def test_it_says_whose_mail_and_which_and_is_the_same_each_time() -> None:
    made = token(ANNA, KEY)
    assert subscription(made, KEY) == ANNA
    assert made == token(ANNA, KEY)
    assert set(made) <= {*ascii_letters, *digits, "-", "_"}, "it stands in a URL as it is"


@given(st.text(), st.text(), st.text())
def test_any_id_can_be_in_it(tenant: str, person: str, message_type: str) -> None:
    try:
        asked = Subscription(tenant, person, message_type)
        made = token(asked, KEY)
    except TypeError:
        return  # a lone surrogate, which no id that came by JSON or Postgres holds
    assert len(made) > 2_000 or subscription(made, KEY) == asked


def test_no_letter_of_it_can_be_changed() -> None:
    made = token(ANNA, KEY)
    for place in range(len(made)):
        for letter in "Aa0_":
            forged = made[:place] + letter + made[place + 1 :]
            assert (subscription(forged, KEY) == ANNA) == (forged == made), forged


def test_another_persons_another_types_another_tenants_are_others() -> None:
    others = [
        Subscription("demo", "bert", "goods-receipt"),
        Subscription("demo", "anna", "x"),
        Subscription("other", "anna", "goods-receipt"),
    ]
    assert len({token(one, KEY) for one in (ANNA, *others)}) == 4


@pytest.mark.parametrize("forged", ["", "x", "....", "ü", "A" * 22, "A" * 5_000, token(ANNA, b"another key"), token(ANNA, KEY) + "=", " "])
def test_what_was_not_made_here(forged: str) -> None:
    assert subscription(forged, KEY) is None
