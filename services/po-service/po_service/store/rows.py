"""Between dataclasses and rows."""

from dataclasses import fields, is_dataclass
from datetime import date
from decimal import Decimal
from typing import Any, TypeVar

Value = TypeVar("Value")


def plain(value: Any) -> Any:
    """A value as jsonb takes it; jsonb_populate_recordset gives it its column's type again."""
    if isinstance(value, Decimal):
        return format(value, "f")
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, list | tuple):
        return [plain(one) for one in value]
    if isinstance(value, dict):
        return {name: plain(one) for name, one in value.items()}
    if is_dataclass(value):
        return {field.name: plain(getattr(value, field.name)) for field in fields(value)}
    return value


def of(cls: type[Value], row: Any, **given: Any) -> Value:
    """A dataclass of a row's columns; lists become tuples, and `given` stands for what the row doesn't have."""
    names = [field.name for field in fields(cls) if field.name not in given]  # type: ignore[arg-type] # only dataclasses come here
    columns = {name: row[name] for name in names if name in row.keys()}  # noqa: SIM118 - a Record is no mapping
    return cls(**{name: tuple(value) if isinstance(value, list) else value for name, value in columns.items()}, **given)
