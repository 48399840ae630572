"""The proxy's ways to fail a link."""

import asyncio
import signal
import sys
import time
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
from tests.faults import proxy
from tests.faults.proxy import Link

from embedded.paths import ROOT
from embedded.ports import answers, free_port
from embedded.process import Command, end, spawn


@pytest.fixture
async def link(tmp_path: Path) -> AsyncIterator[tuple[Path, Link]]:
    """An echo server behind a link."""

    async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while piece := await reader.read(100):
            writer.write(piece)
        writer.close()

    server = await asyncio.start_server(echo, "127.0.0.1", 0)
    link = Link(free_port(), server.sockets[0].getsockname()[1])
    proxy.lay(tmp_path / "links.json", {"echo": link})
    process = spawn(Command([sys.executable, "-m", "tests.faults.proxy", str(tmp_path)], cwd=ROOT), tmp_path / "log", None)
    while not answers(link.port):  # noqa: ASYNC110 - a port is asked
        await asyncio.sleep(0.02)
    yield tmp_path / "links.json", link
    end(process, signal.SIGTERM, 5)
    server.close()


async def _ask(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, seconds: float = 5) -> bytes:
    writer.write(b"hello")
    return await asyncio.wait_for(reader.read(100), seconds)


async def test_a_link_is_cut_and_mended(link: tuple[Path, Link]) -> None:
    file, one = link
    reader, writer = await asyncio.open_connection("127.0.0.1", one.port)
    assert await _ask(reader, writer) == b"hello"
    proxy.lay(file, {"echo": replace(one, mode="cut")})
    await asyncio.sleep(0.2)
    with pytest.raises((OSError, AssertionError)):
        assert await _ask(reader, writer) == b"hello"
    proxy.lay(file, {"echo": one})
    await asyncio.sleep(0.2)
    assert await _ask(*await asyncio.open_connection("127.0.0.1", one.port)) == b"hello"


async def test_a_frozen_link_keeps_what_is_said_until_it_thaws(link: tuple[Path, Link]) -> None:
    file, one = link
    reader, writer = await asyncio.open_connection("127.0.0.1", one.port)
    assert await _ask(reader, writer) == b"hello"
    proxy.lay(file, {"echo": replace(one, mode="frozen")})
    await asyncio.sleep(0.2)
    with pytest.raises(TimeoutError):
        await _ask(reader, writer, 0.5)
    proxy.lay(file, {"echo": one})
    assert await asyncio.wait_for(reader.read(100), 5) == b"hello"


async def test_a_slow_link_is_slow(link: tuple[Path, Link]) -> None:
    file, one = link
    proxy.lay(file, {"echo": replace(one, mode="slow", seconds=0.2)})
    await asyncio.sleep(0.2)
    began = time.monotonic()
    assert await _ask(*await asyncio.open_connection("127.0.0.1", one.port)) == b"hello"
    assert time.monotonic() - began >= 0.4


async def test_what_is_stuck_stays_so_and_new_connections_pass(link: tuple[Path, Link]) -> None:
    file, one = link
    old = await asyncio.open_connection("127.0.0.1", one.port)
    assert await _ask(*old) == b"hello"
    proxy.lay(file, {"echo": replace(one, mode="stuck")})
    await asyncio.sleep(0.2)
    assert await _ask(*await asyncio.open_connection("127.0.0.1", one.port)) == b"hello"
    proxy.lay(file, {"echo": one})
    await asyncio.sleep(0.2)
    with pytest.raises(TimeoutError):
        await _ask(*old, 0.5)
