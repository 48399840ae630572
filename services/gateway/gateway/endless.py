"""An answer that has no end of its own, such as live updates."""

import asyncio
import contextlib
from collections.abc import AsyncGenerator, AsyncIterator

import httpx
from starlette.responses import ContentStream


async def until(closing: asyncio.Event, chunks: ContentStream) -> AsyncIterator[bytes]:
    """The chunks as they come, until the service ends them, or goes away, or this door closes."""
    assert isinstance(chunks, AsyncGenerator)  # noqa: S101 - the proxy's own
    closed = asyncio.ensure_future(closing.wait())
    following: asyncio.Future[bytes] | None = None
    try:
        with contextlib.suppress(StopAsyncIteration, httpx.TransportError):
            while not closed.done():
                following = asyncio.ensure_future(anext(chunks))
                await asyncio.wait({following, closed}, return_when=asyncio.FIRST_COMPLETED)
                if following.done():
                    yield following.result()
    finally:
        closed.cancel()
        if following:
            # Not waited for: this task may be cancelled again and again, which would break off the closing of the connection.
            following.cancel()
