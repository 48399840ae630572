"""A stop is obeyed even where Python's own wait_for has swallowed it."""

import asyncio

import pytest

from postroom import running
from postroom.cancellation import obey_cancellation


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
