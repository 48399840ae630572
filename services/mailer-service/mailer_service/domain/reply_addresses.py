"""The address that a correspondence is answered to: it names the message, and a signature says that we gave it away."""

import base64
import binascii
import hmac
from collections.abc import Sequence
from hashlib import sha256
from uuid import UUID

PREFIX = "reply+"
_PURPOSE = b"postroom reply address 1\0"
_ID_BYTES = 16
# 96 bits: nobody guesses one over SMTP, and the local part stays at 51 of the 64 characters that RFC 5321 allows.
_SIGNATURE_BYTES = 12


class ReplyAddresses:
    """Makes and checks reply+<token>@<domain>. The first of `secrets` signs; each of them is accepted, so that one can be replaced.

    The token is base32 in lower case, for mail systems fold the case of an address: 16 bytes of the message's uuid, 12 of its HMAC.
    """

    def __init__(self, domain: str, secrets: Sequence[str]) -> None:
        self.domain = domain.lower()
        self._secrets = [secret.encode() for secret in secrets]

    def of(self, message: str) -> str:
        """The address for this message (a uuid) of ours."""
        return f"{PREFIX}{self._token(UUID(message).bytes, self._secrets[0])}@{self.domain}"

    def message(self, address: str) -> str | None:
        """The message that an address of ours names; None for any other address, however near it comes."""
        local, _, domain = address.lower().rpartition("@")
        given = local.removeprefix(PREFIX).encode("utf-8", "replace")
        if domain != self.domain or not local.startswith(PREFIX):
            return None
        named = _id_in(given)
        # Every secret is tried in the same time, whichever fits.
        fits = [hmac.compare_digest(self._token(named, secret).encode(), given) for secret in self._secrets]
        return str(UUID(bytes=named)) if any(fits) else None

    @staticmethod
    def _token(named: bytes, secret: bytes) -> str:
        signature = hmac.new(secret, _PURPOSE + named, sha256).digest()[:_SIGNATURE_BYTES]
        return base64.b32encode(named + signature).decode().rstrip("=").lower()


def _id_in(token: bytes) -> bytes:
    """The uuid's bytes that a token begins with; zeros where it is none."""
    try:
        named = base64.b32decode(token.upper() + b"=" * (-len(token) % 8))[:_ID_BYTES]
    except (binascii.Error, ValueError):
        named = b""
    return named.ljust(_ID_BYTES, b"\0")
