"""Field types that every contract uses."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Annotated, Any, ClassVar

from pydantic import AfterValidator, AwareDatetime, BaseModel, BeforeValidator, ConfigDict, Field, PlainSerializer


def _decimal_text(value: Any) -> Any:
    """Take '12.50' or a Decimal, and nothing that has been through a float."""
    if isinstance(value, Decimal):
        return value
    if not isinstance(value, str):
        msg = 'must be a decimal in a string, such as "12.50"'
        raise ValueError(msg)  # noqa: TRY004 - pydantic turns ValueError, not TypeError, into a named field error
    return value


def _in_utc(value: datetime) -> datetime:
    try:
        return value.astimezone(UTC)
    except OverflowError as error:
        msg = "is no moment between the years 1 and 9999 in UTC"
        raise ValueError(msg) from error


def _plain(value: Decimal) -> str:
    return format(value, "f")


DecimalText = Annotated[
    Decimal,
    # Before the validator, so that pydantic checks these in Rust: behind it they are Python, and most of an event's decoding.
    Field(allow_inf_nan=False, max_digits=30, decimal_places=12),
    BeforeValidator(_decimal_text, json_schema_input_type=str),
    PlainSerializer(_plain, return_type=str),
]
"""An exact quantity or amount; on the wire a string such as "12.50"."""

Id = Annotated[str, Field(min_length=1, max_length=200)]
ScopedId = Annotated[str, Field(min_length=1, max_length=250)]
"""An Id of ours, or another system's with that system's name (40) in front: erp/B1."""
EventId = Annotated[str, Field(min_length=1, max_length=500)]
"""The CloudEvents attribute `id`, as long as any attribute may be."""
Text = Annotated[str, Field(max_length=4_000)]
MAX_DAYS = 36_500
"""A hundred years: more days of notice, or after a delivery date, are a mistake."""
MAX_VERSION = 2**53 - 1
"""The largest whole number that every JSON reader takes exactly."""
UtcTime = Annotated[AwareDatetime, AfterValidator(_in_utc)]


class Part(BaseModel):
    """A piece of an event. Unknown fields are ignored, so that a newer producer can add some."""

    model_config = ConfigDict(frozen=True, extra="ignore")


class Fact(Part):
    """What an event says. `TYPE` is its past-tense name and major version."""

    TYPE: ClassVar[str]


__all__ = ["MAX_DAYS", "MAX_VERSION", "DecimalText", "EventId", "Fact", "Id", "Part", "ScopedId", "Text", "UtcTime", "datetime"]
