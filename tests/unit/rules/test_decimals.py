"""Decimals in CEL compare as numbers do, exactly, over the whole range of a contract's field."""

from decimal import Decimal
from fractions import Fraction

import cel
import pytest
from hypothesis import given
from hypothesis import strategies as st

from notification_rules.domain import decimals
from notification_rules.domain.expressions import FUNCTIONS

numbers = st.decimals(allow_nan=False, allow_infinity=False, min_value=-(10**18), max_value=10**18, places=12)


def _true(expression: str) -> bool:
    return cel.compile(expression).execute(cel.Context(None, FUNCTIONS)) is True


@given(numbers, numbers)
def test_order_is_the_numbers_order(a: Decimal, b: Decimal) -> None:
    left, right = decimals.dec(format(a, "f")), decimals.dec(format(b, "f"))
    assert (left < right, left == right) == (a < b, a == b)


@given(numbers, numbers)
def test_sums_and_differences_are_exact(a: Decimal, b: Decimal) -> None:
    left, right = format(a, "f"), format(b, "f")
    exact = Fraction(a) - Fraction(b)
    assert Fraction(int(decimals.minus(decimals.dec(left), right)) - 10**43, 10**12) == exact
    assert decimals.plus(decimals.minus(left, right), right) == decimals.dec(left)


@pytest.mark.parametrize(
    "expression",
    [
        "dec('9') < dec('10')",
        "dec('9.50') == dec('9.5')",
        "dec('-3') < dec('-2.5') && dec('-2.5') < dec('0')",
        "dec('1').minus('0.9') == dec('0.1')",
        "dec('0.1').plus(dec('0.2')) == dec('0.3')",
        "dec('999999999999999999999999999999') > dec('999999999999999999999999999998')",
        "dec('0.000000000001') > dec('0')",
    ],
)
def test_in_cel(expression: str) -> None:
    assert _true(expression)


@pytest.mark.parametrize("text", ["", "ten", "NaN", "Infinity", "1.0000000000001", "1e400", "99999999999999999999999999999999"])
def test_what_is_no_decimal_or_too_fine_or_too_big_says_so(text: str) -> None:
    with pytest.raises(ValueError, match="decimal"):
        decimals.dec(text)
