"""Links that stay half-open and never thaw: nobody is told that a connection is dead; each service finds out by its own patience."""

import asyncio

from tests.faults.stage import Scale, Stage

CLOSED_SECONDS = 90.0
AT_MOST_SECONDS = 60.0
LINKS = ("postgres", "smtp", "kafka")


async def frozen(stage: Stage, _: Scale) -> None:
    """All connections of a link are frozen for good: at first new ones pass at once, then only after longer than every time-out."""
    async with stage.under_load(20):
        for closed in (0.0, CLOSED_SECONDS):
            for name in LINKS:
                await stage.half_open(name, closed, AT_MOST_SECONDS)
                await asyncio.sleep(5)
