"""Whatever is due, however much it is, is done in parts; what can't be done holds up nothing else."""

import time
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
# Of a part: the server ends a transaction after a minute, and one that idles, since something is reckoned meanwhile, after 15 seconds.
PART_SECONDS = 2.0


async def in_parts(
    connection: Connection, found: Sequence[Found], at_once: int, effect: Callable[[Sequence[Found]], Awaitable[int]], begin: int = 1
) -> int:
    """Give what was found its effect, each part in a transaction of its own; returns how many events were raised.

    What was done stays done when a later part fails: the next run finds the rest. The first part has `begin`, and each later one as many
    as take some seconds, at most `at_once`: so a part that ran out of time, and may have taken its connection along, is not tried whole
    again. A part that fails by itself, and not because the world is away, is halved until what is at fault stands alone; that is passed
    over, with an alert, and the next run tries it again. `effect` locks what was found and looks at it again, since it was found before.
    """
    raised, passed_over = 0, 0
    start, size = 0, begin
    while start < len(found):
        part = found[start : start + size]
        began = time.monotonic()
        try:
            async with connection.transaction():
                raised += await effect(part)
        except Exception as error:
            if not isinstance(error, TooMuch) and at_fault(as_refusal(error)) is None:
                raise
            if len(part) > 1:
                size = len(part) // 2
                continue
            passed_over += 1
            told = {"what": str(part[0])[:200], "error": repr(error)[:500]}
            log.exception("what was due can't be done, and is passed over", alert=True, **told)
            if passed_over > PASSED_OVER:
                raise
        start += len(part)
        pace = PART_SECONDS / max(time.monotonic() - began, 0.001)
        size = min(max(int(len(part) * min(pace, 2)), 1), at_once)
    return raised
