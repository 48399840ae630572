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
    """How many to take of each lane, together about `limit` and one of each at least; `room` bounds types, and is shared as well."""
    left = dict(room)
    tenants, types = Counter(lane.tenant for lane in lanes), Counter(lane.message_type for lane in lanes)
    dealt: dict[Lane, int] = {}
    for lane in lanes:
        share = max(1, limit // len(tenants) // tenants[lane.tenant])
        if lane.message_type in left:
            share = min(share, -(-room[lane.message_type] // types[lane.message_type]), left[lane.message_type])
            left[lane.message_type] -= share
        if share > 0:
            dealt[lane] = share
    return dealt
