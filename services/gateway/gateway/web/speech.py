"""The page's words: English stands in the templates, other languages in words/<language>.yaml, keyed by it."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from importlib.resources import files
from zoneinfo import available_timezones

import yaml
from babel import Locale
from babel.dates import format_date, format_datetime, format_time
from babel.numbers import format_decimal

from postroom import zones
from postroom.problems import Problem

_WORDS: dict[str, dict[str, str]] = {
    path.name.removesuffix(".yaml"): yaml.safe_load(path.read_text("utf-8"))
    for path in (files(__package__) / "words").iterdir()
    if path.name.endswith(".yaml")
}
LANGUAGES = {"en": "English", "de": "Deutsch"}
# English as Europe writes it: 27 Nov 2026, 14:05.
_LOCALES = {"en": Locale("en", "GB"), "de": Locale("de", "AT")}
_UNITS = {"C62": "pcs", "H87": "pcs", "EA": "pcs", "KGM": "kg", "MTR": "m", "LTR": "l", "HUR": "h", "DAY": "days", "BX": "boxes"}
_KILO = 1024
_QUOTED = re.compile(r"""(?<!\w)(['"])(.+?)\1(?=[\s,.:;]|$)""")


def spoken(wish: str | None, accept: str = "") -> str:
    """The language for a person who wishes for this one, or whose browser accepts these; English where neither is spoken here."""
    asked: Sequence[str] = [wish] if wish else [one.partition(";")[0] for one in accept.split(",")]
    tags = (one.strip().lower().partition("-")[0] for one in asked)
    return next((tag for tag in tags if tag in LANGUAGES), "en")


def known_zone(*wishes: str | None) -> str:
    """The first of these that is a time zone and says more than UTC, which a directory holds where nobody has said anything."""
    return next((one for one in wishes if one and one != "UTC" and one in available_timezones()), "UTC")


@dataclass(frozen=True, slots=True)
class Speech:
    """How one reader is spoken to: `say`, and dates, moments, amounts and sizes as they write them, in their zone."""

    language: str
    zone: str

    def say(self, english: str, **given: object) -> str:
        """These words in the reader's language, with what is given put in."""
        text = _WORDS.get(self.language, {}).get(english, english)
        return text.format(**given) if given else text

    def count(self, number: int, one: str, many: str) -> str:
        """`one` or `many`, by the number, which they hold as {n}."""
        return self.say(one if number == 1 else many, n=self.number(number))

    def problem(self, problem: Problem) -> str:
        """What went wrong. A service tells it in English, with the details; elsewhere its code has a sentence, where we have one."""
        known = _WORDS.get(self.language, {})
        by_field = f"{problem.code} {(problem.field or '').partition('.')[0]}"
        ours = known.get(by_field) or known.get(f"{problem.code} *") or known.get(problem.detail)
        quoted = _QUOTED.search(problem.detail)
        return ours.format(quoted[2] if quoted else "") if ours else problem.detail

    def day(self, value: str | date | None) -> str:
        """A calendar day."""
        if not value:
            return ""
        return format_date(date.fromisoformat(value) if isinstance(value, str) else value, "medium", self._locale)

    def moment(self, value: str) -> str:
        """A moment in the reader's zone, to the minute."""
        there = self._there(value)
        return f"{format_date(there, 'medium', self._locale)}, {format_time(there, 'short', locale=self._locale)}"

    def exactly(self, value: str) -> str:
        """The same to the second, with its zone, for whoever points at it."""
        return f"{format_datetime(self._there(value), 'd MMMM y, HH:mm:ss', locale=self._locale)} ({self.zone})"

    def number(self, value: str | int) -> str:
        """A number or quantity."""
        return format_decimal(Decimal(value), locale=self._locale)

    def money(self, value: str | None, currency: str) -> str:
        """An amount with its currency; nothing where there is none."""
        return f"{format_decimal(Decimal(value), '#,##0.00##', self._locale)} {currency}".strip() if value is not None else ""

    def unit(self, code: str) -> str:
        """A unit of UN/ECE Recommendation 20 as people write it; the code itself where it isn't a common one."""
        return self.say(_UNITS[code]) if code in _UNITS else code

    def size(self, octets: int) -> str:
        """A file's size."""
        if octets < _KILO:
            return f"{octets} B"
        amount, unit = (octets / _KILO, "KB") if octets < _KILO * _KILO else (octets / _KILO / _KILO, "MB")
        return f"{format_decimal(Decimal(f'{amount:.1f}'), '#,##0.#', self._locale)} {unit}"

    @property
    def _locale(self) -> Locale:
        return _LOCALES[self.language]

    def _there(self, value: str) -> datetime:
        return datetime.fromisoformat(value).astimezone(zones.zone(self.zone))
