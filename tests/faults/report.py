"""The end of a run: a table for people, .run/faults.json for machines."""

import json
import statistics
from collections import Counter, defaultdict
from dataclasses import asdict
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table
from tests.faults.invariants import Violation
from tests.faults.stage import Stage

# Seconds to the first 250 for an event that was written after the fault.
LIMITS = {"postgres": 90.0}
LIMIT = 60.0


def summary(seed: int, stage: Stage, violations: dict[str, set[Violation]]) -> dict[str, Any]:
    """Everything that a run has to tell."""
    by_unit: defaultdict[str, list[float | None]] = defaultdict(list)
    for fault in stage.faults:
        by_unit[f"{fault.kind.partition(' ')[0]} {fault.unit.removesuffix('-2')}"].append(fault.recovery)
    found = [one for each in violations.values() for one in each]
    return {
        "seed": seed,
        "runs": {name: sorted(map(str, each)) for name, each in violations.items()},
        "violations by invariant": dict(Counter(one.invariant for one in found)),
        "lost": sum(one.what.startswith("lost") for one in found),
        "beyond the oracle": sum(one.what.startswith(("sent beyond", "told twice")) for one in found),
        "copies not allowed": sum(one.invariant == 3 for one in found),
        "stuck": sum(one.invariant == 5 for one in found),
        "order inversions": sum(one.invariant == 6 for one in found),
        "faults": {unit: _figures(unit, times) for unit, times in sorted(by_unit.items())},
        "faults that found nothing under way, not counted": stage.missed,
        "figures": stage.figures,
        "failpoints hit": stage.house.hits(),
        "measured": [{**asdict(one), "holds": one.holds} for one in stage.measured],
        "guards removed, and what was found": stage.without,
        "each fault": [asdict(fault) for fault in stage.faults],
    }


def joined(one: dict[str, Any], other: dict[str, Any]) -> dict[str, Any]:
    """Two houses' reports as one: numbers add up, lists and tables are put together."""
    if not one:
        return other
    return {name: value if name == "seed" else _added(one[name], value) for name, value in other.items()}


def _added(one: Any, other: Any) -> Any:
    if isinstance(one, dict) and isinstance(other, dict):
        return {name: _added(one[name], other[name]) if name in one and name in other else (one | other)[name] for name in one | other}
    return one + other


def _figures(unit: str, times: list[float | None]) -> dict[str, Any]:
    back = [time for time in times if time is not None]
    limit = LIMITS.get(unit.rpartition(" ")[2], LIMIT)
    return {
        "number": len(times),
        "recovery p50": round(statistics.median(back), 2) if back else None,
        "recovery max": round(max(back), 2) if back else None,
        "beyond the limit": len(times) - sum(time <= limit for time in back),
    }


def failed(told: dict[str, Any]) -> bool:
    """Whether something did not hold."""
    late = any(one["beyond the limit"] for one in told["faults"].values())
    beyond = late or not all(one["holds"] for one in told["measured"])
    return any(told["runs"].values()) or beyond or any(not found for found in told["guards removed, and what was found"].values())


def write(file: Path, told: dict[str, Any]) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(told, indent=1) + "\n")


def show(console: Console, told: dict[str, Any]) -> None:
    """The table."""
    table = Table("fault", "number", "recovery p50 s", "max s", "too late", box=None, header_style="dim")
    for unit, one in told["faults"].items():
        table.add_row(unit, *(str(one[name]) for name in ("number", "recovery p50", "recovery max", "beyond the limit")))
    console.print(table)
    facts = {name: told[name] for name in ("lost", "beyond the oracle", "copies not allowed", "stuck", "order inversions")} | told[
        "figures"
    ]
    for name, value in facts.items():
        console.print(f"  {name:<32}{value}")
    console.print(f"  failpoints hit                  {len(told['failpoints hit'])} places, {sum(told['failpoints hit'].values())} times")
    for one in told["measured"]:
        console.print(
            f"  [{'green' if one['holds'] else 'red'}]{'✓' if one['holds'] else '✗'}[/] {one['run']}: {one['what']}: {one['value']:g}"
        )
    for guard, found in told["guards removed, and what was found"].items():
        console.print(f"  without {guard:<24}{f'caught: {found[0]}' if found else '[red]not noticed[/]'}", soft_wrap=True)
    for name, each in told["runs"].items():
        console.print(f"  [{'red' if each else 'green'}]{'✗' if each else '✓'}[/] {name}")
        for one in each[:10]:
            console.print(f"      {one}", soft_wrap=True, markup=False)
    console.print(f"  seed {told['seed']}: python -m tests.faults --seed {told['seed']}")
