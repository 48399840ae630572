"""A stop that a library has swallowed is still a stop."""

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

Done = TypeVar("Done")
_left_behind: set["asyncio.Task[Any]"] = set()


def obey_cancellation() -> None:
    """Raise CancelledError if this task was told to stop. Call it in every loop that catches errors and goes on.

    Python 3.11's asyncio.wait_for, which aiokafka and asyncpg use, drops a cancellation that comes at the same moment as its result.
    """
    task = asyncio.current_task()
    if task is not None and task.cancelling():
        raise asyncio.CancelledError


async def in_time(work: Coroutine[Any, Any, Done], seconds: float) -> Done:
    """Its result; TimeoutError when there is none by then, also if it does not even end when it is cancelled: then it is left behind.

    asyncio.wait_for would wait for that end for ever, as with an aiokafka producer whose connection is half-open.
    """
    task = asyncio.create_task(work)
    try:
        await asyncio.wait({task}, timeout=seconds)
        if task.done():
            return task.result()
        raise TimeoutError
    finally:
        if not task.done():
            task.cancel()
            _left_behind.add(task)
            task.add_done_callback(_forget)


def _forget(task: "asyncio.Task[Any]") -> None:
    _left_behind.discard(task)
    if not task.cancelled():
        task.exception()  # looked at, so that nobody is told of it
