"""One click ends the mail of one type: a token that only we can make, and that says whose mail and which."""

import hmac
from base64 import b64decode, urlsafe_b64encode
from dataclasses import dataclass
from hashlib import sha256

import orjson

_MAC_BYTES = 16
_LONGEST = 2_000


@dataclass(frozen=True, slots=True)
class Subscription:
    """A person's mail of one message type."""

    tenant: str
    person: str
    message_type: str


def token(subscription: Subscription, key: bytes) -> str:
    """For a URL: the same subscription has the same token for good."""
    said = orjson.dumps([subscription.tenant, subscription.person, subscription.message_type])
    return _written(_mac(said, key) + said)


def subscription(token: str, key: bytes) -> Subscription | None:
    """Whose token it is; None for one that we have not made."""
    try:
        raw = b64decode(token + "=" * (-len(token) % 4), altchars=b"-_", validate=True) if len(token) <= _LONGEST else b""
    except ValueError:
        return None
    mac, said = raw[:_MAC_BYTES], raw[_MAC_BYTES:]
    if not said or not hmac.compare_digest(mac, _mac(said, key)):
        return None
    found = Subscription(*orjson.loads(said))
    # Base64 has more than one way to write the same bytes; a token has one.
    return found if _written(mac + said) == token else None


def _written(raw: bytes) -> str:
    return urlsafe_b64encode(raw).decode().rstrip("=")


def _mac(said: bytes, key: bytes) -> bytes:
    return hmac.digest(key, b"unsubscribe " + said, sha256)[:_MAC_BYTES]
