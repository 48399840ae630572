"""The relay as this process knows it, with a breaker: while it refuses sessions nothing is taken, and one connection tries."""

import asyncio
import random
from datetime import datetime, timedelta

import structlog

from mailer_service import smtp
from mailer_service.settings import Settings
from postroom import clock

log = structlog.get_logger()
FIRST_PAUSE, LONGEST_PAUSE = 0.5, 30.0


class Relay:
    """Opens sessions; `accepting` is False from a refused session to the next accepted one."""

    def __init__(self, settings: Settings, greeting: str) -> None:
        self.server = smtp.parse(settings.smtp.get_secret_value(), ca=settings.smtp_ca, greeting=greeting)
        self.accepting = True
        self.detail = ""
        self.accepted_at: datetime | None = None
        # It is compared with what the database's clock says of refusals.
        self.database_ahead = timedelta(0)
        self._settings = settings
        self._pause = FIRST_PAUSE
        self._one_tries = asyncio.Lock()

    async def session(self) -> smtp.Session:
        """A new session; while the relay is away, one caller tries at growing intervals and the others wait for it."""
        if self.accepting:
            return await self._connect()
        async with self._one_tries:
            if not self.accepting:
                await asyncio.sleep(self._pause * random.uniform(0.5, 1))  # noqa: S311 - jitter
                self._pause = min(self._pause * 2, LONGEST_PAUSE)
            return await self._connect()

    async def _connect(self) -> smtp.Session:
        try:
            session = await smtp.connect(
                self.server, command_seconds=self._settings.command_seconds, reply_seconds=self._settings.reply_seconds
            )
        except smtp.RelayAway as error:
            self.refuses(str(error))
            raise
        if not self.accepting:
            log.info("the relay accepts sessions again", relay=f"{self.server.host}:{self.server.port}")
        self.accepting, self.detail = True, ""
        return session

    def refuses(self, detail: str) -> None:
        """The relay itself is at fault: an alert, once, and nothing more is taken until a session is accepted."""
        if self.accepting:
            log.error("the relay refuses: sending stops until it accepts a session", alert=True, detail=detail)
        self.accepting, self.detail = False, detail

    def accepted(self) -> None:
        """A message was taken: the relay is well, whatever it says of single recipients."""
        self.accepted_at = clock.now() + self.database_ahead
        self._pause = FIRST_PAUSE
