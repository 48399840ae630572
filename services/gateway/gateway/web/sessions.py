"""Who is signed in: a random cookie, whose hash names a row in the gateway's own database."""

import asyncio
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from hashlib import sha256

from gateway import store
from gateway.settings import Settings
from postroom import db, failpoints
from postroom.auth import Principal
from postroom.db import Connection, Pool

# Whoever works all day signs in once a day.
LIFE = timedelta(hours=12)


@dataclass(frozen=True, slots=True)
class Session:
    """One sign-in: who, the token that its forms carry, the language and zone of its pages. `token` is that of an issuer elsewhere.

    `stale`: it was not used for a minute, and who it stands for may have changed.
    """

    csrf: str
    principal: Principal
    language: str
    zone: str
    token: str | None = None
    stale: bool = False


class Sessions:
    """The sessions of this installation. The database is asked for when the first person comes: programs that call the API need none."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._idle = timedelta(seconds=settings.session_idle_seconds)
        self._opening = asyncio.Lock()
        self._pool: Pool | None = None

    async def begin(self, principal: Principal, *, language: str, zone: str, token: str | None = None, life: timedelta = LIFE) -> str:
        """A new session; returns the cookie's value."""
        cookie = secrets.token_urlsafe(32)
        given = {"principal": principal.model_dump(mode="json"), "language": language, "zone": zone, "token": token}
        async with self._connection() as connection:
            await store.begin(connection, _id(cookie), {**given, "csrf": secrets.token_urlsafe(24)}, min(life, LIFE))
        failpoints.reach("session.begun")
        return cookie

    async def find(self, cookie: str, *, used: bool = True) -> Session | None:
        """The session that this cookie stands for; None if it ended, or lay idle for too long. `used`: somebody is there, so it goes on."""
        async with self._connection() as connection:
            row = await store.find(connection, _id(cookie), self._idle)
            if row and row["stale"] and used:
                await store.touch(connection, _id(cookie))
        if row is None:
            return None
        principal = Principal.model_validate(row["principal"])
        return Session(row["csrf"], principal, row["language"], row["zone"], row["token"], row["stale"])

    async def renew(self, cookie: str, principal: Principal) -> None:
        """What the directory says of the person now: another company, other roles."""
        async with self._connection() as connection:
            await store.renew(connection, _id(cookie), principal.model_dump(mode="json"))

    async def speak(self, cookie: str, language: str) -> None:
        """Change the language of its pages."""
        async with self._connection() as connection:
            await store.speak(connection, _id(cookie), language)

    async def end(self, cookie: str) -> None:
        """Sign out."""
        async with self._connection() as connection:
            await store.end(connection, _id(cookie))
        failpoints.reach("session.ended")

    async def close(self) -> None:
        """Give the connections back."""
        if self._pool:
            await self._pool.close()

    @asynccontextmanager
    async def _connection(self) -> AsyncIterator[Connection]:
        async with self._opening:
            if self._pool is None:
                await db.migrate(self._settings, "gateway", shared=False)
                self._pool = await db.open_pool(self._settings, "worker")
        async with self._pool.acquire() as connection:
            yield connection


def _id(cookie: str) -> bytes:
    return sha256(cookie.encode()).digest()
