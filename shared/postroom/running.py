"""Keeps a service's workers going, and serves its HTTP."""

import asyncio
import contextlib
import importlib.util
import socket
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import structlog
import uvicorn
from fastapi import FastAPI

from postroom.cancellation import obey_cancellation
from postroom.db import trace_of
from postroom.settings import ServiceSettings

log = structlog.get_logger()
Work = Callable[[], Awaitable[None]]

_PAUSE_SECONDS = (0.5, 1.0, 2.0, 5.0)
_GRACE_SECONDS = 8
_NOT_STARTED = 3  # uvicorn's own exit code


@asynccontextmanager
async def background(*works: Work) -> AsyncIterator[None]:
    """Run each of these until the block ends. One that crashes is logged and started again: nothing stands still unseen."""
    tasks = [asyncio.create_task(_again_and_again(work)) for work in works]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _again_and_again(work: Work) -> None:
    name = getattr(work, "__qualname__", repr(work))
    crashes = 0
    while True:
        try:
            await work()
            log.error("worker ended, though it should not", worker=name)
        except Exception as error:
            log.exception("worker crashed and is started again", worker=name, error=repr(error), exc_info=trace_of(error))
        obey_cancellation()
        await asyncio.sleep(_PAUSE_SECONDS[min(crashes, len(_PAUSE_SECONDS) - 1)])
        crashes += 1


class Server(uvicorn.Server):
    """uvicorn, which tells the app that it is closing before it waits for the requests under way."""

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        for end in self.config.app.state.when_closing:  # type: ignore[union-attr] # a FastAPI of ours
            end()
        await super().shutdown(sockets)


def _spare_lookups() -> None:
    """What httpcore imports at each request, five times, if it is there: what is not there is sought on the disk each time."""
    if importlib.util.find_spec("sniffio") is None:
        # Python's own word for "there is none": the import fails at once.
        sys.modules["sniffio"] = None  # type: ignore[assignment]


def serve(app: FastAPI, settings: ServiceSettings) -> None:
    """Serve until SIGTERM or SIGINT; requests under way get a few seconds to end."""
    _spare_lookups()
    config = uvicorn.Config(
        app,
        host=settings.host,
        port=settings.port,
        loop="uvloop",
        log_config=None,
        access_log=False,
        timeout_graceful_shutdown=_GRACE_SECONDS,
        server_header=False,
    )
    server = Server(config)
    with contextlib.suppress(KeyboardInterrupt):  # as uvicorn.run does
        server.run()
    if not server.started:
        sys.exit(_NOT_STARTED)
