"""A report grows with each part of a run, and fails where a figure is beyond its bounds or a whole run has too little of something."""

from pathlib import Path
from typing import Any

import pytest
from rich.console import Console
from tests.faults import report
from tests.faults.report import Report, Told

KILLS = {"mailer-service": 140, "kafka": 20, "postgres": 20}


def _told(*stories: str, recovery: float | None = 10.0, pairs: int = 20_000, **kills: int) -> Told:
    faults = [
        {"run": stories[0], "kind": "kill -9", "unit": unit, "in_flight": "x", "recovery": recovery}
        for unit, number in (kills or KILLS).items()
        for _ in range(number)
    ]
    return {
        "runs": {name: [] for name in stories},
        "each fault": faults,
        "faults that found nothing under way, not counted": 0,
        "figures": {"pairs compared for order": pairs},
        "failpoints hit": {"gateway session.begun": 1},
        "measured": [],
        "guards removed, and what was found": {},
        "seconds": {stories[0]: 60.0},
    }


ALL = ("services", "broker", "database", "burst")


def _report(told: Told, file: Path = Path("faults.json")) -> Report:
    return Report(file, 1.0, {"4": told}, [{"at": "now", "cores": 2, "load average": [1.0]}])


def test_a_whole_run_that_held_holds() -> None:
    assert not _report(_told(*ALL)).failed


@pytest.mark.parametrize(
    "changed",
    [
        {"recovery": 61.0},
        {"recovery": None},
        {"pairs": 19_999},
        {"mailer_service": 139, "kafka": 20, "postgres": 20},
        {"mailer_service": 140, "kafka": 19, "postgres": 20},
    ],
    ids=str,
)
def test_too_late_or_too_few_is_a_failure(changed: dict[str, Any]) -> None:
    assert _report(_told(*ALL, **changed)).failed


def test_postgres_may_take_longer() -> None:
    assert not _report(_told("database", recovery=80.0, postgres=20)).failed
    assert _report(_told("broker", recovery=80.0, kafka=20)).failed


def test_each_story_is_asked_for_what_it_should_have() -> None:
    assert _report(_told("database", postgres=19)).failed
    assert not _report(_told("database", kafka=1, postgres=20)).failed


def test_parts_of_a_seed_are_put_together_and_read_again(tmp_path: Path) -> None:
    file = tmp_path / "faults.json"
    first = Report.begun(file, 1.0, add=False)
    first.keep(4, {}, _told("services", kafka=0, mailer=2))
    again = Report.begun(file, 1.0, add=True)
    assert again.played(4) == {"services"}
    assert again.played(5) == set()
    again.keep(4, again.seeds["4"], _told("broker", kafka=3))
    told = again.seeds["4"]
    assert set(told["runs"]) == {"services", "broker"}
    assert report.killed(told) == {"services": 2, "kafka": 3}
    assert told["figures"] == {"pairs compared for order": 40_000}
    assert len(again.parts) == 2


def test_nothing_is_added_to_figures_of_another_share(tmp_path: Path) -> None:
    file = tmp_path / "faults.json"
    Report.begun(file, 0.1, add=False).keep(4, {}, _told("services"))
    with pytest.raises(SystemExit, match="nothing can be added"):
        Report.begun(file, 1.0, add=True)


def test_the_table_has_a_column_for_each_seed() -> None:
    told = _report(_told(*ALL))
    told.seeds["5"] = _told(*ALL, recovery=None)
    console = Console(record=True, width=120, file=open("/dev/null", "w"))  # noqa: SIM115, PTH123 - for as long as the test
    report.show(console, told)
    text = console.export_text()
    assert "seed 4" in text
    assert "seed 5" in text
    assert "none back" in text
