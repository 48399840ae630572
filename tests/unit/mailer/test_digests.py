"""When a digest is made."""

from datetime import UTC, datetime

import pytest

from mailer_service.domain.digests import following


@pytest.mark.parametrize(
    ("moment", "now", "expected"),
    [
        ("2026-11-23T06:00", "2026-11-23T06:05", "2026-11-24T06:00"),
        ("2026-11-23T06:00", "2026-11-25T07:00", "2026-11-26T06:00"),
        ("2026-11-23T06:00", "2026-11-23T05:00", "2026-11-24T06:00"),
        pytest.param("2027-03-27T06:00", "2027-03-27T06:05", "2027-03-28T05:00", id="summer time begins"),
        pytest.param("2026-10-24T05:00", "2026-10-24T05:05", "2026-10-25T06:00", id="and ends"),
    ],
)
def test_the_next_digest_is_at_the_same_hour_of_the_readers_day(moment: str, now: str, expected: str) -> None:
    at, then, next_ = (datetime.fromisoformat(one).replace(tzinfo=UTC) for one in (moment, now, expected))
    assert following(at, then, "Europe/Vienna") == next_
