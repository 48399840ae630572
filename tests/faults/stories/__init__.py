"""All stories by name, in the order in which they are played; a new one is a function in a file of this room and a line here.

A story breaks something while work is in flight. Afterwards everything comes to rest and the six invariants are asked for.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from tests.faults.stage import Scale, Stage
from tests.faults.stories import guards, injection, kills, links, relays, servers


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
    "links": Story(links.links, house="linked"),
    "password": Story(relays.password, house="relay"),
    "denied": Story(relays.denied, house="relay"),
    "in clear": Story(relays.in_clear, house="relay"),
    "weekend": Story(relays.weekend, house="relay"),
    "given up": Story(relays.given_up, house="relay"),
    "large": Story(relays.large, house="relay"),
    # Some of what it writes is parked or undecided, which the oracle doesn't know: it looks for itself.
    "injection": Story(injection.injection, house="single", judged=False),
    "guards": Story(guards.guards, judged=False),
}
