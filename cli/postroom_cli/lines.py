"""Lines of a file or of a pipe, without blocking the event loop."""

import asyncio
import os
import sys
import threading
from collections.abc import AsyncIterator
from pathlib import Path

import orjson

from postroom_cli.errors import CliError

STDIN = Path("-")
_CHUNK = 2**16


async def lines_of(file: Path) -> AsyncIterator[bytes]:
    """The lines of a pipe as they come; of a file its lines, or the whole when it is one (indented) document."""
    if file == STDIN:
        async for line in _piped(sys.stdin.fileno()):
            yield line
        return
    for line in _whole_or_lines(_read(file)):
        yield line


def _read(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise CliError("unreadable", f"{file} can't be read: {error.strerror}.", "Give the path of a file, or - for a pipe.") from error


def _whole_or_lines(content: bytes) -> list[bytes]:
    try:
        orjson.loads(content)
    except orjson.JSONDecodeError:
        return content.splitlines()
    return [content]


async def _piped(descriptor: int) -> AsyncIterator[bytes]:
    """A daemon thread reads, so that Ctrl-C needn't wait for the writer; the short queue holds a fast writer back."""
    chunks: asyncio.Queue[bytes] = asyncio.Queue(maxsize=4)
    loop = asyncio.get_running_loop()

    def read() -> None:
        # os.read, since a daemon thread must not hold the lock of sys.stdin when the interpreter ends.
        while chunk := os.read(descriptor, _CHUNK):
            asyncio.run_coroutine_threadsafe(chunks.put(chunk), loop).result()
        asyncio.run_coroutine_threadsafe(chunks.put(b""), loop).result()

    threading.Thread(target=read, daemon=True).start()
    rest = b""
    while chunk := await chunks.get():
        *whole, rest = (rest + chunk).split(b"\n")
        for line in whole:
            yield line
    if rest:
        yield rest
