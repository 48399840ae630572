"""What becomes of mails, on a page that is open: how often to ask again, and whether there is anything new to show."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any, NamedTuple

import orjson

# While one of these stands, something may still happen by itself.
_MOVING = {"queued", "deferred", "unknown"}
_SOON = timedelta(minutes=1)


class Watch(NamedTuple):
    """`every`: how long until the page asks again, '' for no more; `seen` stands for what it shows."""

    every: str
    seen: str


def watch(sends: Sequence[dict[str, Any]]) -> Watch:
    """Each second in a send's first minute, while it waits for its turn; each ten while a retry is due; no more once all is said."""
    told = [(send["send"], one["address"], one["state"], one["detail"]) for send in sends for one in send["recipients"]]
    moving = [send for send in sends if any(one["state"] in _MOVING for one in send["recipients"])]
    fresh = any(datetime.now(UTC) - datetime.fromisoformat(send["requested_at"]) < _SOON for send in moving if _queued(send))
    return Watch("1s" if fresh else "10s" if moving else "", sha256(orjson.dumps(told)).hexdigest()[:12])


def _queued(send: dict[str, Any]) -> bool:
    return any(one["state"] == "queued" for one in send["recipients"])
