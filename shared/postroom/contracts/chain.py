"""The chain of an order's history: what each link is a hash of. commlog-service writes it, `postroom audit verify` reckons it again.

link = sha256(netstrings of VERSION, previous link, tenant, order, entry, kind, ref, actor, time, content's hash),
content's hash = sha256(salt ‖ content as UTF-8). Hashes are lower-case hex. migrations/0002_history.sql says the same in SQL.
"""

import json
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any

VERSION = "postroom.history.1"
START = "0" * 64
"""What the first link of a chain follows."""
SALT_BYTES = 32


def canonical(content: Any) -> str:
    """The JSON that is kept and hashed: sorted keys, no blanks, letters as they are."""
    return json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def moment(at: datetime) -> str:
    """A time as it is hashed: UTC to the microsecond, `2026-11-23T09:15:00.000000Z`."""
    return at.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="microseconds") + "Z"


def content_hash(salt: bytes, content: str) -> str:
    """Salted, so that a short content that was erased can't be guessed from its hash."""
    return sha256(salt + content.encode()).hexdigest()


def link(previous: str, tenant: str, order: str, *told: str | int) -> str:
    """The link after `previous`; `told` is entry, kind, ref, actor, moment and content_hash, in this order.

    Netstrings (`3:abc,`), so that no two lists of fields make the same bytes.
    """
    fields = [str(field).encode() for field in (VERSION, previous, tenant, order, *told)]
    return sha256(b"".join(b"%d:%s," % (len(field), field) for field in fields)).hexdigest()
