"""Which day a task takes it to be."""

from datetime import date

from postroom import clock, zones


def today(zone: str, as_of: date | None) -> date:
    """The day it is in this zone, or the day that was asked for."""
    return as_of or clock.now().astimezone(zones.zone(zone)).date()


def last_today(as_of: date | None) -> date:
    """The latest day that it is anywhere: what isn't due by then is due nowhere."""
    return as_of or clock.today("Pacific/Kiritimati")
