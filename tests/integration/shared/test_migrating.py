"""Migrations while others work: started twice at once, killed half-way, kept from a table by somebody who is slow."""

import asyncio
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import asyncpg
import pytest
from tests.integration.shared.conftest import Service, Settings

from postroom import db

LONGER = "CREATE TABLE later (id int); INSERT INTO later VALUES (1);"
_IN_THE_MIDDLE = "SELECT true FROM pg_stat_activity WHERE datname = current_database() AND wait_event = 'PgSleep'"
ALTERS = "ALTER TABLE effects ADD COLUMN remark text NOT NULL DEFAULT '';"


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The next version of the tests' service: a package with one more migration, which a test writes."""
    name = f"next_{uuid4().hex[:8]}"
    (tmp_path / name / "migrations").mkdir(parents=True)
    (tmp_path / name / "__init__.py").touch()
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setenv("PYTHONPATH", f"{tmp_path}:{':'.join(sys.path)}")
    yield name
    sys.modules.pop(name, None)


def write(package: str, statements: str) -> None:
    (Path(sys.path[0]) / package / "migrations" / "0002_next.sql").write_text(statements)


async def applied(service: Service, package: str) -> list[str]:
    rows = await service.pool.fetch("SELECT name FROM migrations WHERE name LIKE $1 || '/%'", package)
    return [row["name"] for row in rows]


async def test_two_that_start_at_once_migrate_once(service: Service, package: str) -> None:
    write(package, LONGER + "SELECT pg_sleep(0.5);")
    await asyncio.gather(*(db.migrate(service.settings, package) for _ in range(3)))
    assert await service.pool.fetchval("SELECT count(*) FROM later") == 1
    assert await applied(service, package) == [f"{package}/0002_next.sql"]


async def test_one_that_is_killed_half_way_has_done_nothing_and_the_next_does_it(service: Service, package: str) -> None:
    write(package, LONGER + "SELECT pg_sleep(20);")
    code = "import asyncio, sys; from postroom import db; from tests.integration.shared.conftest import Settings\n"
    code += "asyncio.run(db.migrate(Settings(database=sys.argv[1], postgres=sys.argv[2]), sys.argv[3]))"
    given = (service.settings.database, service.settings.postgres.get_secret_value(), package)
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", code, *given)
    owner = await asyncpg.connect(service.settings.dsn)
    async with asyncio.timeout(60):
        while not await owner.fetchval(_IN_THE_MIDDLE):  # noqa: ASYNC110 - another process is watched
            await asyncio.sleep(0.02)
    await owner.close()
    process.send_signal(signal.SIGKILL)
    await process.wait()
    assert await applied(service, package) == []
    write(package, LONGER)
    await asyncio.wait_for(db.migrate(service.settings, package), 20)
    assert await service.pool.fetchval("SELECT count(*) FROM later") == 1


async def test_one_that_waits_for_a_table_lets_others_go_on(service: Service, package: str) -> None:
    """Behind its waiting all would wait who come later: the service would stand still as long as the slow one reads."""
    write(package, ALTERS)
    slowest = 0.0
    async with service.pool.acquire() as slow, slow.transaction():
        await slow.execute("SELECT count(*) FROM effects")  # and whoever reads is slow to end
        migrating = asyncio.create_task(db.migrate(service.settings, package))
        until = time.monotonic() + 2.4
        while time.monotonic() < until:
            began = time.monotonic()
            await service.pool.execute("INSERT INTO effects (id, name) VALUES ($1, 'old')", str(uuid4()))
            slowest = max(slowest, time.monotonic() - began)
            await asyncio.sleep(0.02)
        assert not migrating.done()
    await asyncio.wait_for(migrating, 20)
    assert slowest < int(db.MIGRATING["lock_timeout"]) / 1000 + 0.8
    assert await service.pool.fetchval("SELECT bool_and(remark = '') FROM effects")


async def test_a_migration_that_is_wrong_is_told_at_once(service: Service, package: str) -> None:
    write(package, "ALTER TABLE no_such_table ADD COLUMN x int;")
    with pytest.raises(asyncpg.UndefinedTableError):
        await db.migrate(service.settings, package)


__all__ = ["Settings"]
