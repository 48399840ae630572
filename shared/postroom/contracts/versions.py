"""The majors of an event type: the last two are accepted; the earlier is lifted to the later as it is read, and nothing behind it knows.

A major ends where a field goes, or means something else; a new field with a default is none. How one is brought in, docs/upgrading.md.
"""

import re
from collections.abc import Callable
from typing import Any

from postroom.contracts.errors import Refused
from postroom.contracts.facts import FACTS

Lift = Callable[[dict[str, Any]], dict[str, Any]]

LIFTS: dict[str, Lift] = {}
"""The type before the last, such as BudgetExpired.v1 → what its data are in the next major: a new dict, whatever is in the old one.

None yet. An entry stays as long as its type may lie in Kafka, in `parked` or in `undecided`: until the major after the next."""

_NAMED = re.compile(r"(?P<name>.+)\.v(?P<major>[1-9]\d{0,3})")


def current(type_: str) -> str:
    """The type that this version works with, of one of the accepted majors. Raises Refused, which says where to go from here."""
    if type_ in FACTS:
        return type_
    if type_ in LIFTS:
        return _next(type_)
    raise Refused("unknown_type", _why(type_), "type")


def lifted(type_: str, data: Any) -> tuple[str, Any]:
    """(type, data) as of today. Raises Refused; what isn't even an object is the contract's to refuse."""
    now = current(type_)
    if now == type_ or not isinstance(data, dict):
        return now, data
    try:
        return now, LIFTS[type_](data)
    except (LookupError, TypeError, ValueError, AttributeError) as error:
        raise Refused("invalid", f"is no {type_}: {error!r}", "data") from error


def under(type_: str) -> str:
    """The name under which it is remembered what was told of something, whatever the major: that of the first."""
    match = _NAMED.fullmatch(type_)
    return f"{match['name']}.v1" if match else type_


def _next(type_: str) -> str:
    match = _NAMED.fullmatch(type_)
    assert match, f"{type_} is no name of an event type"  # noqa: S101 - a declaration of ours
    return f"{match['name']}.v{int(match['major']) + 1}"


def _why(type_: str) -> str:
    match = _NAMED.fullmatch(type_)
    ours = next((known for known in FACTS if match and known.startswith(f"{match['name']}.v")), None)
    if match is None or ours is None:
        return f"no event type {type_!r} is known here; known are {', '.join(sorted(FACTS))}"
    if int(match["major"]) > int(ours.rpartition(".v")[2]):
        return f"{type_} is of a later version than this one, which knows {ours}: upgrade this service, then postroom parked replay"
    return f"{type_} is no longer read: the last two majors are, up to {ours}. Let it be written anew"
