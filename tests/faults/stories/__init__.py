"""All stories by name, in the order in which they are played; a new one is a function in a file of this room and a line here.

A story breaks something while work is in flight. Afterwards everything comes to rest and the six invariants are asked for.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from tests.faults.stage import Scale, Stage
from tests.faults.stories import (
    bad_records,
    bad_requests,
    clock,
    disks,
    frozen,
    guards,
    injection,
    kills,
    links,
    parked_replayed,
    pressure,
    rebalance,
    relays,
    restores,
    senders,
    servers,
    upgrade,
)


@dataclass(frozen=True)
class Story:
    """`house` names the kind of house it is played in (house.py); `judged` is False where it asks for the verdicts itself.

    `strikes`: how many faults it plays, each while something is in flight; most of them must find something, or it has proven nothing.
    """

    play: Callable[[Stage, Scale], Awaitable[None]]
    house: str = "plain"
    judged: bool = True
    strikes: Callable[[Scale], int] = lambda _: 0

    def steps(self, scale: Scale) -> int:
        """For the display of its progress."""
        return self.strikes(scale) or 1

    def must_strike(self, scale: Scale) -> int:
        """In a burst a process may have nothing to do any more when its turn comes."""
        return self.strikes(scale) - self.strikes(scale) // 5


STORIES: dict[str, Story] = {
    "steady": Story(kills.steady),
    # Its sender that stands still is to come back with its transaction alive.
    "guarded": Story(guards.guarded, house="short lease"),
    "failpoints": Story(kills.failpoints, strikes=lambda _: sum(map(len, kills.FAILPOINTS.values()))),
    "services": Story(kills.services, strikes=lambda scale: scale.of(kills.KILLS)),
    "broker": Story(kills.broker, strikes=lambda scale: scale.of(kills.BROKER)),
    "database": Story(kills.database, strikes=lambda scale: scale.of(kills.DATABASE)),
    "stopped": Story(kills.stopped, strikes=lambda _: 4),
    "server": Story(servers.server),
    "burst": Story(kills.burst, strikes=lambda _: 6),
    "mixed": Story(kills.mixed, strikes=lambda scale: scale.of(kills.MIXED)),
    "states": Story(senders.states),
    "take-over": Story(senders.take_over),
    "unknown": Story(senders.unknown),
    "comes-back": Story(senders.comes_back, house="short lease"),
    # Before the others of its house: it replays whatever is parked there, one by one and twice.
    "parked-replayed": Story(parked_replayed.parked_replayed, house="single", judged=False),
    "bad-records": Story(bad_records.bad_records, house="single", judged=False),
    "bad-papers": Story(bad_requests.bad_papers, house="single", judged=False),
    "bad-requests": Story(bad_requests.bad_requests, house="single", judged=False),
    "links": Story(links.links, house="linked", strikes=lambda _: 9),
    "password": Story(relays.password, house="relay"),
    "denied": Story(relays.denied, house="relay"),
    "in clear": Story(relays.in_clear, house="relay"),
    "weekend": Story(relays.weekend, house="relay"),
    "given up": Story(relays.given_up, house="relay"),
    "large": Story(relays.large, house="relay"),
    # Some of what it writes is parked or undecided, which the oracle doesn't know: it looks for itself.
    "injection": Story(injection.injection, house="single", judged=False),
    "frozen": Story(frozen.frozen, house="half-open", strikes=lambda _: 2 * len(frozen.LINKS)),
    "clock": Story(clock.clock, house="clocks"),
    "upgrade": Story(upgrade.upgrade, house="landed"),
    "rebalance": Story(rebalance.rebalance),
    "restore-wal": Story(restores.wal, house="archived", strikes=lambda scale: scale.of(restores.TIMES)),
    "restore-older": Story(restores.older, house="archived", judged=False),
    "standby": Story(restores.standby, house="standby", strikes=lambda scale: scale.of(restores.TIMES)),
    "disk-full": Story(disks.full, house="small", strikes=disks.strikes),
    "slow-server": Story(pressure.slow_server),
    "flood": Story(pressure.flood),
    "million": Story(pressure.million, judged=False),
    "caps": Story(pressure.caps, house="capped"),
    "guards": Story(guards.guards, house="short lease", judged=False),
}
