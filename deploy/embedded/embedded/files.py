"""The small files of .run: each is there whole or not at all, also after a power failure."""

import json
import os
from contextlib import suppress
from pathlib import Path
from typing import Any


def write_private(path: Path, text: str) -> None:
    """Replace the file in one step; its owner alone may read it."""
    half = path.with_suffix(".new")
    half.unlink(missing_ok=True)
    half.touch(mode=0o600)
    with half.open("w") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    half.replace(path)
    sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Have the disk know the names in this folder: a rename alone may be forgotten when the power fails."""
    entry = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(entry)
    finally:
        os.close(entry)


def as_json(content: object) -> str:
    """As a person can read it, too."""
    return json.dumps(content, indent=1) + "\n"


def read_json(path: Path) -> dict[str, Any]:
    """The object in this file; an empty one where there is none, or what lies there can't be read."""
    with suppress(FileNotFoundError, ValueError):
        found: dict[str, Any] = json.loads(path.read_text())
        return found
    return {}
