"""One SMTP connection of aiosmtpd's, with a DATA that holds a mail once and in one piece, within what all connections share."""

import asyncio
import logging
from dataclasses import dataclass, field
from typing import Any, cast

from aiosmtpd.smtp import SMTP, Envelope

SIZE = 25 * 1024 * 1024
_END = b"\r\n.\r\n"
_SECONDS = 300.0

# aiosmtpd writes each command to its log, addresses and all.
logging.getLogger("mail.log").setLevel(logging.CRITICAL)


@dataclass
class Room:
    """What all connections together may hold: `bytes` of mails being taken in, and themselves."""

    bytes: int = 64 * 1024 * 1024
    connections: int = 50
    open: "set[Session]" = field(default_factory=set)


class Session(SMTP):
    """One connection; `room` is shared with the others."""

    # Of the connection's buffer: longer lines than RFC 5321 allows are taken all the same, a reply is worth more.
    line_length_limit = 64 * 1024

    def __init__(self, handler: Any, room: Room, hostname: str) -> None:
        super().__init__(handler, data_size_limit=SIZE, enable_SMTPUTF8=True, hostname=hostname, ident="Postroom", timeout=_SECONDS)
        self._room = room
        self._held = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        if len(self._room.open) >= self._room.connections:
            cast("asyncio.Transport", transport).write(b"421 4.3.2 Too many connections, try again later\r\n")
            transport.close()
        else:
            self._room.open.add(self)

    def hang_up(self) -> None:
        """Close the connection."""
        if self.transport is not None:
            self.transport.close()

    def connection_lost(self, error: Exception | None) -> None:
        self._room.open.discard(self)
        super().connection_lost(error)

    async def smtp_DATA(self, arg: str | None) -> None:  # noqa: N802 - aiosmtpd's name
        """Take the mail, and answer when it is kept."""
        envelope = cast("Envelope", self.envelope)  # made when the client connected
        if await self.check_helo_needed():
            return
        if not envelope.rcpt_tos:
            await self.push("503 5.5.1 Error: need RCPT command")
            return
        if arg:
            await self.push("501 5.5.4 Syntax: DATA")
            return
        await self.push("354 End data with <CR><LF>.<CR><LF>")
        try:
            refusal = await self._read_mail(envelope)
            status = refusal or await self.event_handler.handle_DATA(self, self.session, envelope)
        finally:
            self._room.bytes += self._held
            self._held = 0
            self._set_post_data_state()  # type: ignore[no-untyped-call] # aiosmtpd's
        await self.push(status)

    async def _read_mail(self, envelope: Envelope) -> str:
        """Put what stands before the lone dot into the envelope, dots undoubled; why not, if it is too much."""
        # The line end of the command: the mail's first line may be the lone dot, or begin with one.
        self._reader._buffer[:0] = b"\r\n"  # type: ignore[attr-defined] # noqa: SLF001 - as aiosmtpd does where it discards input
        content, refusal, ended = bytearray(), "", False
        while not ended:
            try:
                piece, ended = await self._reader.readuntil(_END), True
            except asyncio.LimitOverrunError as more:
                piece = await self._reader.readexactly(more.consumed)
            if refusal := refusal or self._refused(len(content) + len(piece), len(piece)):
                content.clear()
            else:
                content += piece
        envelope.original_content = envelope.content = bytes(content[:-3]).replace(b"\r\n.", b"\r\n")[2:]
        return refusal

    def _refused(self, size: int, more: int) -> str:
        if size > SIZE:
            return f"552 5.3.4 The mail is too large: {SIZE} bytes are taken"
        if more > self._room.bytes:
            return "452 4.3.1 Too many mails at once, try again later"
        self._room.bytes -= more
        self._held += more
        return ""
