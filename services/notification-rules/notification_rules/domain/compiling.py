"""From a rule as it is written to one that runs: each expression is checked against the event's contract."""

from collections.abc import Iterator, Mapping
from typing import Any, get_args, get_origin

from pydantic import BaseModel

from notification_rules.domain.declaration import Claim, Condition, DeclaredRule, Hop, Opens
from notification_rules.domain.expressions import Expression, RuleError, compiled
from notification_rules.domain.rule import EVENT_FIELDS, Check, Once, Opening, Rule, Step, Voiding
from postroom.contracts.facts import FACTS


class Compiler:
    """Compiles one rule; what its expressions may name follows from the event's contract. Raises RuleError."""

    def __init__(self, declared: DeclaredRule, chains: Mapping[str, list[Hop]]) -> None:
        self._rule = declared
        self._chains = chains
        self._used: set[str] = set()
        fact = FACTS.get(declared.event)
        if fact is None:
            raise RuleError(f"{declared.event!r} is not known; known are {', '.join(sorted(FACTS))}", field="event")
        self._names = frozenset(fact.model_fields)
        self._all_fields = _fields_within(fact) | set(EVENT_FIELDS)
        lines = declared.lines
        if lines and lines.of not in self._names:
            raise RuleError(f"{declared.event} has no {lines.of!r}", field="lines.of")
        if lines and lines.of not in (lists := _lists_of_parts(fact)):
            raise RuleError(f"{lines.of!r} is no list of lines; there are {', '.join(lists) or 'none'}", field="lines.of")
        has_each = declared.for_each or (lines and lines.each)
        self._each = frozenset({"each"}) if has_each else frozenset[str]()

    def rule(self) -> Rule:
        declared, lines = self._rule, self._rule.lines
        parts = {
            "where": tuple(self._check(f"lines.where.{n}", one, per_line=lines.of) for n, one in enumerate(lines.where)) if lines else (),
            "line_each": self._optional("lines.each", lines.each, per_line=lines.of) if lines else None,
            "claim": self._once(declared.claim) if declared.claim else None,
            "when": tuple(self._check(f"when.{n}", one) for n, one in enumerate(declared.when)),
            "steps": tuple(self._steps(declared.recipients)),
            "for_each": self._optional("for_each", declared.for_each),
            "not_to": self._optional("not_to.person", declared.not_to.person if declared.not_to else None),
            "opens": self._opening(declared.opens) if declared.opens else None,
            "sender": self._optional("sender", declared.sender),
            "withdraws": tuple(self._voidings()),
        }
        return Rule(declared=declared, fields=frozenset(self._used), **parts)  # type: ignore[arg-type]

    def _once(self, claim: Claim) -> Once:
        per_line = "chosen" if claim.per == "line" else None
        extra = frozenset({"R", *(("chosen",) if self._rule.lines else ())})
        return Once(
            key=self._cel("claim.key", claim.key, per_line=per_line, extra=extra),
            about=self._cel("claim.about", claim.about, per_line=per_line),
            closes=self._optional("claim.closes", claim.closes, per_line=per_line, extra=extra),
            told=claim.told,
            per_line=per_line is not None,
        )

    def _check(self, field: str, condition: Condition, per_line: str | None = None) -> Check:
        return Check(self._cel(f"{field}.is", condition.is_, per_line=per_line), condition.otherwise)

    def _steps(self, hops: list[Hop], within: tuple[str, ...] = ()) -> Iterator[Step]:
        for number, hop in enumerate(hops):
            field = f"recipients.{number}"
            if hop.chain is not None:
                if hop.chain not in self._chains:
                    raise RuleError(f"there is no chain {hop.chain!r}", field=f"{field}.chain")
                if hop.chain in within:
                    raise RuleError(f"the chain {hop.chain!r} leads back to itself", field=f"{field}.chain")
                yield from self._steps(self._chains[hop.chain], (*within, hop.chain))
                continue
            assert hop.hop is not None  # noqa: S101 - a hop that is no chain has a name
            assert hop.because is not None  # noqa: S101 - and a reason
            yield Step(
                hop=hop.hop,
                because=hop.because,
                when=self._optional(f"{field}.when", hop.when, extra=self._each),
                person=self._optional(f"{field}.person", hop.person, extra=self._each),
                role=hop.role,
                company=self._optional(f"{field}.company", hop.company),
            )

    def _opening(self, opens: Opens | str) -> Opening:
        if isinstance(opens, str):
            return Opening("", self._cel("opens", opens))
        return Opening(opens.what, self._cel("opens.id", opens.id))

    def _voidings(self) -> Iterator[Voiding]:
        for number, one in enumerate(self._rule.withdraws):
            about = self._cel(f"withdraws.{number}.about", one.about)
            when = self._optional(f"withdraws.{number}.when", one.when)
            yield Voiding(tuple(one.message_types), about, when, one.because)

    def _optional(
        self, field: str, source: str | None, *, per_line: str | None = None, extra: frozenset[str] = frozenset()
    ) -> Expression | None:
        return self._cel(field, source, per_line=per_line, extra=extra) if source else None

    def _cel(self, field: str, source: str, *, per_line: str | None = None, extra: frozenset[str] = frozenset()) -> Expression:
        variables = self._names | {"event"} | extra
        if per_line:
            variables |= {per_line}
        try:
            expression = compiled(source, variables=frozenset(variables), fields=frozenset(self._all_fields), over=per_line)
        except RuleError as error:
            raise RuleError(error.detail, field=field) from error
        self._used |= expression.fields
        return expression


def _lists_of_parts(model: type[BaseModel]) -> list[str]:
    """The fact's lists whose entries have fields of their own."""

    def of_parts(annotation: Any) -> bool:
        entry = next(iter(get_args(annotation)), None)
        return get_origin(annotation) is list and isinstance(entry, type) and issubclass(entry, BaseModel)

    return [name for name, field in model.model_fields.items() if of_parts(field.annotation)]


def _fields_within(model: type[BaseModel]) -> set[str]:
    """All field names of a fact and its parts: a name behind a dot must be one of them."""
    found = set(model.model_fields)
    for field in model.model_fields.values():
        for inner in (field.annotation, *getattr(field.annotation, "__args__", ())):
            if isinstance(inner, type) and issubclass(inner, BaseModel):
                found |= _fields_within(inner)
    return found
