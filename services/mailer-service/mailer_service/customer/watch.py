"""Looks after the customer's folder: what changes there is in force within two seconds, and lets go of what waited for it."""

import asyncio

import structlog

from mailer_service import releasing
from mailer_service.customer.templates import Templates
from postroom.db import DATABASE_AWAY, Pool

log = structlog.get_logger()
# A change counts when it is seen twice the same, so that a folder that is being copied is not read in its middle.
LOOK_SECONDS = 0.3


class Watch:
    """Run it beside the senders."""

    def __init__(self, pool: Pool, templates: Templates) -> None:
        self._pool = pool
        self._templates = templates
        self._changed: set[str] = set()
        self._pending: set[str] = set()

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            try:
                await self.look()
            except DATABASE_AWAY as error:
                log.warning("the customer's templates could not be looked after", error=repr(error))
            await asyncio.sleep(LOOK_SECONDS)

    async def look(self) -> None:
        """Once: also what a sender held a moment ago because of the version before is let go."""
        await self._templates.refresh()
        # Kept until it is done: the database may be away.
        self._pending |= self._templates.take_changed()
        await releasing.release_held(self._pool, self._templates.message_types, sorted(self._pending | self._changed))
        self._changed, self._pending = self._pending, set()
