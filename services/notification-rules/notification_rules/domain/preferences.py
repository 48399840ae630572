"""How a person wants their mail: by type now, in the daily digest, or not at all; quiet hours. Mandatory types ignore it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from typing import Literal
from zoneinfo import ZoneInfo

from notification_rules.domain.people import Person
from postroom import zones

Mail = Literal["now", "digest", "off"]
DAY = timedelta(days=1)
DIGEST_AT = time(7)
WANTS_NONE = "the recipient wants no mail of this type"


@dataclass(frozen=True, slots=True)
class QuietHours:
    """From one time of day until another, in the person's zone; `until` is no longer quiet, and may lie on the next day."""

    start: time
    until: time

    def end(self, now: datetime, zone: ZoneInfo) -> datetime | None:
        """When the quiet hours that are now end; None outside them."""
        today = now.astimezone(zone).date()
        over = DAY if self.until <= self.start else timedelta()
        ends = (_last(day + over, self.until, zone) for day in (today - DAY, today) if _moment(day, self.start, zone) <= now)
        return next((end for end in ends if now < end), None)


@dataclass(frozen=True, slots=True)
class Preferences:
    """`mail` holds for all optional types that `types` doesn't name; what nobody has set is mail at once."""

    mail: Mail = "now"
    types: Mapping[str, Mail] = field(default_factory=dict)
    quiet: QuietHours | None = None
    digest_at: time = DIGEST_AT

    def of(self, message_type: str) -> Mail:
        return self.types.get(message_type, self.mail)


@dataclass(frozen=True, slots=True)
class Change:
    """What a person sets: None leaves what there is, and lets a type follow `mail` again; `quiet` counts unless `keep_quiet`."""

    mail: Mail | None = None
    types: Mapping[str, Mail | None] = field(default_factory=dict)
    keep_quiet: bool = True
    quiet: QuietHours | None = None
    digest_at: time | None = None


@dataclass(frozen=True, slots=True)
class Delivery:
    """What becomes of the mail of one message: none (and why), in the digest of this moment, or not before this moment."""

    no_mail: str = ""
    digest: datetime | None = None
    not_before: datetime | None = None

    def told(self, zone: str) -> str:
        """The same for a decision's reason; "" where the mail goes at once."""
        if self.no_mail:
            return f"no mail: {self.no_mail}"
        if self.digest:
            return f"in the daily digest of {_local(self.digest, zone)}"
        return f"mail after the quiet hours, {_local(self.not_before, zone)}" if self.not_before else ""


AT_ONCE = Delivery()


def delivery(preferences: Preferences, message_type: str, person: Person, now: datetime) -> Delivery:
    """For an optional type that goes by mail. A digest that would come in quiet hours comes at their end."""
    mail, zone = preferences.of(message_type), zones.zone(person.zone)
    if mail == "off":
        return Delivery(no_mail=WANTS_NONE)
    quiet = preferences.quiet
    if mail == "digest":
        moment = next_digest(preferences.digest_at, now, zone)
        return Delivery(digest=(quiet.end(moment, zone) if quiet else None) or moment)
    return Delivery(not_before=quiet.end(now, zone) if quiet else None)


def next_digest(at: time, now: datetime, zone: ZoneInfo) -> datetime:
    """The next time that it is `at` on the person's clock; once a day, also on the day that has this hour twice or not at all."""
    today = now.astimezone(zone).date()
    return next(moment for days in range(3) if now < (moment := _moment(today + days * DAY, at, zone)))


def _moment(day: date, at: time, zone: ZoneInfo) -> datetime:
    """In UTC: of an hour that comes twice the first; an hour that is left out counts from before the change (RFC 5545, 3.3.5)."""
    return datetime.combine(day, at, zone).astimezone(ZoneInfo("UTC"))


def _last(day: date, at: time, zone: ZoneInfo) -> datetime:
    """The same, but of an hour that comes twice the second: a quiet night is never cut short."""
    return max(_moment(day, at.replace(fold=fold), zone) for fold in (0, 1))


def _local(moment: datetime, zone: str) -> str:
    return f"{moment.astimezone(zones.zone(zone)):%Y-%m-%d %H:%M} {zones.zone(zone).key}"
