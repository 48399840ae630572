"""Long lists are told in several events: each holds what its contract and its topic allow."""

from collections.abc import Iterator, Sequence
from typing import TypeVar

from postroom.contracts.fields import Part

One = TypeVar("One", bound=Part)
# What the lists may have of an event's 256 KiB; the rest is for what stands beside them.
LIST_BYTES = 200 * 1024


def in_parts(entries: Sequence[One], most: int) -> Iterator[list[One]]:
    """The entries in order, at most `most` and 200 KiB of JSON at a time; nothing for none."""
    part: list[One] = []
    size = 0
    for one in entries:
        length = len(one.model_dump_json().encode()) + 1
        if part and (len(part) == most or size + length > LIST_BYTES):
            yield part
            part, size = [], 0
        part.append(one)
        size += length
    if part:
        yield part
