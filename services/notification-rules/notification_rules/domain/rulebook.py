"""The rules, ready to run: every expression compiled and checked against the event it is for."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import yaml
from pydantic import BaseModel, ValidationError

from notification_rules.domain.declaration import Claim, Condition, Declaration, DeclaredRule, Hop
from notification_rules.domain.expressions import Expression, RuleError, compiled
from postroom.contracts.facts import FACTS

# What every event has, as expressions see it: event.company, event.subject …
EVENT_FIELDS = ("emitter", "source", "id", "type", "subject", "tenant", "company", "actor")


@dataclass(frozen=True, slots=True)
class Check:
    """A compiled condition."""

    expression: Expression
    otherwise: str


@dataclass(frozen=True, slots=True)
class Step:
    """A compiled hop, passed over unless `when` is true: `person`, or `role` with the `company` it is held in."""

    hop: str
    because: str
    when: Expression | None
    person: Expression | None
    role: str | None
    company: Expression | None


@dataclass(frozen=True, slots=True)
class Rule:
    """One row of rules.yaml, compiled.

    `fields` are all that its expressions name behind a dot: nothing else of an event is converted for CEL.
    """

    declared: DeclaredRule
    when: tuple[Check, ...]
    for_each: Expression | None
    where: tuple[Check, ...]
    line_each: Expression | None
    fields: frozenset[str]
    steps: tuple[Step, ...]
    key: Expression
    about: Expression

    @property
    def name(self) -> str:
        return self.declared.name

    @property
    def message_type(self) -> str:
        return self.declared.message_type


@dataclass(frozen=True, slots=True)
class Rulebook:
    """All rules by the type of event they are for."""

    rules: Mapping[str, tuple[Rule, ...]]
    handled_elsewhere: Mapping[str, str]

    def of(self, type_: str) -> tuple[Rule, ...]:
        return self.rules.get(type_, ())

    def named(self, type_: str, name: str) -> Rule | None:
        return next((rule for rule in self.of(type_) if rule.name == name), None)

    def __iter__(self) -> Iterator[Rule]:
        return (rule for rules in self.rules.values() for rule in rules)


def parse(text: str) -> Rulebook:
    """Read rules.yaml. Raises RuleError naming the rule and the field."""
    try:
        raw = yaml.safe_load(text)
        declaration = Declaration.model_validate(raw)
    except yaml.YAMLError as error:
        raise RuleError(f"rules.yaml is no YAML: {error}") from error
    except ValidationError as error:
        raise RuleError(_named(raw, error)) from error
    rules: dict[str, tuple[Rule, ...]] = {}
    for declared in declaration.rules:
        if any(declared.name == rule.name for known in rules.values() for rule in known):
            raise RuleError(f"rules.yaml: the rule {declared.name!r} stands twice")
        rules[declared.event] = (*rules.get(declared.event, ()), _Compiler(declared, declaration.chains).rule())
    return Rulebook(rules, declaration.handled_elsewhere)


def _named(raw: Any, error: ValidationError) -> str:
    first = error.errors(include_url=False)[0]
    where = list(first["loc"])
    rule = ""
    if where[:1] == ["rules"] and len(where) > 1 and isinstance(where[1], int):
        entry = raw["rules"][where[1]]
        rule = f" rule {(entry.get('name') if isinstance(entry, dict) else None) or where[1]!r}:"
        where = where[2:]
    return f"rules.yaml:{rule} {'.'.join(map(str, where)) or 'the rule'}: {first['msg']}"


class _Compiler:
    """Compiles one rule; what its expressions may name follows from the event's contract."""

    def __init__(self, declared: DeclaredRule, chains: Mapping[str, list[Hop]]) -> None:
        self._rule = declared
        self._chains = chains
        self._used: set[str] = set()
        fact = FACTS.get(declared.event)
        if fact is None:
            raise RuleError(
                f"rules.yaml: rule {declared.name!r}: event: {declared.event!r} is not known; known are {', '.join(sorted(FACTS))}"
            )
        self._fields = _fields_within(fact)
        self._names = frozenset(fact.model_fields)
        self._all_fields = self._fields | set(EVENT_FIELDS)
        lines = declared.lines
        if lines and lines.of not in self._names:
            raise RuleError(f"rules.yaml: rule {declared.name!r}: lines.of: {declared.event} has no {lines.of!r}")

    def rule(self) -> Rule:
        declared, lines, claim = self._rule, self._rule.lines, self._rule.claim
        where = tuple(self._check(f"lines.where.{n}", one, per_line="lines") for n, one in enumerate(lines.where)) if lines else ()
        line_each = self._cel("lines.each", lines.each, per_line="lines") if lines and lines.each else None
        key, about = self._claim(claim)
        when = tuple(self._check(f"when.{n}", one) for n, one in enumerate(declared.when))
        steps = tuple(self._steps(declared.recipients))
        for_each = self._cel("for_each", declared.for_each) if declared.for_each else None
        return Rule(
            declared=declared,
            when=when,
            for_each=for_each,
            where=where,
            line_each=line_each,
            fields=frozenset(self._used),
            steps=steps,
            key=key,
            about=about,
        )

    def _claim(self, claim: Claim) -> tuple[Expression, Expression]:
        per_line = "chosen" if claim.per == "line" else None
        extra = {"R", *(("chosen",) if self._rule.lines else ())}
        return (
            self._cel("claim.key", claim.key, per_line=per_line, extra=frozenset(extra)),
            self._cel("claim.about", claim.about, per_line=per_line),
        )

    def _check(self, field: str, condition: Condition, per_line: str | None = None) -> Check:
        return Check(self._cel(f"{field}.is", condition.is_, per_line=per_line), condition.otherwise)

    def _steps(self, hops: list[Hop]) -> Iterator[Step]:
        for number, hop in enumerate(hops):
            field = f"recipients.{number}"
            if hop.chain is not None:
                if hop.chain not in self._chains:
                    raise RuleError(f"rules.yaml: rule {self._rule.name!r}: {field}.chain: there is no chain {hop.chain!r}")
                yield from self._steps(self._chains[hop.chain])
                continue
            each = frozenset({"each"}) if self._rule.for_each or (self._rule.lines and self._rule.lines.each) else frozenset[str]()
            yield Step(
                hop=hop.hop,
                because=hop.because,
                when=self._cel(f"{field}.when", hop.when) if hop.when else None,
                person=self._cel(f"{field}.person", hop.person, extra=each) if hop.person else None,
                role=hop.role,
                company=self._cel(f"{field}.company", hop.company) if hop.company else None,
            )

    def _cel(self, field: str, source: str, *, per_line: str | None = None, extra: frozenset[str] = frozenset()) -> Expression:
        variables = self._names | {"event"} | extra
        wrap = "{}"
        if per_line:
            variables |= {per_line}
            wrap = f"{per_line}.map(line, {{}})"
        try:
            expression = compiled(source, variables=frozenset(variables), fields=frozenset(self._all_fields), wrap=wrap)
        except RuleError as error:
            raise RuleError(f"rules.yaml: rule {self._rule.name!r}: {field}: {error}") from error
        self._used |= expression.fields
        return expression


def _fields_within(model: type[BaseModel]) -> set[str]:
    """All field names of a fact and its parts: a name behind a dot must be one of them."""
    found = set(model.model_fields)
    for field in model.model_fields.values():
        for inner in (field.annotation, *getattr(field.annotation, "__args__", ())):
            if isinstance(inner, type) and issubclass(inner, BaseModel):
                found |= _fields_within(inner)
    return found
