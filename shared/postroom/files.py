"""Files that are on the disk before anybody is told that they are kept."""

import os
from contextlib import suppress
from pathlib import Path
from secrets import token_hex


def write_synced(path: Path, data: bytes) -> None:
    """Put a whole file in its place, with its folder if that is new; after a power failure all of it is there. Raises OSError."""
    folders = [path.parent]
    while not folders[-1].exists():
        folders.append(folders[-1].parent)
    path.parent.mkdir(parents=True, exist_ok=True)
    partly = path.with_name(f".{path.name}.{token_hex(4)}")
    try:
        with partly.open("xb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        partly.replace(path)
    finally:
        with suppress(FileNotFoundError):
            partly.unlink()
    for folder in folders:
        sync_folder(folder)


def sync_folder(folder: Path) -> None:
    """A new file's name is synced apart from what is in it."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
