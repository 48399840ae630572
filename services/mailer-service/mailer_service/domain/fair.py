"""Who goes next, when more is due than is taken at once: each tenant has the same share, and of it each of its message types."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import NamedTuple


class Lane(NamedTuple):
    """One tenant's messages of one type. What people send is of types of its own, and so never stands behind what machines send."""

    tenant: str
    message_type: str


FIRST = Lane("", "")


def deal(lanes: Sequence[Lane], limit: int, room: Mapping[str, int]) -> dict[Lane, int]:
    """How many to take of each lane, together about `limit`, one of each at least; `room` says how many of a type there may be at most."""
    left = dict(room)
    tenants = Counter(lane.tenant for lane in lanes)
    dealt: dict[Lane, int] = {}
    for lane in lanes:
        share = max(1, limit // len(tenants) // tenants[lane.tenant])
        if (share := min(share, left.get(lane.message_type, share))) > 0:
            dealt[lane] = share
            if lane.message_type in left:
                left[lane.message_type] -= share
    return dealt
