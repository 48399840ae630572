"""Where Postgres has its data: what lies there is never removed, and what was not finished is begun again."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import asyncpg
import pytest

from embedded.errors import EmbeddedError
from embedded.postgres import Postgres
from embedded.unprivileged import outside_folder, remove


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """One for all tests here: where the server's user can't enter it, its programs are copied."""
    folder = tmp_path_factory.mktemp("postgres")
    yield folder
    if (folder / "outside").is_symlink():
        remove(folder / "outside")


@pytest.fixture
def server(folder: Path) -> Postgres:
    """Without a database."""
    server = Postgres(folder, durable=False)
    shutil.rmtree(server._data, ignore_errors=True)
    return server


async def databases(server: Postgres, *statements: str) -> set[str]:
    connection = await asyncpg.connect(f"{server.dsn}/postgres")
    try:
        for statement in statements:
            await connection.execute(statement)
        return {row["datname"] for row in await connection.fetch("SELECT datname FROM pg_database")}
    finally:
        await connection.close()


async def test_a_database_is_started_as_it_lies_also_without_the_marker_of_former_versions(server: Postgres) -> None:
    """Systems tidy /var/tmp up, and a base backup of another server has never had one."""
    with server:
        await databases(server, "CREATE DATABASE kept")
    (server._data / "initdb.done").unlink()
    with server:
        assert "kept" in await databases(server)


async def test_an_initdb_that_was_cut_off_is_begun_again(server: Postgres) -> None:
    (server._place / "data.new" / "base").mkdir(parents=True)
    (server._place / "data.new" / "PG_VERSION").write_text("18\n")
    with server:
        assert "postgres" in await databases(server)
    assert not (server._place / "data.new").exists()


@pytest.mark.parametrize("left", ["", "999999999\n"])
def test_the_lock_of_a_server_that_is_gone_is_cleared(server: Postgres, left: str) -> None:
    """Also the empty one of a server that was killed while it made it."""
    server.prepare()
    lock = server._data / "postmaster.pid"
    lock.write_text(left)
    server.prepare()
    assert not lock.exists()


def test_what_is_no_database_is_left_alone_and_named(server: Postgres) -> None:
    (server._data / "base").mkdir(parents=True)
    for _ in range(2):
        with pytest.raises(EmbeddedError, match=f"{server._data} holds something that is no database"):
            server.prepare()
    assert (server._data / "base").exists()


def test_the_version_before_finds_its_marker(server: Postgres) -> None:
    """It would remove a database that has none."""
    server.prepare()
    assert (server._data / "initdb.done").exists()


async def test_an_empty_password_is_made_anew_as_long_as_there_is_no_database(server: Postgres) -> None:
    server._password_file.write_text("")
    with server:
        assert "postgres" in await databases(server)


@pytest.mark.parametrize("password", ["", None])
def test_a_database_whose_password_is_gone_is_named_with_the_way_out(server: Postgres, password: str | None) -> None:
    """A new one would not open it: all services would be turned away for ever."""
    server.prepare()
    server._password_file.unlink()
    if password is not None:
        server._password_file.write_text(password)
    with pytest.raises(EmbeddedError, match=f"{server._password_file} no password: write there that of its role postroom"):
        server.prepare()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root's server has another user")
def test_a_folder_outside_is_where_nobody_tidies_up(tmp_path: Path) -> None:
    place = outside_folder(tmp_path / "outside", None)
    try:
        assert place.parent == Path("/var/lib")
        assert outside_folder(tmp_path / "outside", None) == place
    finally:
        remove(tmp_path / "outside")


def test_a_folder_outside_is_found_where_it_once_was_made_and_missed_when_it_is_gone(tmp_path: Path) -> None:
    link = tmp_path / "outside"
    (tmp_path / "var-tmp").mkdir()
    link.symlink_to(tmp_path / "var-tmp")
    assert outside_folder(link, None) == tmp_path / "var-tmp"
    shutil.rmtree(tmp_path / "var-tmp")
    with pytest.raises(EmbeddedError, match="var-tmp, in which Postgres has its data, is gone"):
        outside_folder(link, None)


def test_a_folder_outside_stays_the_servers_own_when_it_could_enter_ours_by_now(tmp_path: Path) -> None:
    (tmp_path / "outside").symlink_to(tmp_path.parent)
    server = Postgres(tmp_path)
    server.uid = None  # who isn't root may enter wherever this process may
    assert server._data == tmp_path.parent / "data"
