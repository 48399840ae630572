"""How mails lie in the file: a line of JSON that says what follows, the bytes as they came, a line end."""

import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, BinaryIO

import orjson


@dataclass(frozen=True)
class Envelope:
    """One accepted SMTP transaction; `received` in seconds since 1970."""

    id: str
    received: float
    sender: str
    recipients: tuple[str, ...]


@dataclass(frozen=True)
class Stored:
    """An envelope and where its mail lies in the file."""

    envelope: Envelope
    offset: int
    size: int


def mail(envelope: Envelope, raw: bytes) -> tuple[bytes, bytes]:
    """Give the two parts of a mail's record: the line before its bytes, and its bytes with the line end."""
    head = {"kind": "mail", **vars(envelope), "size": len(raw), "crc": zlib.crc32(raw)}
    return orjson.dumps(head) + b"\n", raw + b"\n"


def mark(kind: str, ids: list[str]) -> bytes:
    """Give the record that says `read` or `gone` of earlier mails."""
    return orjson.dumps({"kind": kind, "ids": ids, "size": 0, "crc": 0}) + b"\n\n"


def read(file: BinaryIO) -> Iterator[tuple[dict[str, Any], int]]:
    """Yield each whole record's line and the offset of its bytes; stops at the first one that is not whole."""
    while line := file.readline():
        offset = file.tell()
        try:
            head: dict[str, Any] = orjson.loads(line)
            raw = file.read(head["size"] + 1)
        except (orjson.JSONDecodeError, KeyError, TypeError):
            return
        if len(raw) != head["size"] + 1 or zlib.crc32(raw[:-1]) != head["crc"]:
            return
        yield head, offset
