"""Connections to the database that stay half-open: nobody says so, and what hangs on them goes on over new ones."""

import asyncio
import time
from collections.abc import AsyncIterator
from dataclasses import replace
from urllib.parse import urlsplit

import asyncpg
import pytest
from pydantic import SecretStr
from tests.faults.proxy import Link, Served
from tests.integration.shared.conftest import Service

from postroom import db
from postroom.db import Pool

SIZE = 5


@pytest.fixture
async def link(service: Service) -> AsyncIterator[Served]:
    """A way to the service's database that can get stuck."""
    target = urlsplit(service.settings.dsn).port or 5432
    served = Served(Link(0, target))
    served.become(served.link)
    server = await asyncio.start_server(served.serve, "127.0.0.1", 0)
    served.link = Link(server.sockets[0].getsockname()[1], target)
    yield served
    served.become(replace(served.link, mode="cut"))
    server.close()


@pytest.fixture
async def pool(service: Service, link: Served, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Pool]:
    """All of its connections go that way, and each has been used."""
    monkeypatch.setattr(db, "ANSWER_SECONDS", {"worker": 1.0})
    monkeypatch.setattr(db, "CANCEL_SECONDS", 0.3)
    # A tenth of what they are.
    shorter = {name: str(int(db.SESSION[name]) // 10) for name in ("idle_in_transaction_session_timeout", "lock_timeout")}
    monkeypatch.setattr(db, "SESSION", db.SESSION | shorter)
    there = service.settings.postgres.get_secret_value().replace(f":{link.link.target}", f":{link.link.port}")
    pool = await db.open_pool(service.settings.model_copy(update={"postgres": SecretStr(there)}), "worker", SIZE)
    await asyncio.gather(*(pool.fetchval("SELECT pg_sleep(0.2)") for _ in range(SIZE)))
    assert pool.get_size() == SIZE
    yield pool
    pool.terminate()


async def test_one_dead_connection_is_enough_to_begin_anew(link: Served, pool: Pool) -> None:
    """Not each of the pool's has to be found dead by itself, one after the other."""
    link.become(replace(link.link, mode="stuck"))
    began = time.monotonic()
    with pytest.raises(TimeoutError):
        await pool.fetchval("SELECT 1")
    for _ in range(2 * SIZE):
        assert await pool.fetchval("SELECT 1", timeout=5) == 1
    assert time.monotonic() - began < 4


async def test_a_transaction_that_got_stuck_is_not_waited_for_twice(link: Served, pool: Pool) -> None:
    began = time.monotonic()

    async def work() -> None:
        async with pool.acquire() as connection, connection.transaction():
            await connection.execute("SELECT 1")
            link.become(replace(link.link, mode="stuck"))
            await connection.execute("SELECT 1")

    with pytest.raises((OSError, asyncpg.InterfaceError)):  # a TimeoutError is an OSError
        await work()
    assert await pool.fetchval("SELECT 1") == 1
    assert time.monotonic() - began < 4


async def test_what_is_given_back_after_its_time_is_not_waited_for_either(link: Served, pool: Pool) -> None:
    """asyncpg says goodbye to it, and waits for the answer for as long as for a statement's."""
    link.become(replace(link.link, mode="stuck"))
    began = time.monotonic()
    with pytest.raises(TimeoutError):
        async with pool.acquire() as connection:
            await connection.execute("SELECT 1", timeout=0.5)
    assert time.monotonic() - began < 1.2


async def test_a_connection_that_only_listens_is_missed(link: Served, pool: Pool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(db, "PULSE_SECONDS", 0.3)
    async with pool.acquire() as connection:
        await connection.add_listener("outbox", lambda *_: None)
        listening = asyncio.create_task(db.until_lost(connection))
        await asyncio.sleep(1)
        assert not listening.done()
        link.become(replace(link.link, mode="stuck"))
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(listening, 5)
        connection.terminate()


async def test_one_that_is_dead_in_the_middle_of_a_statement_is_ended_too(service: Service) -> None:
    """It is not idle: the server waits for the rest, as when a client stands still between preparing a statement and executing it."""
    await service.pool.execute("INSERT INTO offsets VALUES ('cluster', 'topic', 0, 1)")
    dead = await asyncpg.connect(service.settings.dsn, server_settings=db.SESSION | {"transaction_timeout": "2000"})
    await dead.execute("BEGIN")
    await dead.execute("UPDATE offsets SET next_offset = 2")
    parse = b"\0SELECT 1\0\0\0"
    dead._transport.write(  # type: ignore[attr-defined]
        b"P" + (len(parse) + 4).to_bytes(4, "big") + parse
    )
    began = time.monotonic()
    assert await service.pool.execute("UPDATE offsets SET next_offset = 3") == "UPDATE 1"
    assert 1 < time.monotonic() - began < 3
    dead.terminate()


async def test_dead_connections_in_a_queue_for_one_lock_do_not_each_hold_it(service: Service, link: Served, pool: Pool) -> None:
    """Each would get it when the one before it is ended, and be waited for as long.

    Of a queue for a row one more does get it: its time for waiting begins anew when the one before it gives up.
    """
    await service.pool.execute("INSERT INTO offsets VALUES ('cluster', 'topic', 0, 1)")
    locking = "SELECT next_offset FROM offsets FOR UPDATE"
    there = service.settings.dsn.replace(f":{link.link.target}", f":{link.link.port}")
    # Without a pool's patience: the cancel of one that has the lock by then comes too late.
    dead = [await asyncpg.connect(there, server_settings=db.SESSION) for _ in range(4)]
    for connection in dead:
        await connection.execute("BEGIN")
    await dead[0].execute(locking)
    waiting = [asyncio.create_task(connection.execute(locking)) for connection in dead[1:]]
    await asyncio.sleep(0.3)
    link.become(replace(link.link, mode="stuck"))
    began = time.monotonic()
    alive = await asyncpg.connect(service.settings.dsn)
    await alive.fetchval(locking)
    assert time.monotonic() - began < 2.3 * int(db.SESSION["idle_in_transaction_session_timeout"]) / 1000
    await alive.close()
    for connection in dead:
        connection.terminate()
    await asyncio.gather(*waiting, return_exceptions=True)
