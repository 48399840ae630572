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

    `steps`: how many faults it has, for the display of its progress.
    """

    play: Callable[[Stage, Scale], Awaitable[None]]
    house: str = "plain"
    judged: bool = True
    steps: Callable[[Scale], int] = lambda _: 1


STORIES: dict[str, Story] = {
    "steady": Story(kills.steady),
    "guarded": Story(guards.guarded),
    "failpoints": Story(kills.failpoints, steps=lambda _: sum(map(len, kills.FAILPOINTS.values()))),
    "services": Story(kills.services, steps=lambda scale: scale.of(kills.KILLS)),
    "broker": Story(kills.broker, steps=lambda scale: scale.of(kills.BROKER)),
    "database": Story(kills.database, steps=lambda scale: scale.of(kills.DATABASE)),
    "stopped": Story(kills.stopped, steps=lambda _: 4),
    "server": Story(servers.server),
    "burst": Story(kills.burst, steps=lambda _: 6),
    "mixed": Story(kills.mixed, steps=lambda scale: scale.of(kills.MIXED)),
    "states": Story(senders.states),
    "take-over": Story(senders.take_over),
    "unknown": Story(senders.unknown),
    "comes-back": Story(senders.comes_back, house="short lease"),
    # Before the others of its house: it replays whatever is parked there, one by one and twice.
    "parked-replayed": Story(parked_replayed.parked_replayed, house="single", judged=False),
    "bad-records": Story(bad_records.bad_records, house="single", judged=False),
    "bad-papers": Story(bad_requests.bad_papers, house="single", judged=False),
    "bad-requests": Story(bad_requests.bad_requests, house="single", judged=False),
    "links": Story(links.links, house="linked", steps=lambda _: 9),
    "password": Story(relays.password, house="relay"),
    "denied": Story(relays.denied, house="relay"),
    "in clear": Story(relays.in_clear, house="relay"),
    "weekend": Story(relays.weekend, house="relay"),
    "given up": Story(relays.given_up, house="relay"),
    "large": Story(relays.large, house="relay"),
    # Some of what it writes is parked or undecided, which the oracle doesn't know: it looks for itself.
    "injection": Story(injection.injection, house="single", judged=False),
    "frozen": Story(frozen.frozen, house="half-open"),
    "clock": Story(clock.clock, house="clocks"),
    "upgrade": Story(upgrade.upgrade, house="landed"),
    "rebalance": Story(rebalance.rebalance),
    "restore-wal": Story(restores.wal, house="archived"),
    "restore-older": Story(restores.older, house="archived", judged=False),
    "standby": Story(restores.standby, house="standby"),
    "disk-full": Story(disks.full, house="small"),
    "slow-server": Story(pressure.slow_server),
    "flood": Story(pressure.flood),
    "million": Story(pressure.million, judged=False),
    "caps": Story(pressure.caps, house="capped"),
    "guards": Story(guards.guards, judged=False),
}
