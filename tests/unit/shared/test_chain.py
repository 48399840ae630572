"""The chain's hashes are a format: what was written years ago must be reckoned the same way."""

from datetime import UTC, datetime, timedelta, timezone
from hashlib import sha256

from hypothesis import given
from hypothesis import strategies as st

from postroom.contracts import chain

FIELDS = st.lists(st.text(), min_size=6, max_size=6)


def test_the_first_links_hash_is_what_it_always_was() -> None:
    content = chain.canonical({"message": "Größe XL", "author": {"person": "sam", "name": None}})
    assert content == '{"author":{"name":null,"person":"sam"},"message":"Größe XL"}'
    hashed = chain.content_hash(b"\x00" * 32, content)
    assert hashed == sha256(b"\x00" * 32 + content.encode()).hexdigest()
    at = datetime(2026, 11, 23, 10, 15, tzinfo=timezone(timedelta(hours=1)))
    assert chain.moment(at) == "2026-11-23T09:15:00.000000Z"
    by_hand = b"18:postroom.history.1,64:" + b"0" * 64 + b",4:acme,2:o1,1:1,3:log,2:l1,3:sam,27:2026-11-23T09:15:00.000000Z,64:"
    expected = sha256(by_hand + hashed.encode() + b",").hexdigest()
    assert chain.link(chain.START, "acme", "o1", 1, "log", "l1", "sam", chain.moment(at), hashed) == expected


@given(FIELDS, FIELDS)
def test_no_two_entries_have_the_same_bytes(one: list[str], other: list[str]) -> None:
    """("ab", "c") is not ("a", "bc"), whatever the fields hold."""
    same = chain.link(chain.START, "t", "o", *one) == chain.link(chain.START, "t", "o", *other)
    assert same == (one == other)


@given(st.datetimes(timezones=st.just(UTC)), st.datetimes(timezones=st.just(UTC)))
def test_moments_sort_as_times_do(one: datetime, other: datetime) -> None:
    assert (chain.moment(one) < chain.moment(other)) == (one < other)
