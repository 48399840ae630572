"""Dates, quantities and money as the recipient writes them."""

import re
from collections.abc import Callable
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from babel import Locale, UnknownLocaleError
from babel.dates import format_date, format_datetime
from babel.numbers import format_currency, format_decimal
from jinja2.runtime import Context
from markupsafe import Markup, escape

_EMPTY_LINES = re.compile(r"\n\s*\n")


class Formats:
    """One language and zone; a value that isn't what it should be is an error, for a mail must not show rubbish."""

    def __init__(self, language: str, zone: str) -> None:
        self.locale = _locale(language)
        self.zone = _zone(zone)

    def quantity(self, value: Any) -> str:
        """Such as 1234.50 → 1,234.5."""
        return _quantity(_decimal(value), str(self.locale))

    def money(self, value: Any, currency: str) -> str:
        """Such as 1234.5 and EUR → €1,234.50."""
        return _money(_decimal(value), currency, str(self.locale))

    def day(self, value: Any) -> str:
        """Such as 2026-11-23 → 23 November 2026."""
        day = value if isinstance(value, date) else date.fromisoformat(str(value)[:10])
        return format_date(day, "long", locale=self.locale)

    def moment(self, value: Any) -> str:
        """A time in the recipient's zone, which is named."""
        return _moment(str(value), self.locale, self.zone)


def _decimal(value: Any) -> Decimal:
    try:
        return Decimal(str(value))
    except InvalidOperation as error:
        raise ValueError(f"not a number: {value!r}") from error


@lru_cache(maxsize=4_096)
def _quantity(value: Decimal, locale: str) -> str:
    return format_decimal(value, format="#,##0.############", locale=locale)


@lru_cache(maxsize=4_096)
def _money(value: Decimal, currency: str, locale: str) -> str:
    return format_currency(value, currency, locale=locale)


@lru_cache(maxsize=4_096)
def _moment(value: str, locale: Locale, zone: ZoneInfo) -> str:
    moment = format_datetime(datetime.fromisoformat(value), "d MMM y, HH:mm", tzinfo=zone, locale=locale)
    return f"{moment} ({zone.key})"


@lru_cache(maxsize=64)
def _locale(language: str) -> Locale:
    """The locale for a language tag. Plain English is British here: day before month, as the rest of Europe reads it."""
    try:
        return Locale.parse("en_GB" if language == "en" else language.replace("-", "_"))
    except (UnknownLocaleError, ValueError):
        return Locale.parse("en_GB")


@lru_cache(maxsize=256)
def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError):
        return ZoneInfo("UTC")


@lru_cache(maxsize=256)
def formats(language: str, zone: str) -> Formats:
    """The formats of a recipient; made once for each language and zone."""
    return Formats(language, zone)


# What the UN/ECE Recommendation 20 codes of UBL mean to a reader; another code is shown as it is.
UNITS = dict.fromkeys(("C62", "EA", "H87", "NAR", "PCE"), "pcs") | {
    "BX": "boxes",
    "XBX": "boxes",
    "CT": "cartons",
    "XCT": "cartons",
    "PK": "packs",
    "XPK": "packs",
    "PR": "pairs",
    "SET": "sets",
    "KGM": "kg",
    "GRM": "g",
    "TNE": "t",
    "LTR": "l",
    "MTR": "m",
    "MTK": "m²",
    "MTQ": "m³",
    "HUR": "hours",
    "DAY": "days",
}


def _minus(context: Context, value: Any, *others: Any) -> Decimal:
    return _decimal(value) - sum(map(_decimal, others))


def _paragraphs(context: Context, text: str) -> Markup:
    """Escaped text in paragraphs whose line ends stay, also where white-space: pre-wrap is not understood (PDF)."""
    paragraphs = (Markup("<br>").join(escape(line) for line in one.splitlines()) for one in _EMPTY_LINES.split(text.strip()))
    return Markup().join(Markup("<p>{}</p>").format(one) for one in paragraphs)


FILTERS: dict[str, Callable[..., Any]] = {
    "minus": _minus,
    "paragraphs": _paragraphs,
    "unit": lambda _, code: UNITS.get(code, code),
    "quantity": lambda context, value: context["formats"].quantity(value),
    "money": lambda context, value, currency: context["formats"].money(value, currency),
    "day": lambda context, value: context["formats"].day(value),
    "moment": lambda context, value: context["formats"].moment(value),
}
