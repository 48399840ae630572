"""Postgres refuses to run as root: whom to run it as, and folders which that user can reach."""

import os
import pwd
import shutil
import stat
import tempfile
from pathlib import Path

from embedded.errors import EmbeddedError
from embedded.files import sync_folder

_NO_SUCH_USER = 65_534


def server_uid() -> int | None:
    """None when this process is no root; else the user `postgres`, `nobody`, or a plain number."""
    if os.geteuid() != 0:
        return None
    for name in ("postgres", "nobody"):
        try:
            return pwd.getpwnam(name).pw_uid
        except KeyError:
            continue
    return _NO_SUCH_USER


def reachable(path: Path, uid: int | None) -> bool:
    """Whether the user can enter each folder on the way to the path, and the path itself."""
    if uid is None:
        return True
    whole = path.resolve()
    return all(folder.stat().st_mode & stat.S_IXOTH for folder in (whole, *whole.parents))


def outside_folder(link: Path, uid: int | None) -> Path:
    """A folder under /var/lib for what can't stay where it is; the link in the ignored folder remembers it, wherever it leads."""
    if not link.is_symlink():
        link.parent.mkdir(parents=True, exist_ok=True)
        # Not under /var/tmp, as it once was: systems remove there what is a month old.
        folder = Path(tempfile.mkdtemp(prefix="postroom-", dir="/var/lib"))
        if uid is not None:
            os.chown(folder, uid, -1)
        link.symlink_to(folder)
        sync_folder(link.parent)
    if not link.exists():
        message = f"the folder {link.readlink()}, in which Postgres has its data, is gone: bring it back, or remove {link} to begin anew"
        raise EmbeddedError(message)
    return link.resolve()


def remove(path: Path) -> None:
    """Remove a folder or, for a link, the folder it leads to as well."""
    if path.is_symlink():
        shutil.rmtree(path.resolve(), ignore_errors=True)
        path.unlink()
    else:
        shutil.rmtree(path, ignore_errors=True)
