"""`python -m tests.faults [--seed N] [--short] [--only NAME …]`: a house of its own, broken under load; then the six invariants."""

import argparse
import asyncio
import logging
import secrets
import shutil
import signal
import sys
import tempfile
import time
from pathlib import Path
from random import Random
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from tests.faults import report
from tests.faults.desk import Desk
from tests.faults.house import KINDS, House, start
from tests.faults.invariants import Violation
from tests.faults.load import Load
from tests.faults.stage import Scale, Stage
from tests.faults.stories import STORIES
from tests.faults.watch import Watch
from tests.faults.writer import Writer

from embedded.paths import RUN

console = Console(highlight=False)


def main() -> int:
    """0 when everything held."""
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description=__doc__)
    parser.add_argument("--seed", type=int, default=None, help="repeats what a run drew")
    parser.add_argument("--short", action="store_true", help="a tenth of the faults")
    parser.add_argument("--share", type=float, default=None, help="how much of the whole run's numbers, such as 0.3")
    parser.add_argument("--only", nargs="+", choices=list(STORIES), default=list(STORIES), help="these stories alone")
    parser.add_argument("--keep", action="store_true", help="leave the house's data and logs")
    parser.add_argument("--json", type=Path, default=RUN / "faults.json")
    given = parser.parse_args()
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # the house is stopped either way
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)  # it tells of each attempt while a broker is away
    seed = secrets.randbelow(10**9) if given.seed is None else given.seed
    console.print(f"seed {seed}")
    scale = Scale(given.share or (0.1 if given.short else 1.0))
    told: dict[str, Any] = {}
    for kind in dict.fromkeys(STORIES[name].house for name in given.only):
        names = [name for name in given.only if STORIES[name].house == kind]
        told = report.joined(told, _in_a_house(seed, kind, names, scale, keep=given.keep))
    report.write(given.json, told)
    report.show(console, told)
    return int(report.failed(told))


def _in_a_house(seed: int, kind: str, names: list[str], scale: Scale, *, keep: bool) -> dict[str, Any]:
    """These stories in a house of their own."""
    folder = Path(tempfile.mkdtemp(prefix="postroom-faults-"))
    house = start(folder / "run", seed, KINDS[kind])
    try:
        return asyncio.run(play(house, names, scale))
    finally:
        house.stop(keep=keep)
        if keep:
            console.print(f"kept: {folder}")
        else:
            shutil.rmtree(folder, ignore_errors=True)


async def play(house: House, names: list[str], scale: Scale) -> dict[str, Any]:
    """The stories one after another; what each has violated."""
    violations: dict[str, set[Violation]] = {}
    columns = [TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn()]
    run = f"{house.seed & 0xFFFF:04x}"
    async with (
        Writer(house.endpoints["kafka"]) as writer,
        Watch(house.endpoints["kafka"], house.endpoints["postgres"]) as watch,
        Desk(house.endpoints, house.tail, Random(house.seed + 1), run) as desk,  # noqa: S311 - a seed is the point
    ):
        load = Load(house.seed, run)
        stage = Stage(house, writer, watch, load, Random(house.seed), desk=desk)  # noqa: S311 - a seed is the point
        with Progress(*columns, console=console) as progress:
            bar = progress.add_task("", total=len(names))
            began = time.monotonic()
            stage.say = lambda text: progress.console.print(f"  {time.monotonic() - began:6.1f} s  {stage.run}: {text}", soft_wrap=True)
            for name in names:
                stage.run = name
                progress.update(bar, description=name)
                await STORIES[name].play(stage, scale)
                if STORIES[name].judged:
                    violations[name] = await stage.verdict()
                    stage.say("holds" if not violations[name] else f"{len(violations[name])} violations, such as {min(violations[name])}")
                progress.advance(bar)
        return report.summary(house.seed, stage, violations)


if __name__ == "__main__":
    sys.exit(main())
