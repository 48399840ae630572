"""Dates, quantities and money as the recipient writes them."""

import re
from collections.abc import Callable
from contextlib import suppress
from datetime import date, datetime
from decimal import Context as Precision
from decimal import Decimal, InvalidOperation, localcontext
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo

from babel import Locale, UnknownLocaleError
from babel.dates import format_date, format_skeleton, format_time, get_timezone_name
from babel.numbers import format_currency, format_decimal, format_percent
from jinja2.runtime import Context
from markupsafe import Markup, escape

from mailer_service.domain.pieces import pieces
from mailer_service.plain_text import shortened
from mailer_service.units import unit_name
from postroom import zones

NAME_CHARACTERS = 50
# A contract's decimals have up to 30 digits; Python's own 28 are too few to write them.
_EXACT = Precision(prec=60)
_NUMBER = re.compile(r"-?\d{1,30}(\.\d{1,12})?")
_DATE = re.compile(r"\b[12]\d{3}-\d\d-\d\d\b")
_BLANKS = re.compile(r"^ +| {2,}")


class EmptyError(ValueError):
    """Nothing stands where a value is shown."""

    def __init__(self, told: str = "this can be empty: put {% if … %} around it") -> None:
        super().__init__(told)


class Formats:
    """One language and zone; a value that isn't what it should be is an error, for a mail must not show rubbish."""

    def __init__(self, language: str, zone: str) -> None:
        self.locale = _locale(language)
        self.zone = zones.zone(zone)

    def quantity(self, value: Any) -> str:
        """Such as 1234.50 → 1,234.5."""
        return _quantity(_decimal(value), str(self.locale))

    def money(self, value: Any, currency: str) -> str:
        """Such as 1234.5 and EUR → €1,234.50; without a currency just the number."""
        return _money(_decimal(value), currency, str(self.locale)) if currency else self.quantity(value)

    def amount(self, value: Any, unit: str) -> str:
        """A quantity with its unit, such as 1 box, 2.5 boxes."""
        return _amount(_decimal(value), unit, self.locale)

    def day(self, value: Any) -> str:
        """Such as 2026-11-23 → 23 November 2026."""
        return format_date(_date(value), "long", locale=self.locale)

    def short_day(self, value: Any) -> str:
        """For tables, such as 2026-11-23 → 23 Nov 2026."""
        return format_date(_date(value), "medium", locale=self.locale)

    def moment(self, value: Any) -> str:
        """A time in the recipient's zone, which is named."""
        return _moment(_present(value), self.locale, self.zone)


def _date(value: Any) -> date:
    return value if isinstance(value, date) else date.fromisoformat(_present(value)[:10])


def _present(value: Any) -> str:
    if value is None:
        raise EmptyError
    return str(value)


def _decimal(value: Any) -> Decimal:
    try:
        return Decimal(_present(value))
    except InvalidOperation as error:
        raise ValueError(f"not a number: {value!r}") from error


@lru_cache(maxsize=4_096)
def _quantity(value: Decimal, locale: str) -> str:
    with localcontext(_EXACT):
        return format_decimal(value, format="#,##0.############", locale=locale)


@lru_cache(maxsize=4_096)
def _money(value: Decimal, currency: str, locale: str) -> str:
    with localcontext(_EXACT):
        return format_currency(value, currency, locale=locale)


@lru_cache(maxsize=4_096)
def _amount(value: Decimal, unit: str, locale: Locale) -> str:
    return f"{_quantity(value, str(locale))} {unit_name(unit, value, locale)}".rstrip()


@lru_cache(maxsize=4_096)
def _moment(value: str, locale: Locale, zone: ZoneInfo) -> str:
    moment = datetime.fromisoformat(value)
    with suppress(OverflowError):  # at the calendar's ends another zone's day may have no year
        moment = moment.astimezone(zone)
    day = format_skeleton("yMMMd", moment, locale=locale)
    return f"{day}, {format_time(moment, 'short', locale=locale)} {_zone_name(moment, locale, zone)}"


def _zone_name(moment: datetime, locale: Locale, zone: ZoneInfo) -> str:
    """The zone as people there call it (CET, MEZ), or its full name where they have no such word."""
    name = get_timezone_name(moment, width="short", locale=locale)
    return name if name.isalpha() else f"({zone.key})"


@lru_cache(maxsize=64)
def _locale(language: str) -> Locale:
    """The locale for a language tag. Plain English is British here: day before month, as the rest of Europe reads it."""
    try:
        return Locale.parse("en_GB" if language == "en" else language.replace("-", "_"))
    except (UnknownLocaleError, ValueError):
        return Locale.parse("en_GB")


@lru_cache(maxsize=256)
def formats(language: str, zone: str) -> Formats:
    """The formats of a recipient; made once for each language and zone."""
    return Formats(language, zone)


def _minus(context: Context, value: Any, *others: Any) -> Decimal:
    with localcontext(_EXACT):
        return _decimal(value) - sum(map(_decimal, others))


def _days_before(context: Context, day: Any, days: int) -> str:
    return str(date.fromordinal(max(1, _date(day).toordinal() - days)))


def _days_until(context: Context, day: Any, other: Any) -> int:
    return (_date(other) - _date(day)).days


def _number(text: str) -> Decimal | None:
    """A number that another system wrote into a text field, if it is one."""
    return Decimal(text) if _NUMBER.fullmatch(text) else None


def _price(context: Context, text: str, currency: str) -> str:
    number = _number(text)
    return text if number is None else context["formats"].money(number, currency)


def _percent_to(context: Context, old: str, new: str) -> str:
    before, after = _number(old), _number(new)
    if not before or after is None or before == after:
        return ""
    locale = context["formats"].locale
    shape = locale.percent_formats[None].pattern.replace("0", "0.#")
    return format_percent((after - before) / abs(before), format=f"+{shape};-{shape}", locale=locale)


def _dates(context: Context, text: str) -> str:
    """The text with each day in it as the recipient writes it; what only looks like one stays."""

    def written(match: re.Match[str]) -> str:
        try:
            return str(context["formats"].short_day(match[0]))
        except ValueError:
            return match[0]

    return _DATE.sub(written, text)


def _size(context: Context, octets: int) -> str:
    """A file's size, such as 9.5 MB."""
    value, unit = (octets / 1024**2, "MB") if octets >= 1024**2 else (max(octets / 1024, 1), "kB")
    return f"{format_decimal(value, format='#,##0.#' if unit == 'MB' else '#,##0', locale=context['formats'].locale)}\u00a0{unit}"


def _paragraphs(context: Context, text: str, style: str = "") -> Markup:
    """Escaped text in paragraphs of this class that keep their line ends, indents and columns, where CSS knows no pre-wrap (PDF).

    What only goes on with a paragraph has the class `more`, too.
    """
    shown = Markup()
    for first, lines in pieces(text):
        words = Markup("<br>").join(_spaced(line) for line in lines)
        shown += Markup('<p class="{}">{}</p>').format(style if first else f"{style} more", words)
    return shown


def _spaced(line: str) -> Markup:
    """An escaped line whose blanks stay, but for one in a row where the line may be broken."""
    return escape(_BLANKS.sub(_kept, line.expandtabs(4)))


def _kept(blanks: re.Match[str]) -> str:
    within = blanks.start() > 0
    return "\u00a0" * (len(blanks[0]) - within) + " " * within


FILTERS: dict[str, Callable[..., Any]] = {
    "minus": _minus,
    "days_before": _days_before,
    "days_until": _days_until,
    "price": _price,
    "percent_to": _percent_to,
    "dates": _dates,
    "paragraphs": _paragraphs,
    "size": _size,
    "short": lambda _, text: shortened(text, NAME_CHARACTERS),
    "unit": lambda context, code, value=2: unit_name(code, _decimal(value), context["formats"].locale),
    "amount": lambda context, value, unit: context["formats"].amount(value, unit),
    "quantity": lambda context, value: context["formats"].quantity(value),
    "money": lambda context, value, currency: context["formats"].money(value, currency),
    "day": lambda context, value: context["formats"].day(value),
    "date": lambda context, value: context["formats"].short_day(value),
    "moment": lambda context, value: context["formats"].moment(value),
}
