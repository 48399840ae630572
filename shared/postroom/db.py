"""Postgres: pools by role, migrations as numbered SQL, and the caller's identity for row-level security."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Literal, TypeAlias

import asyncpg
import orjson
import structlog

from postroom.auth import Principal
from postroom.settings import ServiceSettings

# asyncpg's classes are generic in its stubs alone.
Connection: TypeAlias = "asyncpg.Connection[asyncpg.Record] | asyncpg.pool.PoolConnectionProxy[asyncpg.Record]"
Pool: TypeAlias = "asyncpg.Pool[asyncpg.Record]"
Role = Literal["worker", "api"]
log = structlog.get_logger()
# SQLSTATE classes: connection, wrong state (read-only), resources (disk full), operator (shutdown), system.
_OF_THE_WORLD = {"08", "25", "53", "57", "58"}

MIGRATION_LOCK = 7_066_617
# What a statement raises while the server is away, starts, or stops.
DATABASE_AWAY = (asyncpg.PostgresError, asyncpg.InterfaceError, OSError, TimeoutError)
# A relay or an intake that hangs must not hold its rows for ever (promises.md); plans: the tables are small at first
# and never analysed in time, so a generic plan made then is a bad one (performance.md).
SESSION = {
    "idle_in_transaction_session_timeout": "30000",
    "plan_cache_mode": "force_custom_plan",
    "random_page_cost": "1.1",
    "timezone": "UTC",
}
# A server that hangs gives no error of its own: a person waits this long for a statement, a batch longer.
ANSWER_SECONDS: dict[Role, float] = {"api": 10.0, "worker": 60.0}


def of_the_world(error: BaseException) -> bool:
    """Whether something is away, full or starting, and no line of our code at fault: then one line in the log tells all, at each try."""
    if isinstance(error, asyncpg.PostgresError):
        return (error.sqlstate or "")[:2] in _OF_THE_WORLD
    return isinstance(error, OSError | TimeoutError)


async def open_pool(settings: ServiceSettings, role: Role, size: int | None = None) -> Pool:
    """Connections that act as <database's service>_<role>: the worker sees all rows, the api what its policies allow."""
    return await asyncpg.create_pool(
        settings.dsn,
        min_size=1,
        max_size=size or settings.pool_size,
        command_timeout=ANSWER_SECONDS[role],
        init=_set_up_json,
        server_settings={**SESSION, "role": role_name(settings, role), "application_name": f"{settings.service} {role}"},
    )


def role_name(settings: ServiceSettings, role: Role) -> str:
    """The Postgres role, such as po_service_api."""
    return f"{settings.service.replace('-', '_')}_{role}"


async def _set_up_json(connection: Connection) -> None:
    await connection.set_type_codec(
        "jsonb",
        schema="pg_catalog",
        format="binary",
        encoder=lambda value: b"\x01" + orjson.dumps(value),
        decoder=lambda raw: orjson.loads(raw[1:]),
    )


@asynccontextmanager
async def as_principal(pool: Pool, principal: Principal, *, snapshot: bool = False) -> AsyncIterator[Connection]:
    """A transaction in which row-level security knows who asks; with `snapshot` all its statements see the same moment."""
    async with pool.acquire() as connection, connection.transaction(isolation="repeatable_read" if snapshot else "read_committed"):
        await connection.execute(
            """
            SELECT set_config('postroom.tenant', $1, true), set_config('postroom.company', $2, true),
                   set_config('postroom.side', $3, true), set_config('postroom.person', $4, true)
            """,
            principal.tenant,
            principal.company or "",
            principal.side,
            principal.person,
        )
        yield connection


async def migrate(settings: ServiceSettings, package: str, *, shared: bool = True) -> None:
    """Create the database and its roles if missing, then run what has not run yet: the shared migrations, then the service's.

    `shared` off: for a service that neither reads nor writes events.
    """
    await _create_database(settings)
    connection = await asyncpg.connect(settings.dsn)
    try:
        # Polled, for the blocking lock deadlocks with CREATE INDEX CONCURRENTLY.
        while not await connection.fetchval("SELECT pg_try_advisory_lock($1)", MIGRATION_LOCK):  # noqa: ASYNC110
            await asyncio.sleep(0.1)
        await _create_roles(connection, settings)
        await connection.execute(
            "CREATE TABLE IF NOT EXISTS migrations (name text PRIMARY KEY, applied_at timestamptz NOT NULL DEFAULT now())"
        )
        done = {row["name"] for row in await connection.fetch("SELECT name FROM migrations")}
        for name, path in _migrations(*(["postroom"] if shared else []), package):
            if name not in done:
                async with connection.transaction():
                    await connection.execute(path.read_text("utf-8"))
                    await connection.execute("INSERT INTO migrations (name) VALUES ($1)", name)
                log.info("migrated", migration=name)
    finally:
        await connection.close()


def _migrations(*owners: str) -> Iterator[tuple[str, Traversable]]:
    for owner in owners:
        folder = files(owner) / "migrations"
        for path in sorted((path for path in folder.iterdir() if path.name.endswith(".sql")), key=lambda path: path.name):
            yield f"{owner}/{path.name}", path


async def _create_database(settings: ServiceSettings) -> None:
    connection = await asyncpg.connect(settings.postgres.get_secret_value().rstrip("/") + "/postgres")
    try:
        if not await connection.fetchval("SELECT 1 FROM pg_database WHERE datname = $1", settings.database):
            await connection.execute(f'CREATE DATABASE "{settings.database}"')
    except (asyncpg.DuplicateDatabaseError, asyncpg.UniqueViolationError):
        pass  # another instance was a moment faster
    finally:
        await connection.close()


async def _create_roles(connection: Connection, settings: ServiceSettings) -> None:
    for role in (role_name(settings, "worker"), role_name(settings, "api")):
        try:
            if not await connection.fetchval("SELECT 1 FROM pg_roles WHERE rolname = $1", role):
                await connection.execute(f'CREATE ROLE "{role}" NOLOGIN')
        except (asyncpg.DuplicateObjectError, asyncpg.UniqueViolationError):
            pass  # roles belong to the whole server; another database's migration made it
        await connection.execute(
            f"""
            ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO "{role}";
            ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT USAGE, SELECT ON SEQUENCES TO "{role}";
            """
        )
