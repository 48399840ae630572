"""The rules, ready to run: every expression compiled and checked against the event it is for."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from notification_rules.domain.compiling import Compiler
from notification_rules.domain.declaration import DeclaredRule, Hop
from notification_rules.domain.expressions import RuleError
from notification_rules.domain.reading import Source, read
from notification_rules.domain.rule import Rule

HOUSE = "rules.yaml"
_MADE_BY_THE_MAILER = {"digest", "correspondence"}


@dataclass(frozen=True, slots=True)
class Rulebook:
    """All rules by the type of event they are for. Not `complete` while a customer's file can't be used: what is missing may come back.

    `in_place_of` names the house's rule that a customer's has replaced, also of those that were in force before.
    """

    rules: Mapping[str, tuple[Rule, ...]]
    handled_elsewhere: Mapping[str, str]
    complete: bool = True
    in_place_of: Mapping[str, str] = field(default_factory=dict)

    def of(self, type_: str) -> tuple[Rule, ...]:
        return self.rules.get(type_, ())

    def named(self, type_: str, name: str) -> Rule | None:
        """The rule of this name; if it was replaced, the one in its place, and if it is gone, the one that it had replaced."""
        rules = {rule.name: rule for rule in self.of(type_)}
        house = self.in_place_of.get(name, name) if self.complete else name
        return rules.get(name) or next((rule for rule in rules.values() if house in {rule.name, rule.declared.replaces}), None)

    def __iter__(self) -> Iterator[Rule]:
        return (rule for rules in self.rules.values() for rule in rules)


def parse(text: str, added: Mapping[str, str] | None = None) -> Rulebook:
    """The house's rules, and a customer's (file → text) beside them or instead. Raises RuleError naming file, rule and field."""
    house = read(HOUSE, text)
    sources = [house, *(read(file, one) for file, one in sorted((added or {}).items()))]
    chains = _chains(sources)
    in_place_of = {rule.name: rule.replaces for source in sources[1:] for rule in source.declaration.rules if rule.replaces}
    rules: dict[str, Rule] = {}
    for source in sources:
        for number, declared in enumerate(source.declaration.rules):
            if source is house and declared.name in in_place_of.values():
                continue
            with source.naming(number, declared):
                _fits_in(declared, rules, house)
                rules[declared.name] = Compiler(declared, chains).rule()
    # What a rule told before a customer's took its place can be withdrawn still.
    told = {declared.message_type for source in sources for declared in source.declaration.rules if declared.message_type}
    for source in sources:
        for number, declared in enumerate(source.declaration.rules):
            with source.naming(number, declared):
                _withdraws_what_is_told(declared, told)
    elsewhere = {type_: why for source in sources for type_, why in source.declaration.handled_elsewhere.items()}
    by_event = {rule.declared.event: () for rule in rules.values()}
    of = {type_: tuple(one for one in rules.values() if one.declared.event == type_) for type_ in by_event}
    return Rulebook(of, elsewhere, in_place_of=in_place_of)


def _chains(sources: Sequence[Source]) -> dict[str, list[Hop]]:
    """All chains: a customer's rule may use the house's."""
    chains: dict[str, list[Hop]] = {}
    for source in sources:
        if twice := chains.keys() & source.declaration.chains.keys():
            raise RuleError(f"the chain {min(twice)!r} is there already; give this one another name", field="chains", file=source.file)
        chains |= source.declaration.chains
    return chains


def _withdraws_what_is_told(declared: DeclaredRule, told: Collection[str]) -> None:
    for number, one in enumerate(declared.withdraws):
        if unknown := sorted(set(one.message_types) - set(told)):
            there = ", ".join(sorted(told))
            raise RuleError(f"no rule tells {unknown[0]!r}; told are {there}", field=f"withdraws.{number}.message_types")


def _fits_in(declared: DeclaredRule, others: Mapping[str, Rule], house: Source) -> None:
    """A rule beside those before it."""
    if declared.name in others:
        ours = any(rule.name == declared.name for rule in house.declaration.rules)
        way_out = "or let it say `replaces`" if ours else "or write to the file in which the other stands"
        raise RuleError(f"the name stands twice: give this one another, {way_out}", field="name")
    if declared.message_type in _MADE_BY_THE_MAILER:
        raise RuleError(f"{declared.message_type!r} is made by the mailer itself; give this type another name", field="message_type")
    if declared.replaces and declared.replaces not in (known := [rule.name for rule in house.declaration.rules]):
        raise RuleError(f"there is no rule {declared.replaces!r} to take the place of; there are {', '.join(known)}", field="replaces")
    for other in others.values():
        if declared.replaces and declared.replaces == other.declared.replaces:
            raise RuleError(f"the rule {other.name!r} takes the place of {declared.replaces!r} already", field="replaces")
        if declared.message_type and declared.message_type == other.message_type and declared.mandatory != other.declared.mandatory:
            raise RuleError(f"a message type is mandatory for all its rules or for none; {other.name!r} says otherwise", field="mandatory")
