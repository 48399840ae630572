"""What an event asks for, as the phases hand it on."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from notification_rules.domain.declaration import Texts
from notification_rules.domain.expressions import Expression, Scope, Unevaluable
from notification_rules.domain.rule import Once, Rule
from postroom.contracts.event import Event
from postroom.contracts.topics import OWNED

_OURS = frozenset(topic.owner for topic in OWNED)
ALL_VOID = "what this would have told was withdrawn meanwhile"


@dataclass(frozen=True, slots=True)
class Selector:
    """One hop with its expressions evaluated: `person`, or `role` held in `company` ("" for the whole tenant); None where unset."""

    hop: Texts
    because: Texts
    person: str | None
    role: str | None
    company: str | None


@dataclass(frozen=True, slots=True)
class Telling:
    """One chain to go down, for the lines (places in the list) that belong to `each`."""

    each: str
    chain: tuple[Selector, ...]
    lines: tuple[int, ...] | None


@dataclass(frozen=True, slots=True)
class Withdrawal:
    """One thing that became void: whatever messages of these types have said of `about`."""

    event: Event
    rule: Rule
    message_types: tuple[str, ...]
    about: str
    because: Texts


@dataclass(frozen=True, slots=True)
class Plan:
    """What one rule wants told about one event, and withdrawn; `none` is the reason when nothing is to be told.

    `not_to` and `sender` name people as the event does. `opens` is {what, id}.
    """

    event: Event
    rule: Rule | None
    none: str = ""
    tellings: tuple[Telling, ...] = ()
    scope: Scope | None = None
    facts: dict[str, Any] | None = None
    not_to: str | None = None
    sender: str | None = None
    opens: dict[str, str] | None = None
    withdrawals: tuple[Withdrawal, ...] = ()

    @property
    def rule_name(self) -> str:
        return self.rule.name if self.rule else ""

    @property
    def naming(self) -> str:
        """Whose names the event uses: "" for our own services, which name people by the directory's ids."""
        return naming(self.event)

    def scoped(self, text: str) -> str:
        """An id or key of the event, as claims name it."""
        return scoped(self.event, text)


def naming(event: Event) -> str:
    """The emitter, if it is another system."""
    return "" if event.emitter in _OURS else event.emitter


def scoped(event: Event, text: str) -> str:
    """Another system's ids carry its name: two systems with a budget B1 are two budgets."""
    return f"{event.emitter}/{text}" if naming(event) else text


def about_of(plan: Plan, once: Once, lines: tuple[int, ...] | None) -> list[str]:
    """The ids of what a message with these lines would be about: one a line where each line has its claim, else one."""
    assert plan.scope is not None  # noqa: S101 - a plan with tellings has one
    bind_chosen(plan, once, lines)
    value = plan.scope.evaluate(once.about)
    found = ids_in(once.about, value if once.per_line else [value])
    return [plan.scoped(one) for one in found]


def bind_chosen(plan: Plan, once: Once, lines: tuple[int, ...] | None) -> None:
    """Let the claim's expressions see these lines, if they look at them."""
    rule, expressions = plan.rule, (once.key, once.about, once.closes)
    needed = any("chosen" in (*one.needs, one.over) for one in expressions if one)
    if not needed or lines is None or rule is None or rule.declared.lines is None or plan.facts is None or plan.scope is None:
        return
    chosen = [plan.facts[rule.declared.lines.of][place] for place in lines]
    plan.scope.bind("chosen", [{name: line[name] for name in line if name in rule.fields} for line in chosen])


def without(plan: Plan, void: frozenset[str]) -> Plan:
    """The same plan without what was withdrawn meanwhile."""
    once = plan.rule.claim if plan.rule else None
    if not void or once is None or not plan.tellings:
        return plan
    tellings = tuple(_tellings_left(plan, once, void))
    return replace(plan, tellings=tellings, none="" if tellings else ALL_VOID)


def _tellings_left(plan: Plan, once: Once, void: frozenset[str]) -> Iterator[Telling]:
    for telling in plan.tellings:
        about = about_of(plan, once, telling.lines)
        if once.per_line and telling.lines is not None:
            left = tuple(place for place, one in zip(telling.lines, about, strict=True) if one not in void)
            if left:
                yield replace(telling, lines=left)
        elif not void.issuperset(about):
            yield telling


def ids_in(expression: Expression, value: Any) -> list[str]:
    """A list of ids, or Unevaluable."""
    if not isinstance(value, list):
        raise Unevaluable(f"{expression.source!r} gave {value!r}, which is no list of ids")
    for one in value:
        if not isinstance(one, str) or not one:
            raise Unevaluable(f"{expression.source!r} gave {one!r}, which is no id")
    return value
