"""JSON as a contract reads it: no NaN and no number that would be infinite, no duplicate keys, no bottomless nesting."""

import json
import math
from collections import Counter
from typing import Any

from postroom.contracts.errors import Refused

MAX_DEPTH = 32
MAX_SHOWN = 100
"""Characters of what is at fault that the refusal repeats."""


def _no_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        # Of very many keys too, in a moment: a transaction waits meanwhile.
        twice = Counter(key for key, _ in pairs).most_common(1)[0][0]
        msg = f"the key {twice[:MAX_SHOWN]!r} stands twice in one object"
        raise ValueError(msg)
    return found


def _no_constant(name: str) -> Any:
    msg = f"{name} is not JSON"
    raise ValueError(msg)


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        msg = f"{text[:MAX_SHOWN]} is beyond what a number may be"
        raise ValueError(msg)
    return number


_DECODER = json.JSONDecoder(object_pairs_hook=_no_duplicates, parse_constant=_no_constant, parse_float=_finite)


def _depth(value: Any) -> int:
    deepest, level = 0, [value]
    while level:
        deepest += 1
        level = [
            inner for outer in level if isinstance(outer, dict | list) for inner in (outer.values() if isinstance(outer, dict) else outer)
        ]
    return deepest


def loads(raw: bytes) -> Any:
    """Read JSON, or raise Refused('unreadable') with where it went wrong."""
    try:
        value = _DECODER.decode(raw.decode("utf-8"))
    except UnicodeDecodeError as error:
        raise Refused("unreadable", f"not UTF-8: {error.reason} at byte {error.start}") from error
    except RecursionError as error:
        raise Refused("unreadable", f"nested deeper than {MAX_DEPTH} levels") from error
    except ValueError as error:
        raise Refused("unreadable", f"not strict JSON: {error}") from error
    if _depth(value) > MAX_DEPTH:
        raise Refused("unreadable", f"nested deeper than {MAX_DEPTH} levels")
    return value
