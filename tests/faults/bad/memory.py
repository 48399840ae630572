"""What the processes of a house hold in memory."""

import contextlib

import psutil
from tests.faults.house import House

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
