"""Kafka headers as JSON and back, byte for byte: a value that is no text in Postgres's eyes stands as {"hex": …}."""

from collections.abc import Iterable
from typing import Any

import orjson


def to_json(headers: Iterable[tuple[str, bytes | None]]) -> str:
    """As JSON text. Text and not a Python list, since asyncpg takes lists in a jsonb[] for further dimensions of the array."""
    return orjson.dumps([[name.replace("\x00", "\ufffd"), _shown(value)] for name, value in headers]).decode()


def from_json(stored: Iterable[tuple[str, Any]]) -> list[tuple[str, bytes | None]]:
    """The headers that were stored."""
    return [(name, _raw(value)) for name, value in stored]


def _shown(value: bytes | None) -> str | dict[str, str] | None:
    if value is None:
        return None
    try:
        text = value.decode("utf-8")
    except UnicodeDecodeError:
        return {"hex": value.hex()}
    return {"hex": value.hex()} if "\x00" in text else text


def _raw(value: Any) -> bytes | None:
    if isinstance(value, dict):
        return bytes.fromhex(value["hex"])
    return None if value is None else str(value).encode()
