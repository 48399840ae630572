"""An answer that comes before the whole body was read, such as 413 or 401, would not reach who is still writing it."""

import asyncio
from collections.abc import MutableMapping
from contextlib import suppress
from typing import Any

from starlette.types import ASGIApp, Receive, Scope, Send

# A client that pauses for longer, or sends for longer, has its connection closed on it.
PAUSE_SECONDS, LONGEST_SECONDS = 0.5, 5.0


class Lingering:
    """Reads on before it answers: a connection closed with bytes unread is reset, and the client sees that instead (RFC 9112, 9.6)."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI."""
        if scope["type"] != "http" or not _has_body(scope):
            await self._app(scope, receive, send)
            return
        ended = False

        async def receiving() -> MutableMapping[str, Any]:
            nonlocal ended
            message = await receive()
            ended = ended or not message.get("more_body", False)
            return message

        async def read_on() -> None:
            while not ended:
                async with asyncio.timeout(PAUSE_SECONDS):
                    await receiving()

        async def sending(message: MutableMapping[str, Any]) -> None:
            if message["type"] == "http.response.start":
                with suppress(TimeoutError):
                    async with asyncio.timeout(LONGEST_SECONDS):
                        await read_on()
            await send(message)

        await self._app(scope, receiving, sending)


def _has_body(scope: Scope) -> bool:
    told = {name: value for name, value in scope["headers"] if name in {b"content-length", b"transfer-encoding"}}
    return b"transfer-encoding" in told or told.get(b"content-length", b"0") != b"0"
