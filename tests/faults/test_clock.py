"""The short form of the story `clock`: a real Postgres whose clock goes thirty hours ahead and back while a mailer sends."""

import asyncio
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from tests.conftest import FreshDatabase
from tests.faults import faketime
from tests.faults.supervise import Dated
from tests.integration.mailer.conftest import World, sink, world

from embedded.errors import EmbeddedError
from postroom import db

__all__ = ["sink", "world"]
AHEAD = 30 * 3600.0


@pytest.fixture(scope="module")
def dated(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Dated]:
    try:
        faketime.library()
    except EmbeddedError as missing:
        pytest.skip(str(missing))
    folder = tmp_path_factory.mktemp("dated")
    server = Dated(folder / "postgres")
    # Where the server's user can read it.
    server.clock = server._place / "clock" / "postgres"
    faketime.lay(server.clock, 0)
    with server:
        yield server


@pytest.fixture
async def fresh_database(dated: Dated, tmp_path: Path) -> FreshDatabase:
    async def make(settings_class: Any, package: str, **overrides: Any) -> Any:
        given = {"blobs": tmp_path / "blobs", **overrides, "postgres": dated.dsn, "database": f"clock_{uuid4().hex[:8]}"}
        settings = settings_class(**given)
        await db.migrate(settings, package)
        return settings

    return make


async def test_thirty_hours_ahead_and_back_a_mailer_goes_on(dated: Dated, world: World) -> None:
    world.sink.script = lambda stage, to, count: "451 4.3.0 later" if (stage, to, count) == ("rcpt", "b@example.com", 1) else None
    world.start_sender(beat_seconds=0.2, lease_seconds=3.0)
    await world.ask("a@example.com")
    await world.until_states(sent=1)

    await _set(dated, AHEAD)
    (deferred,) = await world.ask("b@example.com")
    await world.until_states(sent=1, deferred=1)
    (held,) = await world.ask("c@example.com", not_before=await world.pool.fetchval("SELECT now() + interval '1 hour'"))
    # A sender that leased it and died; not over before each session of the server has seen the clock go back, one after the other.
    gone = uuid4()
    await world.pool.execute("INSERT INTO senders (id, expires_at) VALUES ($1, now() + interval '15 seconds')", gone)
    await world.pool.execute("UPDATE envelopes SET state = 'leased', sender_id = $2, due_at = NULL WHERE message = $1", held, gone)
    await world.pool.execute("UPDATE messages SET not_before = NULL WHERE id = $1", held)

    await _set(dated, 0)
    await world.ask("d@example.com")
    await world.until_states(sent=3, deferred=1)
    due_at, now = (await world.envelope(deferred))["due_at"], await world.pool.fetchval("SELECT now()")
    assert due_at <= now + timedelta(seconds=60)
    assert len(world.sink.ids) == len(set(world.sink.ids)) == 3


async def _set(dated: Dated, seconds: float) -> None:
    faketime.lay(dated.clock, seconds)
    await asyncio.sleep(faketime.SEEN_AFTER_SECONDS)
