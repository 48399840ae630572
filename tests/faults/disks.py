"""Small disks of a house: file systems in memory that the supervisor mounts for itself and its children, so that nothing stays of them.

They are filled and emptied from outside, by way of the supervisor's own root. Mounting needs root; without it, a story says that it
did not run.
"""

import ctypes
import errno
import os
import subprocess
from pathlib import Path

from embedded.state import read_state

# Folder of the run → its size. What a house needs at first is far less, what a story leaves free is nothing.
SIZES = {"postgres": "600m", "wal": "400m", "kafka/data": "600m"}
_CLONE_NEWNS = 0x00020000
FILLER, PAGE = "filler", 4096


def possible() -> bool:
    """Whether this process may mount."""
    return os.geteuid() == 0


def mount(run: Path) -> None:
    """Give this process file systems of its own."""
    if ctypes.CDLL(None, use_errno=True).unshare(_CLONE_NEWNS):
        raise OSError(ctypes.get_errno(), "unshare")
    subprocess.run(["mount", "--make-rprivate", "/"], check=True)
    for folder, size in SIZES.items():
        (run / folder).mkdir(parents=True, exist_ok=True)
        # 711: the server's user passes through.
        subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size},mode=711", "postroom", str(run / folder)], check=True)


def _seen(run: Path, folder: str) -> Path:
    """The disk as the supervisor sees it."""
    return Path(f"/proc/{read_state(run).supervisor.pid}/root") / str(run / folder).lstrip("/")


def fill(run: Path, folder: str) -> int:
    """Take all space, while others take it too; → how many bytes were taken."""
    disk, taken = _seen(run, folder), 0
    piece = 1 << 29
    with (disk / FILLER).open("wb") as file:
        while piece >= PAGE:
            try:
                os.posix_fallocate(file.fileno(), taken, piece)
                taken += piece
            except OSError as error:
                if error.errno != errno.ENOSPC:
                    raise
                piece //= 2
    return taken


def clear(run: Path, folder: str) -> None:
    """Make space again."""
    (_seen(run, folder) / FILLER).unlink()
