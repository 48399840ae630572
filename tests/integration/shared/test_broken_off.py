"""Who writes a body that nobody wants still reads the answer; a body that breaks off is the client's fault, and told as that."""

import asyncio
from collections.abc import AsyncIterator

import pytest
import uvicorn
from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import PlainTextResponse

from embedded.ports import free_port
from postroom import problems
from postroom.lingering import Lingering

SIZE = 24 << 20


async def _refuse(_: Request) -> PlainTextResponse:
    return PlainTextResponse("too large", 413)


async def _read(request: Request) -> PlainTextResponse:
    return PlainTextResponse(str(len(await request.body())))


@pytest.fixture
async def port() -> AsyncIterator[int]:
    app = FastAPI()
    app.add_route("/refuse", _refuse, methods=["POST"])
    app.add_route("/read", _read, methods=["POST"])
    problems.install(app)
    app.add_middleware(Lingering)
    port = free_port()
    server = uvicorn.Server(uvicorn.Config(app, port=port, log_level="critical", lifespan="off"))
    running = asyncio.create_task(server.serve())
    while not server.started:  # noqa: ASYNC110 - uvicorn has no event for it
        await asyncio.sleep(0.01)
    yield port
    server.should_exit = True
    await running


async def _ask(port: int, path: str, headers: bytes, body: bytes) -> bytes:
    """As a simple client does: everything is written before the answer is read."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"POST " + path.encode() + b" HTTP/1.1\r\nHost: x\r\n" + headers + b"\r\n" + body)
    await writer.drain()
    try:
        async with asyncio.timeout(20):
            return await reader.readuntil(b"\r\n\r\n")
    finally:
        writer.close()


async def test_pieces_that_are_none_are_a_bad_request(port: int) -> None:
    assert b" 400 " in await _ask(port, "/read", b"Transfer-Encoding: chunked\r\n", b"5\r\nhello\r\nno number\r\n")


async def test_an_answer_that_comes_early_is_read_by_who_is_still_writing(port: int) -> None:
    head = b"Connection: close\r\nContent-Length: %d\r\n" % SIZE
    assert b" 413 " in await _ask(port, "/refuse", head, b"x" * SIZE)


async def test_a_body_that_is_read_is_not_waited_for(port: int) -> None:
    began = asyncio.get_running_loop().time()
    assert b" 200 " in await _ask(port, "/read", b"Content-Length: 5\r\n", b"12345")
    assert asyncio.get_running_loop().time() - began < 0.4


async def test_a_body_that_never_comes_is_not_waited_for_long(port: int) -> None:
    began = asyncio.get_running_loop().time()
    assert b" 413 " in await _ask(port, "/refuse", b"Content-Length: 500\r\n", b"x")
    assert asyncio.get_running_loop().time() - began < 3
