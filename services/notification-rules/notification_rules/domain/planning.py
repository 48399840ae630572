"""First phase: what an event asks for, before anyone has looked into the directory."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from notification_rules.domain.expressions import Expression, Scope, Unevaluable
from notification_rules.domain.plan import Plan, Selector, Telling, Withdrawal, ids_in, scoped
from notification_rules.domain.rule import EVENT_FIELDS, Check, Rule, Step
from notification_rules.domain.rulebook import Rulebook
from postroom.contracts.errors import Refused
from postroom.contracts.event import Event

NO_RULE = "no rule names this event type"
NOBODY = "the event names nobody who is to be told"
NOTHING_VOID = "the event names nothing that it makes void"


def plan(event: Event, rulebook: Rulebook) -> Iterator[Plan]:
    """One plan per rule for this type; a type without a rule gets a plan that says so, or who handles it instead."""
    rules = rulebook.of(event.type)
    if not rules:
        yield Plan(event, None, none=rulebook.handled_elsewhere.get(event.type, NO_RULE))
    plans = [plan_rule(event, rule) for rule in rules]
    if plans and not any(one.none or one.tellings or one.withdrawals for one in plans):
        plans[0] = replace(plans[0], none=NOTHING_VOID)
    yield from plans


def plan_rule(event: Event, rule: Rule) -> Plan:
    """Raises Refused when an expression fails on this event's data."""
    try:
        return _Planner(event, rule).plan()
    except Unevaluable as error:
        raise unevaluable(rule, error) from error


def unevaluable(rule: Rule, error: Unevaluable) -> Refused:
    """Parked with what CEL said: either the data is odd, or the rule is wrong and the record is replayed after its correction."""
    return Refused("invalid", f"the rule {rule.name} can't be evaluated: {error}", "data")


class _Planner:
    def __init__(self, event: Event, rule: Rule) -> None:
        self._event = event
        self._rule = rule
        self._facts = event.data.model_dump(mode="json")
        self._of = rule.declared.lines.of if rule.declared.lines else None
        values = {**self._facts, "event": {name: getattr(event, name) for name in EVENT_FIELDS if name in rule.fields}}
        if self._of:
            values[self._of] = [self._pruned(line) for line in self._facts[self._of]]
        self._scope = Scope(values)
        self._selectors: dict[int, Selector] = {}

    def _pruned(self, line: dict[str, Any]) -> dict[str, Any]:
        """A line without the fields that no expression reads: converting them is most of an event's cost."""
        return {name: value for name, value in line.items() if name in self._rule.fields}

    def plan(self) -> Plan:
        for check in self._rule.when:
            if not _true(self._scope, check.expression):
                return Plan(self._event, self._rule, none=check.otherwise)
        withdrawals = tuple(self._withdrawals())
        if self._rule.claim is None:
            return Plan(self._event, self._rule, withdrawals=withdrawals)
        chosen: tuple[int, ...] | None = None
        if self._of:
            chosen, none = self._chosen(len(self._facts[self._of]))
            if none:
                return Plan(self._event, self._rule, none=none, withdrawals=withdrawals)
        tellings = tuple(self._tellings(chosen))
        return Plan(
            self._event,
            self._rule,
            "" if tellings else NOBODY,
            tellings,
            scope=self._scope,
            facts=self._facts,
            not_to=self._optional(self._rule.not_to),
            sender=self._optional(self._rule.sender) if self._rule.sender else self._event.actor,
            opens=self._opens(),
            withdrawals=withdrawals,
        )

    def _withdrawals(self) -> Iterator[Withdrawal]:
        for one in self._rule.withdraws:
            if one.when is None or _true(self._scope, one.when):
                for id_ in ids_in(one.about, self._scope.evaluate(one.about)):
                    yield Withdrawal(self._event, self._rule, one.message_types, scoped(self._event, id_), one.because)

    def _optional(self, expression: Expression | None) -> str | None:
        return _text(expression, self._scope.evaluate(expression)) if expression else None

    def _opens(self) -> dict[str, str] | None:
        opens = self._rule.opens
        value = self._scope.evaluate(opens.id) if opens else None
        if opens is None or value is None:
            return None
        what, id_ = (opens.what, value) if opens.what else (value.get("what"), value.get("id")) if isinstance(value, dict) else ("", None)
        if not isinstance(what, str) or not isinstance(id_, str) or not what or not id_:
            raise Unevaluable(f"{opens.id.source!r} gave {value!r}, which names nothing that could be opened")
        return {"what": what, "id": scoped(self._event, id_)}

    def _chosen(self, count: int) -> tuple[tuple[int, ...], str]:
        """The places of the lines that pass each condition, or the reason of the condition that the last of them failed."""
        left = tuple(range(count))
        for check in self._rule.where:
            passed = _list(self._scope, check.expression)
            left = tuple(place for place in left if _is_bool(passed[place], check))
            if not left:
                return left, check.otherwise
        return left, "" if left else "the event names no line"

    def _tellings(self, chosen: tuple[int, ...] | None) -> Iterator[Telling]:
        rule = self._rule
        if rule.line_each and chosen is not None:
            owners = _list(self._scope, rule.line_each)
            for each in dict.fromkeys(_text(rule.line_each, owners[place]) or "" for place in chosen):
                own = tuple(place for place in chosen if (owners[place] or "") == each)
                yield Telling(each, self._chain(each), own)
        elif rule.for_each:
            for each in dict.fromkeys(_text(rule.for_each, one) or "" for one in _list(self._scope, rule.for_each)):
                yield Telling(each, self._chain(each), chosen)
        else:
            yield Telling("", self._chain(None), chosen)

    def _chain(self, each: str | None) -> tuple[Selector, ...]:
        if each is not None:
            self._scope.bind("each", each)
        steps = enumerate(self._rule.steps)
        return tuple(self._selector(n, step) for n, step in steps if step.when is None or _true(self._scope, step.when))

    def _selector(self, number: int, step: Step) -> Selector:
        """The hop's people; one that doesn't depend on `each` is evaluated once an event."""
        if step.person and "each" in step.person.needs:
            return self._evaluated(step)
        if number not in self._selectors:
            self._selectors[number] = self._evaluated(step)
        return self._selectors[number]

    def _evaluated(self, step: Step) -> Selector:
        person = _text(step.person, self._scope.evaluate(step.person)) if step.person else None
        company = _text(step.company, self._scope.evaluate(step.company)) if step.company else ""
        return Selector(step.hop, step.because, person, step.role, company)


def _true(scope: Scope, expression: Expression) -> bool:
    return _is_bool(scope.evaluate(expression), expression)


def _is_bool(value: Any, what: Expression | Check) -> bool:
    if not isinstance(value, bool):
        source = what.expression.source if isinstance(what, Check) else what.source
        raise Unevaluable(f"{source!r} gave {value!r}, neither true nor false")
    return value


def _list(scope: Scope, expression: Expression) -> list[Any]:
    value = scope.evaluate(expression)
    if not isinstance(value, list):
        raise Unevaluable(f"{expression.source!r} gave {value!r}, which is no list")
    return value


def _text(expression: Expression, value: Any) -> str | None:
    """An id; "" and null are unset."""
    if value is not None and not isinstance(value, str):
        raise Unevaluable(f"{expression.source!r} gave {value!r}, which is no id")
    return value or None
