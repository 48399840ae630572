"""A stop is obeyed even where Python's own wait_for has swallowed it."""

import asyncio
import contextlib
import time

import pytest

from postroom import running
from postroom.cancellation import in_time, obey_cancellation


async def swallow() -> None:
    """What wait_for of 3.11 does when the result and the cancellation come at the same moment: the cancellation is gone."""
    try:
        await asyncio.sleep(30)
    except asyncio.CancelledError:
        raise OSError("the connection was refused just then") from None


async def test_a_worker_whose_stop_was_swallowed_ends_all_the_same() -> None:
    async with asyncio.timeout(5):
        async with running.background(swallow):
            await asyncio.sleep(0.05)


async def test_a_running_task_goes_on() -> None:
    obey_cancellation()
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.01):
            await asyncio.sleep(1)
    obey_cancellation()


async def stubborn() -> None:
    """What aiokafka's producer does when it is stopped while its connection is half-open: it ends at no cancellation."""
    while True:
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.sleep(0.3)
            return


async def test_what_does_not_end_when_it_is_cancelled_is_left_behind() -> None:
    began = time.monotonic()
    with pytest.raises(TimeoutError):
        await in_time(stubborn(), 0.05)
    assert time.monotonic() - began < 0.25


async def test_what_ends_in_time_gives_its_result_or_its_error() -> None:
    assert await in_time(asyncio.sleep(0, "done"), 5) == "done"
    with pytest.raises(OSError, match="refused"):
        await in_time(_refused(), 5)


async def _refused() -> None:
    raise OSError("refused")
