"""A stop that a library has swallowed is still a stop."""

import asyncio


def obey_cancellation() -> None:
    """Raise CancelledError if this task was told to stop. Call it in every loop that catches errors and goes on.

    Python 3.11's asyncio.wait_for, which aiokafka and asyncpg use, drops a cancellation that comes at the same moment as its result.
    """
    task = asyncio.current_task()
    if task is not None and task.cancelling():
        raise asyncio.CancelledError
