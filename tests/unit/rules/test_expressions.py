"""What is evaluated for each line of a long list takes as long as the list is, and not as its square."""

import time

from notification_rules.domain.expressions import Scope, compiled

KEY = compiled("[run, line.item, R]", variables=frozenset({"run", "lines", "line", "R"}), fields=frozenset({"item"}), over="lines")
LAST = compiled(
    "line.item == lines[size(lines) - 1].item", variables=frozenset({"lines", "line"}), fields=frozenset({"item"}), over="lines"
)


def scope(lines: int) -> Scope:
    return Scope({"run": "r", "R": "anna", "lines": [{"item": f"item {n}"} for n in range(lines)]})


def seconds(lines: int) -> float:
    best = 1e9
    for _ in range(3):
        began = time.process_time()
        scope(lines).evaluate(KEY)
        best = min(best, time.process_time() - began)
    return best


def test_ten_times_the_lines_take_about_ten_times_as_long() -> None:
    assert scope(60).evaluate(KEY) == [["r", f"item {n}", "anna"] for n in range(60)]
    assert seconds(4_000) < 30 * seconds(400)


def test_an_expression_for_a_line_sees_the_whole_list_too() -> None:
    assert scope(60).evaluate(LAST) == [False] * 59 + [True]
