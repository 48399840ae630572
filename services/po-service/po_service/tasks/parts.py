"""Whatever is due, however much it is, is done in parts; what can't be done holds up nothing else."""

from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

import structlog

from postroom.contracts.errors import at_fault
from postroom.db import Connection, TooMuch
from postroom.intake import as_refusal

log = structlog.get_logger()
Found = TypeVar("Found")
# So many are passed over in a run; where more fail the fault is in all of them, and the task fails.
PASSED_OVER = 20


async def in_parts(
    connection: Connection, found: Sequence[Found], at_once: int, effect: Callable[[Sequence[Found]], Awaitable[int]]
) -> int:
    """Give so many at once their effect, each part in a transaction of its own; returns how many events were raised.

    What was done stays done when a later part fails: the next run finds the rest. A part that fails by itself, and not because the world
    is away, is halved until what is at fault stands alone; that is passed over, with an alert, and the next run tries it again. `effect`
    locks what was found and looks at it again, since it was found before.
    """
    raised, passed_over = 0, 0
    left = deque(found[start : start + at_once] for start in range(0, len(found), at_once))
    while left:
        part = left.popleft()
        try:
            async with connection.transaction():
                raised += await effect(part)
        except Exception as error:
            if not isinstance(error, TooMuch) and at_fault(as_refusal(error)) is None:
                raise
            if len(part) > 1:
                middle = len(part) // 2
                left.extendleft((part[middle:], part[:middle]))
                continue
            passed_over += 1
            told = {"what": str(part[0])[:200], "error": repr(error)[:500]}
            log.exception("what was due can't be done, and is passed over", alert=True, **told)
            if passed_over > PASSED_OVER:
                raise
    return raised
