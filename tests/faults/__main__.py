"""`python -m tests.faults [--seeds N …] [--short] [--only NAME …]`: houses of their own, broken under load; then the six invariants.

`--add` goes on from the file of an earlier run of this commit: stories that it has of a seed are not played again.
"""

import argparse
import asyncio
import logging
import secrets
import shutil
import signal
import sys
import tempfile
import time
import traceback
from collections import defaultdict
from pathlib import Path
from random import Random
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from tests.faults import report
from tests.faults.desk import Desk
from tests.faults.house import KINDS, House, start
from tests.faults.invariants import Violation
from tests.faults.load import Load
from tests.faults.report import Report
from tests.faults.stage import Scale, Stage
from tests.faults.stories import STORIES
from tests.faults.watch import Watch
from tests.faults.writer import Writer

from embedded.paths import RUN

console = Console(highlight=False)


def main() -> int:
    """0 when everything held."""
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description=__doc__)
    parser.add_argument("--seed", "--seeds", dest="seeds", type=int, nargs="+", help="repeats what these runs drew, one after another")
    parser.add_argument("--short", action="store_true", help="a tenth of the faults")
    parser.add_argument("--share", type=float, default=None, help="how much of the whole run's numbers, such as 0.3")
    parser.add_argument("--only", nargs="+", choices=list(STORIES), default=list(STORIES), help="these stories alone")
    parser.add_argument("--add", action="store_true", help="go on from what the file of figures has")
    parser.add_argument("--keep", action="store_true", help="leave the houses' data and logs")
    parser.add_argument("--json", type=Path, default=RUN / "faults.json", help="the file of figures")
    given = parser.parse_args()
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # the house is stopped either way
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)  # it tells of each attempt while a broker is away
    seeds = given.seeds or [secrets.randbelow(10**9)]
    console.print(f"seed {' '.join(map(str, seeds))}")
    share = given.share or (0.1 if given.short else 1.0)
    found = Report.begun(given.json, share, add=given.add)
    to_play = {seed: [name for name in given.only if name not in found.played(seed)] for seed in seeds}
    with Shown(to_play, Scale(share)) as shown:
        for seed, names in to_play.items():
            for kind in dict.fromkeys(STORIES[name].house for name in names):
                _in_a_house(seed, kind, [name for name in names if STORIES[name].house == kind], found, shown, keep=given.keep)
    report.show(console, found)
    return int(found.failed)


class Shown:
    """The bar of the whole run: faults done of those to do, and about how long it will take."""

    def __init__(self, to_play: dict[int, list[str]], scale: Scale) -> None:
        self.scale = scale
        columns = (
            TextColumn("{task.description:<24}"),
            BarColumn(40),
            MofNCompleteColumn(),
            TextColumn("faults ·"),
            TimeElapsedColumn(),
            TextColumn("· left about"),
            TimeRemainingColumn(),
        )
        self._progress = Progress(*columns, console=console, speed_estimate_period=1_200.0, refresh_per_second=2)
        total = sum(STORIES[name].steps(scale) for names in to_play.values() for name in names)
        self._bar: TaskID = self._progress.add_task("", total=total)
        self._through = 0
        self._began = time.monotonic()

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._progress.stop()

    def begin(self, seed: int, what: str) -> None:
        self._progress.update(self._bar, description=f"seed {seed} · {what}")

    def step(self) -> None:
        """A fault is through."""
        self._progress.advance(self._bar)

    def end(self, name: str) -> None:
        """A story is through, with as many faults as were planned or not."""
        self._through += STORIES[name].steps(self.scale)
        self._progress.update(self._bar, completed=self._through)

    def say(self, text: str) -> None:
        self._progress.console.print(f"  {time.monotonic() - self._began:6.1f} s  {text}", soft_wrap=True, markup=False)


def _in_a_house(seed: int, kind: str, names: list[str], found: Report, shown: Shown, *, keep: bool) -> None:
    """These stories in a house of their own."""
    shown.begin(seed, "a house starts")
    began, folder = time.monotonic(), Path(tempfile.mkdtemp(prefix="postroom-faults-"))
    house = start(folder / "run", seed, KINDS[kind])
    try:
        asyncio.run(play(house, names, found, shown, time.monotonic() - began))
    finally:
        house.stop(keep=keep)
        if keep:
            console.print(f"kept: {folder}")
        else:
            shutil.rmtree(folder, ignore_errors=True)


async def play(house: House, names: list[str], found: Report, shown: Shown, started: float) -> None:
    """The stories one after another; what each has violated is kept when it is through."""
    violations: dict[str, set[Violation]] = {}
    seconds: defaultdict[str, float] = defaultdict(float, {"houses start": started})
    before, run = found.seeds.get(str(house.seed), {}), f"{house.seed & 0xFFFF:04x}"
    async with (
        Writer(house.endpoints["kafka"]) as writer,
        Watch(house.endpoints["kafka"], house.endpoints["postgres"]) as watch,
        Desk(house.endpoints, house.tail, Random(house.seed + 1), run) as desk,  # noqa: S311 - a seed is the point
    ):
        load = Load(house.seed, run)
        there = desk if KINDS[STORIES[names[0]].house].people else None
        stage = Stage(house, writer, watch, load, Random(house.seed), desk=there, step=shown.step)  # noqa: S311 - a seed is the point
        stage.say = lambda text: shown.say(f"{stage.run}: {text}")
        for name in names:
            stage.run = name
            shown.begin(house.seed, name)
            began = time.monotonic()
            try:
                await STORIES[name].play(stage, shown.scale)
                stage.measure_strikes(STORIES[name].must_strike(shown.scale))
                seconds[name] += time.monotonic() - began
                violations[name] = await stage.verdict() if STORIES[name].judged else set()
            except Exception as error:  # noqa: BLE001 - hours of other stories are not to be lost by it
                violations[name] = {Violation(0, "the story broke off", repr(error)[:500])}
                stage.say(traceback.format_exc())
            if STORIES[name].judged or violations[name]:
                stage.say("holds" if not violations[name] else f"{len(violations[name])} violations, such as {min(violations[name])}")
            shown.end(name)
            found.keep(house.seed, before, report.summary(stage, violations, seconds))


if __name__ == "__main__":
    sys.exit(main())
