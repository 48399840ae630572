"""What runs have found: a file for machines that grows with each story, and a table for people with a column for each seed."""

import json
import os
import statistics
import subprocess
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from rich import box
from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text
from tests.faults.invariants import Violation
from tests.faults.stage import Stage

from embedded.paths import ROOT

# Seconds to the first 250 for an event that was written after the fault.
LIMITS = {"postgres": 90.0}
LIMIT = 60.0
# Story → what a whole one has at least: kills, by what was killed (workers and services together), and pairs compared for their order.
AT_LEAST = {"services": {"services": 140, "pairs": 20_000}, "broker": {"kafka": 20}, "database": {"postgres": 20}}
# What must be nought, as a violation's words begin.
NOUGHT: dict[str, Callable[[str], bool]] = {
    "lost": lambda one: one.startswith("2: lost"),
    "beyond the oracle": lambda one: one.startswith(("2: sent beyond", "2: told twice", "2: cancelled", "2: a digest", "2: sent in quiet")),
    "copies not allowed": lambda one: one.startswith("3:"),
    "stuck": lambda one: one.startswith("5:"),
    "order inversions": lambda one: one.startswith("6:"),
    "other violations": lambda one: one.startswith(("1:", "4:", "2: sent without")),
}
Told = dict[str, Any]


def summary(stage: Stage, violations: dict[str, set[Violation]], seconds: dict[str, float]) -> Told:
    """Everything that a house has to tell so far; `seconds` says where the time went."""
    return {
        "runs": {name: sorted(map(str, each)) for name, each in violations.items()},
        "each fault": [asdict(fault) for fault in stage.faults],
        "faults that found nothing under way, not counted": stage.missed,
        "figures": stage.figures,
        "failpoints hit": stage.house.hits(),
        "measured": [{**asdict(one), "holds": one.holds} for one in stage.measured],
        "guards removed, and what was found": stage.without,
        "seconds": {name: round(value, 1) for name, value in (seconds | stage.seconds).items()},
    }


def joined(one: Told, other: Told) -> Told:
    """Two houses' reports as one: numbers add up, lists and tables are put together."""
    return {name: _added(one[name], value) if name in one else value for name, value in other.items()}


def _added(one: Any, other: Any) -> Any:
    if isinstance(one, dict) and isinstance(other, dict):
        return {name: _added(one[name], other[name]) if name in one and name in other else (one | other)[name] for name in one | other}
    return one + other


@dataclass
class Report:
    """The file, and what it says: the machine, the commit, and by seed what was found."""

    file: Path
    share: float
    seeds: dict[str, Told] = field(default_factory=dict)
    parts: list[dict[str, Any]] = field(default_factory=list)

    @classmethod
    def begun(cls, file: Path, share: float, *, add: bool) -> "Report":
        """A new one; or (`add`) one that goes on from the file, if that is of this commit and share."""
        report = cls(file, share)
        if add and file.exists():
            known = json.loads(file.read_text())
            if (known["commit"], known["share"]) != (commit(), share):
                raise SystemExit(f"{file} is of commit {known['commit']} and share {known['share']}: nothing can be added to it")
            report.seeds, report.parts = known["seeds"], known["parts"]
        report.parts.append({"at": f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC", "cores": os.cpu_count(), "load average": _load_average()})
        return report

    def played(self, seed: int) -> set[str]:
        """The stories that it has of this seed."""
        return set(self.seeds.get(str(seed), {}).get("runs", ()))

    def keep(self, seed: int, before: Told, told: Told) -> None:
        """What a house has told so far, beside what other houses told before; written at once, so that nothing is run in vain."""
        self.seeds[str(seed)] = joined(before, told)
        self.parts[-1]["load average at the end"] = _load_average()
        self.file.parent.mkdir(parents=True, exist_ok=True)
        new = self.file.with_suffix(".new")
        whole = {"commit": commit(), "share": self.share, "parts": self.parts, "seeds": self.seeds}
        new.write_text(json.dumps(whole, indent=1) + "\n")
        new.replace(self.file)

    @property
    def failed(self) -> bool:
        """Whether something did not hold."""
        return any(True for told in self.seeds.values() for _ in _failures(told, whole=self.share >= 1))


def commit() -> str:
    """The tree that is run, as git names it; `+` where something of it isn't committed."""
    said = subprocess.run(["git", "describe", "--always", "--dirty=+"], cwd=ROOT, capture_output=True, text=True, check=False)
    return said.stdout.strip() or "unknown"


def _load_average() -> list[float]:
    return [round(one, 1) for one in os.getloadavg()]


# -- what a seed's run came to ---------------------------------------------------------------------------------------------------------


def _by_unit(told: Told) -> dict[str, list[float | None]]:
    found: defaultdict[str, list[float | None]] = defaultdict(list)
    for fault in told["each fault"]:
        found[f"{fault['kind'].partition(' ')[0]} {fault['unit'].removesuffix('-2')}"].append(fault["recovery"])
    return dict(sorted(found.items()))


def _late(unit: str, times: list[float | None]) -> int:
    limit = LIMITS.get(unit.rpartition(" ")[2], LIMIT)
    return sum(time is None or time > limit for time in times)


def killed(told: Told) -> Counter[str]:
    """How many kill -9 there were of `services`, `kafka` and `postgres`, at whatever places."""
    kinds = Counter[str]()
    for fault in told["each fault"]:
        if fault["kind"] == "kill -9":
            kinds[fault["unit"] if fault["unit"] in {"kafka", "postgres"} else "services"] += 1
    return kinds


def _failures(told: Told, *, whole: bool) -> Iterator[str]:
    """In words, what did not hold; of a whole run, also what its stories have too little of."""
    for name, found in told["runs"].items():
        yield from (f"{name}: {one}" for one in found)
    for unit, times in _by_unit(told).items():
        if late := _late(unit, times):
            yield f"{unit}: {late} of {len(times)} came back too late"
    yield from (f"{one['run']}: {one['what']}: {one['value']:g}" for one in told["measured"] if not one["holds"])
    yield from (f"without {guard}: not noticed" for guard, found in told["guards removed, and what was found"].items() if not found)
    if whole:
        there = killed(told) + Counter(pairs=told["figures"].get("pairs compared for order", 0))
        asked = {name: least for story in told["runs"] for name, least in AT_LEAST.get(story, {}).items()}
        yield from (f"{there[name]} {name}; {least} are asked for" for name, least in asked.items() if there[name] < least)


# -- the table ---------------------------------------------------------------------------------------------------------------------------


def show(console: Console, report: Report) -> None:
    """A column for each seed; below it what did not hold, in words."""
    console.print(table(report))
    for seed, told in report.seeds.items():
        for one in [*_failures(told, whole=report.share >= 1)][:20]:
            console.print(Text.assemble(("✗ ", "red"), f"seed {seed}: {one}"), soft_wrap=True)
    if not report.failed:
        console.print(Text("✓ everything held", style="green"))
    again = f"python -m tests.faults --seeds {' '.join(report.seeds)}" + ("" if report.share == 1 else f" --share {report.share:g}")
    console.print(Text.assemble(("again: ", "dim"), again), soft_wrap=True)


def table(report: Report) -> RenderableType:
    """What was done and found."""
    shown = Table(box=box.SIMPLE_HEAD, header_style="bold", pad_edge=False, padding=(0, 3, 0, 0))
    shown.add_column("")
    for seed in report.seeds:
        shown.add_column(f"seed {seed}", justify="right")
    runs = list(report.seeds.values())
    for title, rows in (("violations", _nought), ("faults: number, p50, max", _faults), ("figures", _plain), ("bounds", _measured)):
        _section(shown, title, rows(runs))
    _section(shown, "guards taken away", _guards(runs))
    _section(shown, "minutes", _minutes(runs))
    part = report.parts[-1]
    machine = f"commit {commit()} · {part['at']} · {part['cores']} cores · load average {part['load average'][0]:g}"
    return Group(shown, Text(f"{machine} · share {report.share:g}", style="dim"))


Rows = Iterator[tuple[str, list[RenderableType]]]


def _section(shown: Table, title: str, rows: Rows) -> None:
    some = list(rows)
    if some:
        shown.add_row(Text(title, style="bold cyan"))
    for name, cells in some:
        shown.add_row(f"  {name}", *cells)
    if some:
        shown.add_section()


def _nought(runs: list[Told]) -> Rows:
    for name, fits in NOUGHT.items():
        numbers = [sum(fits(one) for found in told["runs"].values() for one in found) for told in runs]
        yield name, [Text(str(number), style="red" if number else "green") for number in numbers]


def _faults(runs: list[Told]) -> Rows:
    by_unit = [_by_unit(told) for told in runs]
    for unit in sorted({unit for each in by_unit for unit in each}):
        yield unit, [_recovered(unit, each.get(unit, [])) for each in by_unit]
    yield "failpoints hit", [f"{len(told['failpoints hit'])} places, {sum(told['failpoints hit'].values())}×" for told in runs]
    yield "found nothing under way", [str(told["faults that found nothing under way, not counted"]) for told in runs]


def _recovered(unit: str, times: list[float | None]) -> Text:
    back = [time for time in times if time is not None]
    if not back:
        return Text("–" if not times else f"{len(times)}, none back", style="red" if times else "dim")
    told = f"{len(times)}  {statistics.median(back):5.1f} s  {max(back):5.1f} s"
    return Text(told, style="red" if _late(unit, times) else "")


def _plain(runs: list[Told]) -> Rows:
    for name in dict.fromkeys(name for told in runs for name in told["figures"]):
        yield name, [f"{told['figures'].get(name, 0):,}" for told in runs]


def _measured(runs: list[Told]) -> Rows:
    of = [{f"{one['run']}: {one['what']}": one for one in told["measured"]} for told in runs]
    for name in dict.fromkeys(name for each in of for name in each):
        yield name, [_bounded(each.get(name)) for each in of]


def _bounded(one: dict[str, Any] | None) -> Text:
    return Text(f"{one['value']:g}", style="green" if one["holds"] else "red") if one else Text("–", style="dim")


def _guards(runs: list[Told]) -> Rows:
    of = [told["guards removed, and what was found"] for told in runs]
    for guard in dict.fromkeys(guard for each in of for guard in each):
        yield guard, [_caught(each.get(guard)) for each in of]


def _caught(found: list[str] | None) -> Text:
    if found is None:
        return Text("–", style="dim")
    return Text(f"caught ({len(found)})" if found else "not noticed", style="green" if found else "red")


def _minutes(runs: list[Told]) -> Rows:
    for name in dict.fromkeys(name for told in runs for name in told["seconds"]):
        yield name, [f"{told['seconds'].get(name, 0) / 60:.1f}" for told in runs]
