"""Each condition of a rule looked at by itself, for a person who tries it."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from notification_rules.domain.expressions import Scope, Unevaluable
from notification_rules.domain.rule import EVENT_FIELDS, Check, Rule
from postroom.contracts.event import Event


@dataclass(frozen=True, slots=True)
class Condition:
    """`passed` is None where it can't be evaluated, for `error`; one on lines passes if a line does, `passed_lines` of `lines`."""

    field: str
    source: str
    otherwise: str
    passed: bool | None
    error: str = ""
    lines: int | None = None
    passed_lines: int | None = None


def trace(event: Event, rule: Rule) -> list[Condition]:
    """All conditions, also those behind one that fails."""
    facts = event.data.model_dump(mode="json")
    scope = Scope({**facts, "event": {name: getattr(event, name) for name in EVENT_FIELDS}})
    return [
        *(_one(scope, f"when.{n}", check) for n, check in enumerate(rule.when)),
        *(_one(scope, f"lines.where.{n}", check) for n, check in enumerate(rule.where)),
    ]


def _one(scope: Scope, field: str, check: Check) -> Condition:
    source = check.expression.source.strip()
    try:
        value = scope.evaluate(check.expression)
    except Unevaluable as error:
        return Condition(field, source, check.otherwise, None, str(error))
    if isinstance(value, list) and field.startswith("lines."):
        passed = list(_passed(value))
        return Condition(field, source, check.otherwise, any(passed), "", len(passed), sum(passed))
    if not isinstance(value, bool):
        return Condition(field, source, check.otherwise, None, f"gave {value!r}, neither true nor false")
    return Condition(field, source, check.otherwise, value)


def _passed(values: list[Any]) -> Iterator[bool]:
    return (value is True for value in values)
