"""The relay as this process knows it, with a breaker: while it refuses nothing is taken, and one connection tries.

A session alone is no proof that a relay is well again which had refused mails: until it has taken one, it gets them one at a time.
"""

import asyncio
import random
from contextlib import ExitStack
from datetime import datetime, timedelta

import structlog

from mailer_service import smtp
from mailer_service.domain.delivery import Verdict
from mailer_service.settings import Settings
from postroom import clock

log = structlog.get_logger()
FIRST_PAUSE, LONGEST_PAUSE = 0.5, 30.0
# So many refusals that may be the relay's own, and no mail taken in between, are its own.
DOUBTS = 10


class Relay:
    """Opens sessions; `accepting` is False from a refusal to the next accepted session, `on_trial` until a mail is taken.

    `epoch` counts the refusals of mails: a session from before one is not used again, for what was wrong may be wrong there for ever
    (a server reads its settings at a session's beginning). `recovered`: what it refused so far may be tried again now.
    `doubted` are the domains of what was refused since it took the last mail: it may be they who refuse us.
    """

    def __init__(self, settings: Settings, greeting: str) -> None:
        self.server = smtp.parse(settings.smtp.get_secret_value(), ca=settings.smtp_ca, greeting=greeting)
        self.accepting = True
        self.on_trial = False
        self.recovered = False
        self.detail = ""
        self.epoch = 0
        # It is compared with what the database's clock says of refusals.
        self.database_ahead = timedelta(0)
        self._accepted_at: datetime | None = None
        # Of what was before this process nothing is known: perhaps somebody mended the relay and started it again.
        self._refused = True
        self._doubts = self._sessions = 0
        self.doubted: set[str] = set()
        self._settings = settings
        self._pause = FIRST_PAUSE
        self._one_tries = asyncio.Lock()

    @property
    def well(self) -> bool:
        """Whether mails may go out as fast as they can."""
        return self.accepting and not self.on_trial

    async def turn(self) -> ExitStack:
        """Closed when the relay is well: until then one caller tries, and the others wait for what comes of it."""
        turn = ExitStack()
        if not self.well:
            await self._one_tries.acquire()
            turn.callback(self._one_tries.release)
        return turn

    async def session(self) -> smtp.Session:
        """A new session; while the relay refuses, at growing intervals. Raises RelayAway."""
        if not self.accepting:
            await asyncio.sleep(self._pause * random.uniform(0.5, 1))  # noqa: S311 - jitter
            self._pause = min(self._pause * 2, LONGEST_PAUSE)
        try:
            session = await smtp.connect(
                self.server, command_seconds=self._settings.command_seconds, reply_seconds=self._settings.reply_seconds
            )
        except smtp.RelayAway as error:
            if self.well and self._sessions:
                # It has others of ours: one more is too many for it, or they will end, too, and the last one tells.
                await asyncio.sleep(LONGEST_PAUSE * random.uniform(0.5, 1))  # noqa: S311 - jitter
            else:
                self._refuses(str(error))
            raise
        self._sessions += 1
        self.accepting = True
        if not self.on_trial and self.detail:
            self._is_well()
        return session

    def left(self) -> None:
        """A session has ended."""
        self._sessions -= 1

    def was_well_since(self, moment: datetime | None) -> bool:
        """Whether it has taken a mail since, and refused none after that on grounds that may be its own."""
        return bool(moment and self._accepted_at and self._accepted_at > moment and not self._doubts)

    def showed(self, verdict: Verdict, address: str) -> None:
        """What came of a mail, for what it says about the relay."""
        if verdict.result == "relay":
            self._refuses_mail(verdict.detail)
        elif verdict.in_doubt:
            self._doubts += 1
            self.doubted.add(address.rpartition("@")[2])
            self._refused |= self._doubts > 1
            if self.on_trial or self._doubts >= DOUBTS:
                self._refuses_mail(verdict.detail)
        elif verdict.result == "sent":
            self._accepted_at, self._doubts, self._pause = clock.now() + self.database_ahead, 0, FIRST_PAUSE
            self.doubted.clear()
            self.recovered |= self._refused
            self._refused = False
            self._is_well()
        elif verdict.result in {"deferred", "bounced", "dead"} and verdict.code:
            # It speaks of one recipient, or of one mail: the relay itself works.
            self._is_well()

    def keeps_us_waiting(self) -> None:
        """It has taken a mail as far as its dot, and needs time: no reason to let the others wait."""
        self._is_well()

    def _is_well(self) -> None:
        if self.detail:
            log.info("the relay accepts again", relay=f"{self.server.host}:{self.server.port}")
        self.on_trial, self.detail = False, ""

    def _refuses_mail(self, detail: str) -> None:
        self.on_trial = self._refused = True
        self.epoch += 1
        self._refuses(detail)

    def _refuses(self, detail: str) -> None:
        """The relay itself is at fault: an alert, once, and nothing more is taken until a session is accepted."""
        if not self.detail:
            log.error("the relay refuses: sending stops until it accepts", alert=True, detail=detail)
        self.accepting, self.detail = False, detail
