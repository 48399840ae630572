"""What the processes of a house hold in memory, round by round."""

import contextlib
from dataclasses import dataclass, field

import psutil
from tests.faults.house import House
from tests.faults.stage import Stage

GROWTH_MB = 40.0
MB = 1024 * 1024
INFRASTRUCTURE = {"kafka", "postgres", "mailbox"}


def resident(house: House) -> dict[str, float]:
    """MB of each service, its workers included; who is just starting again is missing."""
    found = {}
    for unit in set(house.units()) - INFRASTRUCTURE:
        if process := house.process(unit):
            with contextlib.suppress(psutil.NoSuchProcess):
                found[unit] = sum(one.memory_info().rss for one in [process, *process.children(recursive=True)]) / MB
    return found


@dataclass
class Rounds:
    """What is looked at after each round, and judged when all are through."""

    stage: Stage
    rounds: list[dict[str, float]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._restarts = self._restarted()

    def _restarted(self) -> int:
        return sum(self.stage.house.restarts().values())

    def look(self) -> str:
        """In words, too."""
        self.rounds.append(resident(self.stage.house))
        return ", ".join(f"{unit} {mb:.0f}" for unit, mb in sorted(self.rounds[-1].items()))

    def judge(self) -> None:
        """Nobody began anew, and it is flat: the last two rounds need no more than the first three, which fill pools, caches, buffers."""
        self.stage.measure("processes that were started again", self._restarted() - self._restarts, at_most=0)
        for unit in sorted(self.rounds[-1]):
            first, last = (max(one.get(unit, 0.0) for one in rounds) for rounds in (self.rounds[:3], self.rounds[-2:]))
            self.stage.measure(f"MB that {unit} grew by in the end, to {last:.0f}", last - first, at_most=GROWTH_MB)
