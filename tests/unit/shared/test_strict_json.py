"""JSON as a contract reads it."""

import time
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from postroom.contracts import strict_json
from postroom.contracts.errors import Refused


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        '{"a":1,"a":2}',
        "NaN",
        "[Infinity]",
        "-Infinity",
        "[" * 40 + "]" * 40,
        "[" * 100_000,
        "\ufeff{}",
        "[1e400]",
        "-1e999",
        "9" * 5_000,
    ],
)
def test_what_other_parsers_let_pass_is_refused(text: str) -> None:
    """Duplicate keys, NaN and what is no finite number either, bottomless nesting and a byte order mark."""
    with pytest.raises(Refused) as refused:
        strict_json.loads(text.encode())
    assert refused.value.reason == "unreadable"


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(raw: bytes) -> None:
    """And nothing else is raised."""
    with suppress(Refused):
        strict_json.loads(raw)


def test_one_key_twice_among_very_many_is_found_at_once() -> None:
    """A record's size full of keys: its refusal takes a part of a second, for a transaction waits meanwhile."""
    names = [f"k{n}" for n in range(20_000)]
    text = ", ".join(f'"{name}": 0' for name in [*names, names[-1]])
    began = time.process_time()
    with pytest.raises(Refused, match="k19999"):
        strict_json.loads(f"{{{text}}}".encode())
    assert time.process_time() - began < 1
