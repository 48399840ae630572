"""Each guard of rules.yaml is real: take a single one away, and a case of the seed's table fails by name."""

import copy
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.resources import files
from typing import Any

import pytest
import yaml
from tests.oracle.cases import CASES
from tests.unit.rules.seed_cases import ITEMS, answer

from notification_rules.domain import rulebook
from notification_rules.domain.expressions import RuleError
from notification_rules.domain.rulebook import Rulebook

TEXT = files("notification_rules").joinpath("rules.yaml").read_text("utf-8")
Table = dict[str, Any]


@dataclass(frozen=True)
class Guard:
    """A thing in a rule that keeps a message back, sends it elsewhere, or keeps it from being told twice; `path` leads to it."""

    rule: str
    types: tuple[str, ...]
    path: tuple[str | int, ...]
    value: Any = None  # what stands there instead; None: nothing

    @property
    def id(self) -> str:
        return f"{self.rule}: {'.'.join(map(str, self.path))}" + (f" = {self.value}" if self.value is not None else "")

    def taken_away(self) -> str:
        """The rules without it."""
        table = yaml.safe_load(TEXT)
        place: Any = next(rule for rule in table["rules"] if rule["name"] == self.rule)
        for step in self.path[:-1]:
            place = place[step]
        if self.value is None:
            del place[self.path[-1]]
        else:
            place[self.path[-1]] = self.value
        # Only the rules of its types: the others would be compiled for nothing, a hundred times.
        table["rules"] = [rule for rule in table["rules"] if {*self.types} & {rule.get("message_type"), *_withdrawn(rule)}]
        return yaml.safe_dump(_without_empty(table))


def _without_empty(table: Table) -> Table:
    """A list that has become empty is left out."""
    table = copy.deepcopy(table)
    for rule in table["rules"]:
        for name in [name for name, value in rule.items() if value == []]:
            del rule[name]
    return table


def _guards() -> Iterator[Guard]:
    for rule in yaml.safe_load(TEXT)["rules"]:
        types = tuple(t for t in (rule.get("message_type"), *_withdrawn(rule)) if t in ITEMS)
        if types:
            yield from (Guard(rule["name"], types, path, value) for path, value in _of(rule))


def _withdrawn(rule: Table) -> Iterator[str]:
    for one in rule.get("withdraws", []):
        yield from one["message_types"]


Place = tuple[tuple[str | int, ...], Any]
"""Where a guard stands in its rule, and what is put in its place (None: nothing)."""


def _of(rule: Table) -> Iterator[Place]:
    yield from (((("when", n)), None) for n, _ in enumerate(rule.get("when", [])))
    yield from ((("lines", "where", n), None) for n, _ in enumerate(rule.get("lines", {}).get("where", [])))
    for name in ("recipients", "withdraws"):
        for n, one in enumerate(rule.get(name, [])):
            yield (name, n), None
            yield from [((name, n, "when"), None)] if "when" in one else []
    yield from [(("not_to",), None)] if "not_to" in rule else []
    yield from _of_claim(rule["claim"]) if "claim" in rule else ()


def _of_claim(claim: Table) -> Iterator[Place]:
    """What closes others, that something is told once at all, and each part of what makes it one thing."""
    yield from [(("claim", "closes"), None)] if "closes" in claim else []
    yield ("claim", "key"), "[event.id, R]" if claim.get("per") != "line" else "[event.id, R, dec('1')]"
    parts = _parts(claim["key"])
    for n in range(len(parts) if len(parts) > 1 else 0):
        yield ("claim", "key"), f"[{', '.join(parts[:n] + parts[n + 1 :])}]"


def _parts(key: str) -> list[str]:
    """The entries of a CEL list."""
    found, depth = [""], 0
    for character in key.strip()[1:-1]:
        depth += (character in "([{") - (character in ")]}")
        if character == "," and depth == 0:
            found.append("")
        else:
            found[-1] += character
    return [part.strip() for part in found]


GUARDS = tuple(_guards())


# Without these nothing changes, for another guard of the rule says the same already.
SAID_TWICE = {("delivery-note-reminder-requester", "[order.id, line.line, line.delivery_date, R]"): "when.0: its level is always 1"}


@pytest.mark.parametrize("guard", [guard for guard in GUARDS if (guard.rule, guard.value) not in SAID_TWICE], ids=lambda guard: guard.id)
def test_without_it_a_named_case_fails(guard: Guard) -> None:
    rules = _parsed(guard)
    if rules is None:
        return  # they don't even start without it
    failing = [case.id for case in CASES if case.about in guard.types and not answer(case, rules).fits(case)]
    assert failing, f"nobody would notice if {guard.id} were gone"


def _parsed(guard: Guard) -> Rulebook | None:
    try:
        return rulebook.parse(guard.taken_away())
    except RuleError as error:
        if guard.rule in str(error):
            return None
        raise


@pytest.mark.parametrize("message_type", ITEMS)
def test_every_type_has_guards(message_type: str) -> None:
    assert len([guard for guard in GUARDS if message_type in guard.types]) >= 3
