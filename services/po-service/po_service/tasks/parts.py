"""Whatever is due, however much it is, is done in parts."""

from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

from postroom.db import Connection, TooMuch

Found = TypeVar("Found")


async def in_parts(
    connection: Connection, found: Sequence[Found], at_once: int, effect: Callable[[Sequence[Found]], Awaitable[int]]
) -> int:
    """Give so many at once their effect, each part in a transaction of its own; returns how many events were raised.

    What was done stays done when a later part fails: the next run finds the rest. `effect` locks what was found and looks at it again,
    since it was found before.
    """
    raised = 0
    for start in range(0, len(found), at_once):
        part = found[start : start + at_once]
        try:
            async with connection.transaction():
                raised += await effect(part)
        except TooMuch:
            if len(part) == 1:
                raise
            raised += await in_parts(connection, part, len(part) // 2, effect)
    return raised
