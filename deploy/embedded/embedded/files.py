"""Files of .run that are there whole or not at all, also after a power failure."""

import os
from pathlib import Path


def settle(folder: Path) -> None:
    """Have the disk know the names in this folder: a rename alone may be forgotten when the power fails."""
    entry = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(entry)
    finally:
        os.close(entry)
