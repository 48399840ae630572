"""Takes what is due, fairly, and as far as the caps let it set out."""

from collections import Counter
from collections.abc import Mapping, Sequence
from uuid import UUID

from mailer_service import capping
from mailer_service.domain.caps import Caps
from mailer_service.domain.fair import FIRST, Lane, deal
from mailer_service.rows import Row
from mailer_service.store import envelopes as store
from mailer_service.store import trial
from postroom import failpoints
from postroom.db import Connection

# So many lanes are looked at in one go; where there are more, the next go begins behind them.
LANES = 200


class Claim:
    """Remembers where it is in the ring of lanes."""

    def __init__(self, caps: Caps) -> None:
        self._caps = caps
        self._after = FIRST
        self._turn = 0

    async def take(self, connection: Connection, sender: UUID, limit: int, room: Mapping[str, int]) -> tuple[list[Row], bool]:
        """Lease up to about `limit` due envelopes, of each lane in turn; `room` bounds types. False: nothing was due, nor is held now."""
        due = self._turned(await self._due_lanes(connection, room))
        taken, found = await self._share(connection, sender, dealt := deal(due, limit, room))
        # What short lanes left over goes to those that had more than their share.
        had = Counter(_lane(row) for row in found)
        rest, long = limit - len(found), [lane for lane, share in dealt.items() if had[lane] == share]
        if 0 < rest < limit and long and len(long) < len(due):
            used = Counter(row["message_type"] for row in found)
            more, _ = await self._share(connection, sender, deal(long, rest, {type_: most - used[type_] for type_, most in room.items()}))
            taken += more
        return _in_turn(taken), bool(found)

    async def _due_lanes(self, connection: Connection, room: Mapping[str, int]) -> list[Lane]:
        """Some lanes with something due and room for it; none only if the whole ring has none."""
        began = self._after
        while True:
            lanes = await store.lanes(connection, self._after, LANES)
            self._after = lanes[-1][0] if len(lanes) == LANES else FIRST
            due = [lane for lane, is_due in lanes if is_due and room.get(lane.message_type, 1) > 0]
            if due or began == self._after == FIRST:
                return due
            if self._after == FIRST:
                began = FIRST

    async def try_one(self, connection: Connection, sender: UUID, doubted: Sequence[str]) -> tuple[list[Row], bool]:
        """The same for one envelope alone, to try the relay with; to one of the `doubted` domains only if there is no other."""
        lanes = await self._due_lanes(connection, {})
        if not lanes:
            return [], False
        async with connection.transaction():
            found = await trial.due_one(connection, sender, lanes, doubted)
            taken = await self._set_out(connection, sender, found)
        failpoints.reach("sender.taken")
        return taken, bool(found)

    def _turned(self, lanes: Sequence[Lane]) -> list[Lane]:
        """Another one first each time: where there is not one for each, the first ones get it."""
        self._turn += 1
        at = self._turn % max(len(lanes), 1)
        return [*lanes[at:], *lanes[:at]]

    async def _share(self, connection: Connection, sender: UUID, dealt: Mapping[Lane, int]) -> tuple[list[Row], Sequence[Row]]:
        """Lease so many of each lane; → what sets out, and that together with what the caps hold now."""
        if not dealt:
            return [], []
        async with connection.transaction():
            found = await store.due(connection, sender, dealt)
            taken = await self._set_out(connection, sender, found)
        failpoints.reach("sender.taken")
        return taken, found

    async def _set_out(self, connection: Connection, sender: UUID, found: Sequence[Row]) -> list[Row]:
        taken, began = await capping.setting_out(connection, self._caps, found)
        await store.lease(connection, sender, [row["id"] for row in taken], began)
        return taken


def _lane(row: Row) -> Lane:
    return Lane(row["tenant"], row["message_type"])


def _in_turn(rows: Sequence[Row]) -> list[Row]:
    """One of each lane after the other, so that nobody stands behind a whole share of somebody else's."""
    turns: Counter[Lane] = Counter()
    ranked = []
    for row in sorted(rows, key=lambda row: int(row["sequence"])):
        turns[_lane(row)] += 1
        ranked.append((turns[_lane(row)], row["sequence"], row))
    return [row for *_, row in sorted(ranked, key=lambda one: one[:2])]
