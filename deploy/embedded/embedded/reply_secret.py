"""What signs the addresses for replies by mail, made once: an address that was given away must be known after a restart."""

import secrets
from pathlib import Path


def ensure_reply_secret(folder: Path) -> str:
    """The secret of this installation, readable by its owner alone."""
    path = folder / "secret"
    if not path.exists():
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        half = path.with_suffix(".new")
        half.unlink(missing_ok=True)
        half.touch(mode=0o600)
        half.write_text(secrets.token_urlsafe(32))
        half.replace(path)
    return path.read_text()
