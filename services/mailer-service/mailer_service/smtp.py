"""One long-lived SMTP session: aiosmtplib connects, greets, starts TLS and signs in; then the commands go out pipelined (RFC 2920)."""

import asyncio
import contextlib
import re
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from typing import cast
from urllib.parse import unquote, urlsplit

import aiosmtplib

from mailer_service.domain.delivery import Reply, Stage
from mailer_service.replies import Disconnected, Replies

_EXPECTED: tuple[tuple[Stage, int], ...] = (("mail", 2), ("rcpt", 2), ("data", 3))
# Of a session that is being opened nobody has a mail in hand: who doesn't greet by now is tried again (Postfix gives a connection 30 s).
OPENING_SECONDS = 30.0
_SCHEMES = {"smtp": 25, "smtps": 465, "smtp+starttls": 587}
_DIGITS = re.compile(r"[0-9]{1,15}")


class RelayAway(Exception):  # noqa: N818 - likewise
    """The relay does not accept a session: no connection, or a refusal at greeting, EHLO, STARTTLS or AUTH."""


@dataclass(frozen=True, slots=True)
class Server:
    """Where and how to connect."""

    host: str
    port: int
    scheme: str
    username: str | None = None
    password: str | None = None
    ca: str | None = None
    greeting: str = "localhost"


def parse(url: str, *, ca: str | None = None, greeting: str = "localhost") -> Server:
    """Read smtp://host:port, smtps://… or smtp+starttls://user:password@host:port. Raises ValueError naming what is wrong."""
    parts = urlsplit(url)
    if parts.scheme not in _SCHEMES or not parts.hostname:
        msg = "POSTROOM_SMTP must look like smtp://host:port, smtps://host or smtp+starttls://user:password@host:port"
        raise ValueError(msg)
    username, password = (unquote(text) if text else None for text in (parts.username, parts.password))
    if username and parts.scheme == "smtp":
        raise ValueError("POSTROOM_SMTP has a password and no TLS: it would go out in clear. Use smtps:// or smtp+starttls://")
    return Server(parts.hostname, parts.port or _SCHEMES[parts.scheme], parts.scheme, username, password, ca, greeting)


class Session:
    """A session in which one message after the other is handed over; each call writes, and the replies are read in order.

    `most` is how many bytes a message may have (RFC 1870), 0 where the server doesn't say.
    """

    def __init__(
        self, transport: asyncio.Transport, extensions: Mapping[str, str], *, command_seconds: float, reply_seconds: float
    ) -> None:
        self.pipelining = "pipelining" in extensions
        self._sizes = "size" in extensions
        size = extensions.get("size", "").strip()
        self.most = int(size) if _DIGITS.fullmatch(size) else 0
        self._replies = Replies()
        self._transport = transport
        self._seconds = (command_seconds, reply_seconds)
        self._unsent: list[bytes] = []
        self._reset_due = self._resetting = False
        transport.set_protocol(self._replies)

    @property
    def usable(self) -> bool:
        """Whether nothing came in unasked (a 421) and the connection stands."""
        return not (self._replies.closed or self._replies.replies or self._transport.is_closing())

    def envelope(self, sender: str, recipient: str, size: int) -> None:
        """Begin a message of so many bytes: MAIL, RCPT and DATA; behind one that was refused, a RSET first."""
        told = f" SIZE={size}" if self._sizes else ""
        commands = [f"MAIL FROM:<{sender}>{told}", f"RCPT TO:<{recipient}>", "DATA"]
        lines = [line.encode("ascii") + b"\r\n" for line in (["RSET", *commands] if self._reset_due else commands)]
        self._resetting, self._reset_due = self._reset_due, False
        if self.pipelining:
            self._write(b"".join(lines))
        else:
            self._unsent = lines

    async def accepted(self) -> tuple[Stage, Reply] | None:
        """None when the server waits for the message; else the stage that was refused, and how."""
        if self._resetting:
            await self._answer()
        refused: tuple[Stage, Reply] | None = None
        for stage, good in _EXPECTED:
            reply = await self._answer()
            if reply.code // 100 != good:
                refused = refused or (stage, reply)
                self._reset_due = True
                if not self.pipelining:
                    return refused
            elif stage == "data" and refused:
                # The server takes a message for nobody: an empty one ends it.
                self._write(b".\r\n")
                await self._answer()
        return refused

    def _write(self, data: bytes) -> None:
        """Write, unless the connection is gone: then the next reply says so (uvloop raises here, asyncio doesn't)."""
        if not self._transport.is_closing():
            self._transport.write(data)

    async def _answer(self) -> Reply:
        if not self.pipelining and self._unsent:
            self._write(self._unsent.pop(0))
        return await self._replies.next(self._seconds[0])

    def message(self, body: bytes) -> None:
        """Write the message, dots stuffed, and the final dot. From here on a lost reply leaves it unknown."""
        stuffed = body.replace(b"\r\n.", b"\r\n..")
        self._write((b"." + stuffed if stuffed.startswith(b".") else stuffed) + b".\r\n")

    async def delivered(self) -> Reply:
        """The reply to the final dot."""
        return await self._replies.next(self._seconds[1])

    async def quit(self) -> None:
        """Say goodbye; the answer doesn't matter."""
        if not self._replies.closed:
            self._write(b"QUIT\r\n")
            with contextlib.suppress(Disconnected):
                await self._replies.next(2)
        self.close()

    def close(self) -> None:
        """Drop the connection."""
        self._transport.close()


async def connect(server: Server, *, command_seconds: float, reply_seconds: float) -> Session:
    """A greeted, authenticated session. Raises RelayAway."""
    client: aiosmtplib.SMTP | None = None
    try:
        client = aiosmtplib.SMTP(
            hostname=server.host,
            port=server.port,
            timeout=min(command_seconds, OPENING_SECONDS),
            use_tls=server.scheme == "smtps",
            start_tls=server.scheme == "smtp+starttls",
            username=server.username,
            password=server.password,
            tls_context=ssl.create_default_context(cafile=server.ca) if server.scheme != "smtp" else None,
            local_hostname=server.greeting,
        )
        await client.connect()
        if client.is_ehlo_or_helo_needed:
            await client.ehlo()
    except (aiosmtplib.SMTPException, OSError, ValueError) as error:
        if client:
            client.close()
        raise RelayAway(f"{type(error).__name__}: {error}"[:500]) from error
    return Session(
        cast("asyncio.Transport", client.transport),
        {name.lower(): value for name, value in client.esmtp_extensions.items()},
        command_seconds=command_seconds,
        reply_seconds=reply_seconds,
    )
