"""Values that somebody's program writes one day, and mutations of JSON that put them anywhere in it."""

from collections.abc import Callable, Iterator
from copy import deepcopy
from random import Random
from typing import Any

from tests.faults.bad.draft import Raw

Place = tuple[Any, Any]
"""(the object or list, the name or index in it)"""

HOSTILE: tuple[Any, ...] = (
    *(None, True, False, 0, -1, 1, 2, 3, 1.5, -0.0, 1e308, 5e-324, [], {}, [[]], [None], {"": None}),
    *(2**31, 2**53, 2**63 - 1, 2**63, 2**64, -(2**63) - 1, 10**30, 10**300),
    *(Raw("1e400"), Raw("-1e400"), Raw("1E+2"), Raw("9" * 4_000), Raw("9" * 5_000), Raw("0." + "1" * 5_000)),
    *("", " ", "\t\n", "0", "-0", "-1", "NaN", "Infinity", "1e400", "1e-400", "1_000", "0x10", "1,5", "٣", "+5"),
    *("9" * 18, "9" * 30, "9" * 31, "0." + "1" * 12, "0." + "1" * 13, "1" * 18 + "." + "1" * 12),
    *("\x00", "a\x00b", "\ud800", "a\udfffb", "\udc00\ud800", "\ufeff", "\u202edrow", "\x7f\x80\x85", "\u2028\u2029", "\U0010ffff"),
    *("a\r\nBcc: eve@evil.example", "=?UTF-8?Q?=0A?=Bcc: eve@evil.example", "{{ 7 * 7 }}", "{% for x in y %}", "<script>alert(1)</script>"),
    *("'; DROP TABLE parked; --", "../../etc/passwd", "%s%n", "a@b", '"a b"@c.example', "a@[127.0.0.1]", "a@b.example, c@d.example", "@"),
    *("2026-02-30", "0001-01-01", "9999-12-31", "10000-01-01", "-0001-01-01", "2026-11-23", "2026-W47-1", "1e3"),
    *("0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00", "2026-11-23T25:00:00Z", "2026-11-23T09:00:00", "2026-11-23T09:00:00Z"),
    *("Europe/Nowhere", "../../../etc/localtime", "UTC", "Europe/Vienna", "de", "xx-XX", "en\x00", "posixrules"),
    *(
        "x" * 200,
        "x" * 201,
        "x" * 500,
        "x" * 4_000,
        "x" * 4_001,
        "é" * 250,
        "😀" * 2_000,
        "e" + "\u0301" * 1_000,
        "x" * 20_001,
        "x" * 100_000,
    ),
)


def places(value: Any) -> Iterator[Place]:
    """Everything that stands in it."""
    inner: Any = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for name, one in list(inner):
        yield value, name
        yield from places(one)


def nested(depth: int, random: Random) -> Raw:
    """So many levels, of lists or objects, around nothing."""
    start, end = ("[", "]") if random.random() < 0.5 else ('{"a":', "}")
    return Raw(start * depth + "null" + end * depth)


def hostile(random: Random) -> Any:
    """One of them, or something large, or something deep."""
    draw = random.random()
    if draw < 0.05:
        one = _one_hostile(random)
        return [one] * random.choice((2, 100, 2_001, 20_000) if len(str(one)) < 40 else (2, 10))
    if draw < 0.08:
        return {f"k{n}": random.choice((None, "v", n)) for n in range(random.choice((10, 1_000, 10_000)))}
    if draw < 0.12:
        return nested(random.choice((5, 25, 33, 200)), random)
    return _one_hostile(random)


def _one_hostile(random: Random) -> Any:
    """Nobody else's: what is changed in one record must not be in the next, nor within itself."""
    return deepcopy(random.choice(HOSTILE))


def _replaced(data: Any, random: Random) -> Any:
    inside, name = random.choice(list(places(data)))
    inside[name] = hostile(random)
    return data


def _missing(data: Any, random: Random) -> Any:
    inside, name = random.choice(list(places(data)))
    del inside[name]
    return data


def _renamed(data: Any, random: Random) -> Any:
    inside, name = random.choice(list(places(data)))
    if isinstance(inside, dict):
        inside[random.choice((name.upper(), name + " ", "", "__proto__", "é", name + "\x00", "a" * 300))] = inside.pop(name)
    return data


def _added(data: Any, random: Random) -> Any:
    objects = [data, *(inside[name] for inside, name in places(data) if isinstance(inside[name], dict))]
    random.choice(objects)[random.choice(("extra", "TYPE", "model_config", "__class__", "id", "type", "ä", "x" * 1_000))] = hostile(random)
    return data


def _swapped(data: Any, random: Random) -> Any:
    (one, name), (other, another) = random.choices(list(places(data)), k=2)
    one[name], other[another] = other[another], one[name]
    return data if _is_tree(data) else {"cycle": True}


def _is_tree(value: Any, above: tuple[int, ...] = ()) -> bool:
    """Whether nothing stands within itself."""
    if id(value) in above:
        return False
    inner: Any = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return all(_is_tree(one, (*above, id(value))) for one in inner)


def _lengthened(data: Any, random: Random) -> Any:
    lists = [inside[name] for inside, name in places(data) if isinstance(inside[name], list) and inside[name]]
    if lists:
        chosen = random.choice(lists)
        chosen *= random.choice((2, 20, 400) if len(chosen) < 10 else (2,))
    return data


def _stretched(data: Any, random: Random) -> Any:
    texts = [(inside, name) for inside, name in places(data) if isinstance(inside[name], str)]
    if texts:
        inside, name = random.choice(texts)
        inside[name] = (inside[name] or "x") * random.choice((2, 50, 5_000))
    return data


def _of_another_kind(data: Any, random: Random) -> Any:
    return random.choice((None, [], [data], "text", 7, True, {}, {"data": data}))


MUTATIONS: tuple[Callable[[Any, Random], Any], ...] = (
    *(_replaced,) * 8,
    *(_missing,) * 2,
    *(_added,) * 2,
    *(_swapped,) * 2,
    _renamed,
    _lengthened,
    _stretched,
)


def mutated(data: Any, random: Random) -> Any:
    """Changed in one to four places; seldom something else altogether."""
    if random.random() < 0.03:
        return _of_another_kind(data, random)
    for _ in range(random.choice((1, 1, 1, 2, 2, 4))):
        if any(True for _ in places(data)):
            data = random.choice(MUTATIONS)(data, random)
    return data
