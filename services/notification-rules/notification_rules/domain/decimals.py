"""Exact decimals for CEL, which has none of its own (docs/decisions/0003-decimals-in-rules.md).

A decimal travels through CEL as text of a fixed width that sorts as its number does, so that ==, != and < are exact over
the whole range of a contract's DecimalText. Comparing it with a bare number is CEL's own "no such overload".
"""

from decimal import Context, Decimal, InvalidOperation
from functools import lru_cache

_PLACES = 12
_DIGITS = 43
_OFFSET = int("1" + "0" * _DIGITS)
_EXACT = Context(prec=100)


@lru_cache(maxsize=10_000)
def dec(text: str) -> str:
    """'12.50' as CEL compares it. Raises ValueError for what is no decimal, or has more than 12 places or 30 digits before them."""
    try:
        scaled = _EXACT.scaleb(Decimal(text), _PLACES)
        whole = int(scaled)
    except (InvalidOperation, ValueError, OverflowError, TypeError) as error:
        raise ValueError(f"dec() takes a decimal in a string such as '12.50', not {text!r}") from error
    if whole != scaled:
        raise ValueError(f"dec() takes up to {_PLACES} decimal places, not {text!r}")
    return _encoded(whole)


def plus(left: str, right: str) -> str:
    """dec(a).plus(b): b is a decimal string or a dec()."""
    return _encoded(_whole(left) + _whole(right))


def minus(left: str, right: str) -> str:
    """dec(a).minus(b): b is a decimal string or a dec()."""
    return _encoded(_whole(left) - _whole(right))


def _whole(text: str) -> int:
    return int(text if _is_encoded(text) else dec(text)) - _OFFSET


def _is_encoded(text: str) -> bool:
    return len(text) == _DIGITS + 1 and text.isdecimal()


def _encoded(whole: int) -> str:
    if not -_OFFSET < whole < _OFFSET:
        raise ValueError(f"a decimal has up to {_DIGITS - _PLACES - 1} digits before the point")
    return f"{whole + _OFFSET:0{_DIGITS + 1}d}"
