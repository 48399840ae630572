"""What happens in a person's inbox, as it happens (server-sent events)."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, MutableMapping
from typing import Annotated, Any

from fastapi import APIRouter, Header
from fastapi.responses import StreamingResponse
from starlette.types import Send

from mailer_service.live import Live, Reader
from postroom.auth import Caller

HEARTBEAT_SECONDS = 15.0
# A token is checked when a stream opens: it must not read on for ever. The client comes back with a new one.
LIFE_SECONDS = 900.0
SLOW_SECONDS = 30.0
_HEADERS = {"cache-control": "no-store", "x-accel-buffering": "no"}
_DIGITS = 18


class EventStream(StreamingResponse):
    """An answer that doesn't end by itself; a reader who takes nothing for half a minute is hung up on."""

    media_type = "text/event-stream"

    async def stream_response(self, send: Send) -> None:
        async def in_time(message: MutableMapping[str, Any]) -> None:
            async with asyncio.timeout(SLOW_SECONDS):
                await send(message)

        with contextlib.suppress(TimeoutError):
            await super().stream_response(in_time)


def router(live: Live) -> APIRouter:
    """The one route. The token comes in the header only: addresses stand in logs, histories and referrers."""
    routes = APIRouter(prefix="/inbox", tags=["inbox"])

    @routes.get("/events", response_class=EventStream, responses={200: {"content": {"text/event-stream": {}}}})
    async def events(caller: Caller, last_event_id: Annotated[str, Header()] = "") -> EventStream:
        """What happens in the caller's inbox, as it happens. First `unread` with the count, then `new`, `read`, `unread` and `withdrawn`.

        Each is about one message, and has the count; a lone `unread` without a message says that much has changed: load the list. After a
        break, send Last-Event-ID: nothing is missed, and what is told again says the same. A stream lasts a quarter of an hour at most.
        """
        since = int(last_event_id) if last_event_id.isdecimal() and len(last_event_id) <= _DIGITS else None
        reader = (caller.tenant, caller.person)
        live.check_room(reader)
        return EventStream(_stream(live, reader, since), headers=_HEADERS)

    return routes


async def _stream(live: Live, reader: Reader, since: int | None) -> AsyncIterator[bytes]:
    until = time.monotonic() + LIFE_SECONDS
    with live.watching(reader, since) as watcher:
        yield b"retry: 2000\n\n"
        while not watcher.over and (left := until - time.monotonic()) > 0:
            said = await watcher.next(min(left, HEARTBEAT_SECONDS))
            yield said or b": still here\n\n"
