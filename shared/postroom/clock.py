"""The one clock of business time. Leases and due times come from Postgres, not from here."""

import os
from datetime import UTC, date, datetime, timedelta

from postroom.zones import zone as zone_of

# A test or a rehearsal may shift business time; nothing else reads it, so one look at start is enough.
_OFFSET = timedelta(seconds=float(os.environ.get("POSTROOM_CLOCK_OFFSET", "0")))


def now() -> datetime:
    """The business time, in UTC."""
    return datetime.now(UTC) + _OFFSET


def today(zone: str) -> date:
    """The calendar day it is in this IANA zone."""
    return now().astimezone(zone_of(zone)).date()
