"""What signs the addresses for replies by mail, made once: an address that was given away must be known after a restart."""

import secrets
from pathlib import Path

from embedded.files import write_private


def ensure_reply_secret(folder: Path) -> str:
    """The secret of this installation, readable by its owner alone."""
    path = folder / "secret"
    if not path.exists():
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        write_private(path, secrets.token_urlsafe(32))
    return path.read_text()
