"""What is told by message must fit one: it repeats the event's facts, and names what it is about. Long lists are told in several events."""

import json
from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

from postroom.contracts.errors import Refused
from postroom.contracts.event import Event
from postroom.contracts.fields import Part
from postroom.contracts.topics import EVENT_BYTES, KB

One = TypeVar("One", bound=Part)
# Of an event that can't be told in several: the rest of a message is for whom it is, why, and what about.
TOLD_BYTES = EVENT_BYTES - 16 * KB
# What the lists may have of a message's 256 KiB, with the names of their entries; the rest is for what stands beside them.
LIST_BYTES = 200 * KB


def in_parts(entries: Sequence[One], most: int, about: Callable[[One], str] = lambda _: "", beside: int = 0) -> Iterator[list[One]]:
    """The entries in order, at most `most` and 200 KiB of JSON at a time, less what is `beside` them; nothing for none.

    `about` is how a message names an entry by itself.
    """
    part: list[One] = []
    size = beside
    for one in entries:
        length = len(one.model_dump_json().encode()) + json_bytes(about(one)) + 2
        if part and (len(part) == most or size + length > LIST_BYTES):
            yield part
            part, size = [], beside
        part.append(one)
        size += length
    if part:
        yield part


def check_size(events: Sequence[Event], path: str) -> None:
    """Refuse what the outbox would, or no message could tell."""
    for event in events:
        size = len(event.data.model_dump_json().encode())
        if size > TOLD_BYTES:
            raise Refused("too_large", f"its {event.type} would have {size} bytes; an event may have {TOLD_BYTES}. Send it in parts.", path)


def json_bytes(value: str | Sequence[str]) -> int:
    """How long it is in an event."""
    return len(json.dumps(value, ensure_ascii=False).encode())
