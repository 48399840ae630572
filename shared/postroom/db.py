"""Postgres: pools by role, migrations as numbered SQL, and the caller's identity for row-level security."""

import asyncio
import contextlib
import random
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Literal, TypeAlias

import asyncpg
import orjson
import structlog

from postroom import failpoints
from postroom.auth import Principal
from postroom.settings import ServiceSettings

# asyncpg's classes are generic in its stubs alone.
Connection: TypeAlias = "asyncpg.Connection[asyncpg.Record] | asyncpg.pool.PoolConnectionProxy[asyncpg.Record]"
Pool: TypeAlias = "asyncpg.Pool[asyncpg.Record]"
Role = Literal["worker", "api"]
log = structlog.get_logger()
COUNTED_ROWS = 50_000
# SQLSTATE classes: connection, wrong state (read-only), resources (disk full), a lock that is not to be had, operator (shutdown), system.
_OF_THE_WORLD = {"08", "25", "53", "55", "57", "58"}

MIGRATION_LOCK = 7_066_617
# What a statement raises while the server is away, starts, or stops; asyncpg's own confusion is what is left of a session that the server
# has ended in the middle of an exchange.
DATABASE_AWAY = (asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError, OSError, TimeoutError)
# A relay or an intake that hangs must not hold its rows for ever (promises.md); plans: the tables are small at first
# and never analysed in time, so a generic plan made then is a bad one (performance.md).
SESSION = {
    "idle_in_transaction_session_timeout": "15000",
    # Shorter: of dead connections that stand in a queue for a lock each would get it in its turn, and keep it as long as the first one did.
    "lock_timeout": "10000",
    # One that is dead in the middle of a statement is not idle: nothing else ends it while whoever is at its other end acknowledges.
    "transaction_timeout": "60000",
    "plan_cache_mode": "force_custom_plan",
    "random_page_cost": "1.1",
    "timezone": "UTC",
    # A client whose machine is gone says no goodbye: what it has locked is free again after a minute, and not after two hours.
    "tcp_keepalives_idle": "30",
    "tcp_keepalives_interval": "10",
    "tcp_keepalives_count": "3",
    "tcp_user_timeout": "60000",
    "client_connection_check_interval": "10000",
}
# A migration that waits for a lock makes all wait who come after it: it gives up soon, lets them through, and tries again.
MIGRATING, LOCK_PAUSE_SECONDS = {"lock_timeout": "1000", "transaction_timeout": "0"}, 1.0
# A server that hangs gives no error of its own: a person waits this long for a statement, a batch longer. Longer than the server lets a
# transaction idle: by then it has let go of what the other end of a dead connection had locked.
ANSWER_SECONDS: dict[Role, float] = {"api": 10.0, "worker": 30.0}
CONNECT_SECONDS = 10.0
# How long a server may take to say that it has cancelled a statement; and how often a connection that only listens is asked something.
CANCEL_SECONDS, PULSE_SECONDS = 3.0, 10.0
WELL_SECONDS = 2.0


class TooMuch(Exception):  # noqa: N818 - no error of anybody's: less at once
    """More than one transaction should do. Of several records, take fewer at once; one alone can't have its effect."""


def trace_of(error: BaseException) -> BaseException | None:
    """What to log as `exc_info`: nothing where something is away, full or starting and no line of ours at fault: one line tells all."""
    of_the_world = isinstance(error, OSError | TimeoutError)
    if isinstance(error, asyncpg.PostgresError):
        of_the_world = (error.sqlstate or "")[:2] in _OF_THE_WORLD
    return None if of_the_world else error


async def open_pool(settings: ServiceSettings, role: Role, size: int | None = None) -> Pool:
    """Connections that act as <database's service>_<role>: the worker sees all rows, the api what its policies allow."""
    return await asyncpg.create_pool(
        settings.dsn,
        min_size=1,
        max_size=size or settings.pool_size,
        connection_class=_Impatient,
        timeout=CONNECT_SECONDS,
        command_timeout=ANSWER_SECONDS[role],
        init=_set_up_json,
        server_settings={**SESSION, "role": role_name(settings, role), "application_name": f"{settings.service} {role}"},
    )


class _Impatient(asyncpg.Connection):
    """Of which one statement took too long: it may be half-open, and so may be all of its pool, which then begins anew.

    asyncpg would find each of them dead by itself, one statement after the other; and wait as long again for its cancel's answer.
    """

    def _cancel_current_command(self, waiter: "asyncio.Future[None]", cancel_waiter: "asyncio.Future[None] | None" = None) -> None:
        super()._cancel_current_command(waiter, cancel_waiter)  # type: ignore[misc] # asyncpg's own, and in no stub
        if self._pool_holder and (holder := self._pool_holder()):  # type: ignore[attr-defined] # likewise
            holder._pool._generation += 1  # noqa: SLF001 - as its expire_connections does, which is a coroutine
        if cancel_waiter is not None:
            asyncio.get_running_loop().call_later(CANCEL_SECONDS, self._end_unless, cancel_waiter)

    def _end_unless(self, confirmed: "asyncio.Future[None]") -> None:
        if not confirmed.done():
            log.warning("a connection to the database is dead")
            self.terminate()

    async def close(self, *, timeout: float | None = None) -> None:  # noqa: ASYNC109 - as asyncpg has it
        """Say goodbye, and wait for no answer longer than for a cancel's: asyncpg's own waits as long as for a statement."""
        with contextlib.suppress(TimeoutError):  # aborted by then
            await super().close(timeout=min(timeout or CANCEL_SECONDS, CANCEL_SECONDS))


async def is_well(pool: Pool) -> bool:
    """Whether it answers at once: then what has just failed or was slow was so by itself."""
    with contextlib.suppress(Exception):
        async with asyncio.timeout(WELL_SECONDS):
            await pool.execute("SELECT")
            return True
    return False


async def until_lost(connection: Connection) -> None:
    """Until a connection that only listens is gone. One that is half-open doesn't tell, hence it is asked: raises what asyncpg does."""
    lost = asyncio.Event()
    connection.add_termination_listener(lambda *_: lost.set())
    while not lost.is_set():
        try:
            async with asyncio.timeout(PULSE_SECONDS):
                await lost.wait()
        except TimeoutError:
            await connection.execute("SELECT 1", timeout=PULSE_SECONDS)


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


async def rows(connection: Connection, table: str) -> int:
    """How many rows a table has: counted while they are few, else as the planner has it; who asks how a service does waits for no scan."""
    counted = int(await connection.fetchval(f"SELECT count(*) FROM (SELECT FROM {table} LIMIT {COUNTED_ROWS}) AS few"))  # noqa: S608 - constants
    if counted < COUNTED_ROWS:
        return counted
    return max(counted, int(await connection.fetchval("SELECT reltuples::bigint FROM pg_class WHERE oid = $1::text::regclass", table)))


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
    connection = await asyncpg.connect(settings.dsn, server_settings={**SESSION, **MIGRATING})
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
                await _apply(connection, name, path.read_text("utf-8"))
    finally:
        await connection.close()


async def _apply(connection: Connection, name: str, statements: str) -> None:
    """One migration, whole or not at all, while other processes work on the same tables: as often as it takes."""
    while True:
        try:
            async with connection.transaction():
                await connection.execute(statements)
                failpoints.reach("db.migrating")
                await connection.execute("INSERT INTO migrations (name) VALUES ($1)", name)
        except (asyncpg.LockNotAvailableError, asyncpg.DeadlockDetectedError) as error:
            log.warning("a migration lets others go first", migration=name, error=str(error), again_in=LOCK_PAUSE_SECONDS)
            await asyncio.sleep(LOCK_PAUSE_SECONDS * random.uniform(0.5, 1))  # noqa: S311 - jitter
        else:
            log.info("migrated", migration=name)
            return


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
