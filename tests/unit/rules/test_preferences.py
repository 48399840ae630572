"""How a person wants their mail, on their own clock: quiet hours over midnight, digests, and both changes of the clock."""

from datetime import UTC, datetime, time
from zoneinfo import ZoneInfo

import pytest
from tests.unit.rules.rules_support import person

from notification_rules.domain.preferences import AT_ONCE, WANTS_NONE, Delivery, Mail, Preferences, QuietHours, delivery

BERLIN = "Europe/Berlin"
NIGHT = QuietHours(time(22), time(6))


def _going(preferences: Preferences, local: str, zone: str = BERLIN, fold: int = 0) -> Delivery:
    now = datetime.fromisoformat(local).replace(tzinfo=ZoneInfo(zone), fold=fold).astimezone(UTC)
    return delivery(preferences, "goods-receipt", person("anna", zone=zone), now)


def _until(quiet: QuietHours, local: str, zone: str = BERLIN, fold: int = 0) -> str | None:
    """The end of quiet hours as UTC, None where it is not quiet."""
    end = _going(Preferences(quiet=quiet), local, zone, fold).not_before
    return f"{end.astimezone(UTC):%m-%d %H:%M}" if end else None


def _digest(at: time, local: str, zone: str = BERLIN, fold: int = 0, quiet: QuietHours | None = None) -> str:
    moment = _going(Preferences(mail="digest", digest_at=at, quiet=quiet), local, zone, fold).digest
    assert moment
    return f"{moment.astimezone(UTC):%m-%d %H:%M}"


def test_who_has_set_nothing_gets_mail_at_once() -> None:
    assert _going(Preferences(), "2026-11-23 23:00") == AT_ONCE


@pytest.mark.parametrize(("mail", "of_type", "gets"), [("off", "now", ""), ("now", "off", WANTS_NONE), ("off", None, WANTS_NONE)])
def test_a_types_own_wish_goes_before_the_wish_for_all(mail: Mail, of_type: Mail | None, gets: str) -> None:
    assert _going(Preferences(mail, {"goods-receipt": of_type} if of_type else {}), "2026-11-23 12:00").no_mail == gets
    assert _going(Preferences(mail, {"wrong-delivery": "digest"}), "2026-11-23 12:00").digest is None


@pytest.mark.parametrize(
    ("local", "until"),
    [
        ("2026-11-23 21:59", None),
        ("2026-11-23 22:00", "11-24 05:00"),
        ("2026-11-24 03:00", "11-24 05:00"),
        ("2026-11-24 05:59", "11-24 05:00"),
        ("2026-11-24 06:00", None),
        # Summer time begins on 29 March at 2 o'clock, and ends on 25 October at 3: the night is an hour shorter, and longer.
        ("2026-03-28 23:00", "03-29 04:00"),
        ("2026-03-29 23:00", "03-30 04:00"),
        ("2026-10-24 23:00", "10-25 05:00"),
        ("2026-10-25 05:30", "10-25 05:00"),
    ],
)
def test_quiet_hours_over_midnight(local: str, until: str | None) -> None:
    assert _until(NIGHT, local) == until


def test_quiet_hours_within_a_day() -> None:
    lunch = QuietHours(time(12), time(13, 30))
    assert [_until(lunch, f"2026-11-23 {at}") for at in ("11:59", "12:00", "13:29", "13:30", "23:00")] == [
        None,
        "11-23 12:30",
        "11-23 12:30",
        None,
        None,
    ]


def test_quiet_hours_that_end_in_the_hour_that_is_left_out() -> None:
    """Half past two does not exist on 29 March: it counts from before the change, so it is half past three."""
    assert _until(QuietHours(time(22), time(2, 30)), "2026-03-29 01:00") == "03-29 01:30"
    assert _until(QuietHours(time(22), time(2, 30)), "2026-03-29 03:20") == "03-29 01:30"
    assert _until(QuietHours(time(22), time(2, 30)), "2026-03-29 03:30") is None


def test_quiet_hours_that_end_in_the_hour_that_comes_twice_last_to_its_second_time() -> None:
    quiet = QuietHours(time(22), time(2, 30))
    assert _until(quiet, "2026-10-25 01:00") == "10-25 01:30"
    assert _until(quiet, "2026-10-25 02:45") == "10-25 01:30", "the first 02:45 lies in the quiet night still"
    assert _until(quiet, "2026-10-25 02:29", fold=1) == "10-25 01:30"
    assert _until(quiet, "2026-10-25 02:30", fold=1) is None


def test_quiet_hours_that_begin_in_the_hour_that_comes_twice_begin_with_its_first_time() -> None:
    quiet = QuietHours(time(2, 30), time(6))
    assert _until(quiet, "2026-10-25 02:29") is None
    assert _until(quiet, "2026-10-25 02:30") == "10-25 05:00"
    assert _until(quiet, "2026-10-25 02:10", fold=1) == "10-25 05:00"


@pytest.mark.parametrize(
    ("local", "digest"),
    [
        ("2026-11-23 06:59", "11-23 06:00"),
        ("2026-11-23 07:00", "11-24 06:00"),
        ("2026-11-23 23:00", "11-24 06:00"),
        ("2026-03-28 12:00", "03-29 05:00"),
        ("2026-10-24 12:00", "10-25 06:00"),
    ],
)
def test_the_next_daily_digest(local: str, digest: str) -> None:
    assert _digest(time(7), local) == digest


def test_the_digest_of_an_hour_that_is_left_out_or_comes_twice_comes_once() -> None:
    at = time(2, 30)
    assert _digest(at, "2026-03-28 12:00") == "03-29 01:30", "half past three by the new time"
    assert _digest(at, "2026-03-29 03:29") == "03-29 01:30"
    assert _digest(at, "2026-03-29 03:30") == "03-30 00:30"
    assert _digest(at, "2026-10-25 02:29") == "10-25 00:30"
    assert _digest(at, "2026-10-25 02:10", fold=1) == "10-26 01:30", "it has come at the first half past two"


def test_a_digest_does_not_break_into_the_quiet_hours() -> None:
    assert _digest(time(5), "2026-11-23 12:00", quiet=NIGHT) == "11-24 05:00"


def test_everybody_has_their_own_clock() -> None:
    assert _until(NIGHT, "2026-11-23 22:30", "America/New_York") == "11-24 11:00"
    assert _digest(time(7), "2026-11-23 22:30", "Asia/Kathmandu") == "11-24 01:15"
    assert _going(Preferences(quiet=NIGHT), "2026-11-23 12:00", "UTC") == AT_ONCE
    now = datetime(2026, 11, 23, 23, tzinfo=UTC)
    assert delivery(Preferences(quiet=NIGHT), "goods-receipt", person("anna", zone="Moon/Base"), now).not_before is not None


@pytest.mark.parametrize(
    ("preferences", "told"),
    [
        (Preferences(), ""),
        (Preferences("off"), "no mail: the recipient wants no mail of this type"),
        (Preferences("digest"), "in the daily digest of 2026-11-24 07:00 Europe/Berlin"),
        (Preferences(quiet=NIGHT), "mail after the quiet hours, 2026-11-24 06:00 Europe/Berlin"),
    ],
)
def test_a_decision_says_what_becomes_of_the_mail(preferences: Preferences, told: str) -> None:
    assert _going(preferences, "2026-11-23 23:00").told(BERLIN) == told
