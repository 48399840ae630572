"""The local token issuer's key pair and secret, made once."""

import secrets
import sys
from dataclasses import dataclass
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from embedded.files import write_private


@dataclass(frozen=True)
class Issuer:
    """Where the keys lie, and what POST /token asks for."""

    private: Path
    public: Path
    secret: str


def ensure_issuer(folder: Path) -> Issuer:
    """The issuer of this installation; its files are readable by their owner alone."""
    private, public, secret = folder / "private.pem", folder / "public.pem", folder / "secret"
    if not secret.exists():
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        key = Ed25519PrivateKey.generate()
        write_private(private, key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode())
        write_private(public, key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode())
        # Written last: its presence says that all three are whole.
        write_private(secret, secrets.token_urlsafe(32))
    return Issuer(private, public, secret.read_text())


if __name__ == "__main__":  # python -m embedded.issuer FOLDER: makes the keys where Postroom runs in containers
    ensure_issuer(Path(sys.argv[1]))
