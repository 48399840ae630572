"""A disk is full: Postgres's data, its WAL, Kafka's log; a house of its own, where each of them lies on a small one."""

import time
from functools import partial

from tests.faults import disks
from tests.faults.stage import Scale, Stage

TIMES = 3
FULL_SECONDS = 12.0
# Who wants for space, and where.
DISKS = {"Postgres's data": ("postgres", "postgres"), "Postgres's WAL": ("postgres", "wal"), "Kafka's log": ("kafka", "kafka/data")}
LINES_A_SECOND = 100.0


def strikes(scale: Scale) -> int:
    """None where no file system can be mounted."""
    return len(DISKS) * scale.of(TIMES) if disks.possible() else 0


async def full(stage: Stage, scale: Scale) -> None:
    """Each disk is full for a while, under load; afterwards everything goes on by itself."""
    if not disks.possible():
        stage.say("NOT RUN: a file system can't be mounted without root")
        return
    run = stage.house.run
    async with stage.under_load():
        for _ in range(scale.of(TIMES)):
            for what, (unit, folder) in DISKS.items():
                lines, began = _lines(stage), time.monotonic()
                fill, clear = partial(disks.fill, run, folder), partial(disks.clear, run, folder)
                await stage.starve(f"{what} full", unit, fill, clear, FULL_SECONDS)
                told = (_lines(stage) - lines) / (time.monotonic() - began)
                stage.measure(f"lines of all services' logs a second, {what} full", round(told, 1), at_most=LINES_A_SECOND)


def _lines(stage: Stage) -> int:
    """How many lines the services have logged."""
    logs = (stage.house.run / "logs").glob("*-service*.log"), (stage.house.run / "logs").glob("notification-rules*.log")
    return sum(file.read_bytes().count(b"\n") for some in logs for file in some)
