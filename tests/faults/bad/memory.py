"""What the processes of a house hold in memory."""

import contextlib
from collections.abc import Sequence

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


def judge(stage: Stage, resident: Sequence[dict[str, float]]) -> None:
    """Flat: the last two rounds need no more than the first three, which fill what has its bound: pools, caches, buffers."""
    for unit in sorted(resident[-1]):
        first, last = (max(one.get(unit, 0.0) for one in rounds) for rounds in (resident[:3], resident[-2:]))
        stage.measure(f"MB that {unit} grew by in the end, to {last:.0f}", last - first, at_most=GROWTH_MB)
