"""Lets go of what was held for want of a template, some at a time."""

from collections.abc import Sequence

from mailer_service.store import envelopes
from postroom.db import Pool


async def release_held(pool: Pool, message_types: Sequence[str], changed: Sequence[str] = ()) -> int:
    """Of these types, now that they have a template; and what failed in one that has `changed`. → How many."""
    total = 0
    while True:
        async with pool.acquire() as connection, connection.transaction():
            released = await envelopes.release_held(connection, message_types, changed)
            if released:
                await envelopes.wake_senders(connection)
        total += released
        if released < envelopes.RELEASED_AT_ONCE:
            return total
