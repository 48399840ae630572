"""JSON as a contract reads it."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from postroom.contracts import strict_json
from postroom.contracts.errors import Refused


@pytest.mark.parametrize(
    "text", ["", "{", '{"a":1,"a":2}', "NaN", "[Infinity]", "-Infinity", "[" * 40 + "]" * 40, "[" * 100_000, "\ufeff{}"]
)
def test_what_other_parsers_let_pass_is_refused(text: str) -> None:
    """Duplicate keys, NaN, bottomless nesting and a byte order mark."""
    with pytest.raises(Refused) as refused:
        strict_json.loads(text.encode())
    assert refused.value.reason == "unreadable"


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(raw: bytes) -> None:
    """And nothing else is raised."""
    with suppress(Refused):
        strict_json.loads(raw)
