"""JSON as a contract reads it: no NaN, no duplicate keys, no bottomless nesting."""

import json
from typing import Any

from postroom.contracts.errors import Refused

MAX_DEPTH = 32


def _no_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        keys = [key for key, _ in pairs]
        twice = next(key for key in keys if keys.count(key) > 1)
        msg = f"the key {twice!r} stands twice in one object"
        raise ValueError(msg)
    return found


def _no_constant(name: str) -> Any:
    msg = f"{name} is not JSON"
    raise ValueError(msg)


_DECODER = json.JSONDecoder(object_pairs_hook=_no_duplicates, parse_constant=_no_constant)


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
