"""All stories by name, in the order in which they are played; a new one is a function in a file of this room and a line here.

A story breaks something while work is in flight. Afterwards everything comes to rest and the six invariants are asked for.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from tests.faults.stage import Scale, Stage
from tests.faults.stories import bad_records, bad_requests, guards, kills, links, parked_replayed, servers


@dataclass(frozen=True)
class Story:
    """`house` names the kind of house it is played in (house.py); `judged` is False where it asks for the verdicts itself."""

    play: Callable[[Stage, Scale], Awaitable[None]]
    house: str = "plain"
    judged: bool = True


STORIES: dict[str, Story] = {
    "steady": Story(kills.steady),
    "guarded": Story(guards.guarded),
    "failpoints": Story(kills.failpoints),
    "services": Story(kills.services),
    "broker": Story(kills.broker),
    "database": Story(kills.database),
    "stopped": Story(kills.stopped),
    "server": Story(servers.server),
    "burst": Story(kills.burst),
    "mixed": Story(kills.mixed),
    "bad-records": Story(bad_records.bad_records, house="single", judged=False),
    "bad-papers": Story(bad_requests.bad_papers, house="single", judged=False),
    "bad-requests": Story(bad_requests.bad_requests, house="single", judged=False),
    "parked-replayed": Story(parked_replayed.parked_replayed, house="single", judged=False),
    "links": Story(links.links, house="linked"),
    "guards": Story(guards.guards, judged=False),
}
