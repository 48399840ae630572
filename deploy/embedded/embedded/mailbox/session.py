"""aiosmtpd's SMTP session, made fast where it is slow: DATA in one go, plain addresses, replies that leave together."""

import asyncio
import logging
import re
from typing import Any, cast

from aiosmtpd.smtp import SMTP, Envelope

# As large a mail as a well-kept relay takes; the mailer's own limit is below it.
SIZE_LIMIT = 32 * 1024 * 1024
# RFC 5321 4.5.3.1.6: 1,000 octets with the line end, and one for a doubled dot.
_LINE_LIMIT = 1001
_END = b"\r\n.\r\n"
# What nearly every client writes; anything else goes to aiosmtpd's own parser of RFC 5321.
_PLAIN_PATH = re.compile(r"<([\w.+=~-]+@[\w.-]+)>(?: (.*))?", re.ASCII)
# After these the connection is closed, so that they can't wait.
_LAST_WORDS = (b"221", b"421", b"502 5.5.1")

# aiosmtpd writes each command to its log.
logging.getLogger("mail.log").setLevel(logging.ERROR)


class Session(SMTP):
    """One connection."""

    # Also the limit of the connection's buffer, which must hold a whole mail here.
    line_length_limit = SIZE_LIMIT

    def __init__(self, handler: Any) -> None:
        super().__init__(handler, data_size_limit=SIZE_LIMIT, enable_SMTPUTF8=True, hostname="mailbox.localhost", ident="Postroom mailbox")

        self._replies: list[bytes] = []

    async def push(self, status: str | bytes) -> None:
        """Collect the replies to commands that came at once and send them in one packet, as RFC 2920 asks."""
        reply = status if isinstance(status, bytes) else status.encode("utf-8", "surrogateescape")
        if not self._replies:
            self.loop.call_soon(self._flush)
        self._replies.append(reply + b"\r\n")
        if reply.startswith(_LAST_WORDS):
            self._flush()

    def _flush(self) -> None:
        transport = cast("asyncio.Transport | None", self.transport)
        if self._replies and transport is not None and not transport.is_closing():
            transport.write(b"".join(self._replies))
        self._replies.clear()

    def _getaddr(self, arg: str) -> tuple[str | None, str | None]:
        if plain := _PLAIN_PATH.fullmatch(arg):
            return plain[1], plain[2] or ""
        address, rest = super()._getaddr(arg)
        return address, rest

    async def smtp_DATA(self, arg: str | None) -> None:  # noqa: N802 - aiosmtpd's name
        if await self.check_helo_needed():
            return
        envelope = cast("Envelope", self.envelope)  # made when the client connected
        if not envelope.rcpt_tos:
            await self.push("503 5.5.1 Error: need RCPT command")
            return
        if arg:
            await self.push("501 5.5.4 Syntax: DATA")
            return
        await self.push("354 End data with <CR><LF>.<CR><LF>")
        content = await self._read_mail()
        if content is None:
            status = "552 5.3.4 Error: Too much mail data"
        elif any(len(line) >= _LINE_LIMIT for line in content.split(b"\n")):
            status = "500 5.6.0 Line too long (see RFC 5321 4.5.3.1.6)"
        else:
            envelope.original_content = envelope.content = content
            status = await self.event_handler.handle_DATA(self, self.session, envelope)
        self._set_post_data_state()  # type: ignore[no-untyped-call] # aiosmtpd's
        await self.push(status)

    async def _read_mail(self) -> bytes | None:
        """Read up to the lone dot and undouble dots; None when it is larger than the limit."""
        head = await self._reader.readexactly(3)
        if head == b".\r\n":
            return b""
        content = bytearray(head)
        if b"\r" in head:
            # The end could begin in what was read already; such tiny first lines are rare.
            while not content.endswith(_END):
                content += await self._reader.readuntil(b"\n")
        elif (rest := await self._read_rest()) is None:
            return None
        else:
            content += rest
        plain = bytes(content[:-3]).replace(b"\r\n.", b"\r\n")
        return plain.removeprefix(b".")

    async def _read_rest(self) -> bytes | None:
        too_large = False
        while True:
            try:
                rest: bytes = await self._reader.readuntil(_END)
            except asyncio.LimitOverrunError as overrun:
                too_large = True
                await self._reader.readexactly(overrun.consumed)
            else:
                return None if too_large else rest
