"""What an SMTP server says, as replies in the order of the commands."""

import asyncio
import re
from collections import deque

from mailer_service.domain.delivery import Reply

_REPLY = re.compile(rb"([2-5]\d\d)([ -]?)(.*)")
_MAX_UNREAD = 65_536
_NO_TEXT = "\N{REPLACEMENT CHARACTER}".encode()


class Disconnected(Exception):  # noqa: N818 - a fact of life with mail servers
    """The connection is gone, or the server took too long."""


class Replies(asyncio.Protocol):
    """Sorts the server's bytes into replies, in the order of the commands."""

    def __init__(self) -> None:
        self.replies: deque[Reply] = deque()
        self.closed = False
        self._buffer = b""
        self._text: list[str] = []
        self._waiter: asyncio.Future[None] | None = None

    def data_received(self, data: bytes) -> None:
        *lines, self._buffer = (self._buffer + data).split(b"\n")
        for line in lines:
            match = _REPLY.match(line.rstrip(b"\r"))
            if match is None:
                self._end()
                return
            # No text in Postgres holds a NUL: the commit that carries it, and every other result with it, would fail for ever.
            self._text.append(match[3].replace(b"\0", _NO_TEXT).decode("utf-8", "replace"))
            if match[2] != b"-":
                self.replies.append(Reply(int(match[1]), "\n".join(self._text)))
                self._text = []
        if len(self._buffer) > _MAX_UNREAD or len(self._text) > _MAX_UNREAD:
            self._end()
        self._wake()

    def connection_lost(self, exc: Exception | None) -> None:
        self._end()

    def _end(self) -> None:
        self.closed = True
        self._wake()

    def _wake(self) -> None:
        if self._waiter and not self._waiter.done():
            self._waiter.set_result(None)

    async def next(self, seconds: float) -> Reply:
        """The next reply. Raises Disconnected when there will be none, or none in time."""
        while not self.replies:
            if self.closed:
                raise Disconnected("the connection was lost")
            self._waiter = asyncio.get_running_loop().create_future()
            try:
                async with asyncio.timeout(seconds):
                    await self._waiter
            except TimeoutError:
                self.closed = True
                raise Disconnected(f"no reply within {seconds:g} s") from None
        return self.replies.popleft()
