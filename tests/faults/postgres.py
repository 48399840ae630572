"""Postgres as a house keeps it that means to survive the loss of its data: with an archive of its WAL, or with a standby.

A story tells what a server is to become by laying `plan.json` into its folder and killing it: whoever starts it again obeys.
"""

import json
import os
import shutil
import signal
from pathlib import Path
from typing import Any

from embedded.postgres import ROLE, Postgres
from embedded.process import Command, group_of
from embedded.server import Server


def lay(folder: Path, plan: dict[str, Any]) -> None:
    """What the server in this folder is to become at its next start."""
    new = folder / "plan.new"
    new.write_text(json.dumps(plan))
    new.replace(folder / "plan.json")


class Planned(Postgres):
    """Obeys plan.json once, before it starts; a `fenced` one doesn't start."""

    fenced = False

    def prepare(self) -> None:
        plan = self.folder / "plan.json"
        if plan.exists():
            self.become(json.loads(plan.read_text()))
            plan.unlink()
        if not self.fenced:
            super().prepare()

    def become(self, plan: dict[str, Any]) -> None:
        """Put it into effect; the server doesn't run."""
        raise NotImplementedError

    def copy(self, source: Path, target: Path) -> None:
        """A folder with all that is in it, given to the server's user."""
        shutil.copytree(source, target)
        for path in (target, *target.rglob("*")):
            if self.uid is not None:
                os.chown(path, self.uid, group_of(self.uid))

    def backup_from(self, port: int, folder: Path, wal: str) -> None:
        """pg_basebackup of a server that runs; `wal` is none where an archive has it, else stream."""
        shutil.rmtree(folder, ignore_errors=True)
        self.own(folder)
        asked = ["-h", "127.0.0.1", "-p", str(port), "-U", ROLE, "-D", str(folder), "-X", wal, "--checkpoint=fast", "--no-manifest"]
        self.run("pg_basebackup", *asked, PGPASSWORD=self._password_file.read_text())


class Archived(Planned):
    """Each commit waits until the archive has it; a plan {"until": time} restores the base backup and its WAL up to there, null for all."""

    @property
    def generation(self) -> int:
        """How often it was restored: each time a new archive is begun, for another timeline doesn't follow in the old one."""
        file = self._place / "generation"
        return int(file.read_text()) if file.exists() else 1

    @property
    def archive(self) -> Path:
        return self._place / f"archive-{self.generation}"

    @property
    def base(self) -> Path:
        return self._place / "base"

    def prepare(self) -> None:
        super().prepare()
        self.own(self.archive)

    def become(self, plan: dict[str, Any]) -> None:
        """Its data are lost; what was backed up takes their place."""
        self._clear_stale_lock()
        shutil.rmtree(self._data)
        self.copy(self.base, self._data)
        from_archive = f"cp {self.archive}/%f %p || cp {self.archive}/%f.partial %p"
        wanted = [f"restore_command = '{from_archive}'", "recovery_target_action = 'promote'"]
        if plan["until"]:
            wanted.append(f"recovery_target_time = '{plan['until']}'")
        (self._data / "postgresql.auto.conf").write_text("\n".join(wanted) + "\n")
        (self._data / "recovery.signal").touch()
        (self._place / "generation").write_text(str(self.generation + 1))

    def command(self) -> Command:
        plain = super().command()
        return Command([*plain.argv, "--synchronous_standby_names=archive", "--wal_keep_size=512MB"], plain.env, plain.uid, plain.cwd)

    def back_up(self) -> None:
        """A base backup while it runs, which a plan restores."""
        self.backup_from(self.port, self.base, "none")


class Receiver(Server):
    """pg_receivewal into the archive, as the synchronous standby that each commit waits for."""

    stop_signal = signal.SIGINT

    def __init__(self, of: Archived, log: Path) -> None:
        super().__init__("archive", log)
        self._of = of

    @property
    def address(self) -> str:
        return str(self._of.archive)

    def command(self) -> Command:
        asked = ["-h", "127.0.0.1", "-p", str(self._of.port), "-U", ROLE, "-D", str(self._of.archive), "--synchronous", "--no-loop"]
        # The name under which the server waits for it.
        env = {"PGPASSWORD": self._of._password_file.read_text(), "PGAPPNAME": "archive"}
        return Command([self._of._binary("pg_receivewal"), *asked], env=env, uid=self._of.uid, cwd=self._of._place)

    def ready(self) -> bool:
        return self.pid is not None


class Twin(Planned):
    """One of two servers: a plan {"role": "standby", "of": port} makes it follow the other; {"role": "fenced"}, not come back."""

    def __init__(self, folder: Path, port: int, log: Path, name: str, password: Path) -> None:
        super().__init__(folder, port, log)
        self.name = name
        self._password = password

    @property
    def _password_file(self) -> Path:
        return self._password

    @property
    def fenced(self) -> bool:  # type: ignore[override]
        """Whether it may not run."""
        return (self._place / "fenced").exists()

    def become(self, plan: dict[str, Any]) -> None:
        """Fenced, or a copy of the other one that follows it; a standby waits for nobody once it is promoted."""
        (self._place / "fenced").touch()
        if plan["role"] == "fenced":
            return
        if (self._data / "postmaster.pid").exists():
            self._clear_stale_lock()
        self.backup_from(plan["of"], self._data, "stream")
        told = f"host=127.0.0.1 port={plan['of']} user={ROLE} password={self._password.read_text()} application_name=twin"
        with (self._data / "postgresql.auto.conf").open("a") as settings:
            settings.write(f"synchronous_standby_names = ''\nprimary_conninfo = '{told}'\n")
        (self._data / "standby.signal").touch()
        (self._place / "fenced").unlink()

    def promote(self) -> None:
        """Let it be the primary; returns when it takes writes."""
        self.run("pg_ctl", "promote", "-w", "-D", str(self._data))

    def command(self) -> Command:
        if self.fenced:
            return Command(["sleep", "infinity"])
        plain = super().command()
        return Command([*plain.argv, "--wal_keep_size=512MB"], plain.env, plain.uid, plain.cwd)

    def ready(self) -> bool:
        return self.fenced or super().ready()


class Small(Planned):
    """Its data on one small disk, its WAL on another."""

    def __init__(self, folder: Path, port: int, log: Path, wal: Path) -> None:
        super().__init__(folder, port, log)
        self._wal = wal

    def prepare(self) -> None:
        super().prepare()
        wal = self._data / "pg_wal"
        if not wal.is_symlink():
            self.copy(wal, self._wal / "pg_wal")
            shutil.rmtree(wal)
            wal.symlink_to(self._wal / "pg_wal")

    def command(self) -> Command:
        plain = super().command()
        return Command([*plain.argv, "--max_wal_size=160MB"], plain.env, plain.uid, plain.cwd)
