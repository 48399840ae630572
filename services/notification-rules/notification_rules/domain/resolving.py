"""Second phase: who the people are, as the directory knows them now."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Literal

from notification_rules.domain.people import AliasKey, Directory, Person, PersonKey, RoleKey
from notification_rules.domain.plan import Plan, Selector, Telling
from notification_rules.domain.reasons import Failure, Why, for_operators, joined


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a batch's plans need of the directory. People and companies of other systems are looked up as aliases first."""

    people: frozenset[PersonKey]
    roles: frozenset[RoleKey]
    aliases: frozenset[AliasKey]


@dataclass(frozen=True, slots=True)
class Found:
    """Somebody to tell. `person` is R, the one whom the claim names; `told` gets the message (a deputy, say)."""

    person: Person
    told: Person
    hop: str
    whys: tuple[Why, ...]
    lines: tuple[int, ...] | None

    @property
    def because(self) -> str:
        """For operators."""
        return for_operators(self.whys)

    def with_(self, other: "Found") -> "Found":
        """The same recipient, reached twice."""
        lines = None if self.lines is None or other.lines is None else tuple(sorted({*self.lines, *other.lines}))
        hop = ", ".join(dict.fromkeys((self.hop, other.hop)))
        return Found(self.person, self.told, hop, tuple(dict.fromkeys((*self.whys, *other.whys))), lines)


@dataclass(frozen=True, slots=True)
class Waiting:
    """Nobody yet for these tellings: `unknown` names a person who is not in the directory, `nobody` is an empty chain.

    `awaits` are the directory records that may change that; `about` is what would be told, and `void` what of it was withdrawn since.
    """

    kind: Literal["unknown", "nobody"]
    reason: str
    tellings: tuple[str, ...]
    awaits: tuple[str, ...]
    about: tuple[str, ...] = ()
    void: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Resolved:
    """A plan with its people; `unreached` are reasons of tellings that a rule doesn't wait for, `passed` those who are not to be told.

    `sender` is a name.
    """

    plan: Plan
    found: tuple[Found, ...] = ()
    waiting: Waiting | None = None
    unreached: tuple[str, ...] = ()
    passed: tuple[Found, ...] = ()
    sender: str = ""


def person_key(tenant: str, naming: str, name: str) -> str:
    """A directory record that may be waited for; `naming` is the emitter whose alias it is."""
    return f"person {tenant}/{naming}/{name}"


def role_key(tenant: str, role: str, company: str) -> str:
    """The same for a role in a company ("" for the whole tenant)."""
    return f"role {tenant}/{role}/{company}"


def company_key(tenant: str, naming: str, name: str) -> str:
    """The same for a company that another system has named."""
    return f"company {tenant}/{naming}/{name}"


def wanted(plans: Iterable[Plan]) -> Wanted:
    """Everything that resolving these may ask for."""
    people, roles, aliases = set(), set(), set()
    for plan in plans:
        tenant, naming = plan.event.tenant, plan.naming
        selectors = [selector for telling in plan.tellings for selector in telling.chain]
        for person in (plan.not_to, plan.sender, *(selector.person for selector in selectors)):
            if person:
                people.add((tenant, person))
                if naming:
                    aliases.add((tenant, "person", naming, person))
        for selector in selectors:
            if selector.role and selector.company is not None:
                roles.add((tenant, selector.role, selector.company))
                if naming and selector.company:
                    aliases.add((tenant, "company", naming, selector.company))
    return Wanted(frozenset(people), frozenset(roles), frozenset(aliases))


def resolve(plan: Plan, directory: Directory, now: datetime, *, only: frozenset[str] | None = None, go_on: bool = False) -> Resolved:
    """Go down each chain to the first hop with somebody in it.

    `only`: the tellings that are still undecided. `go_on`: people who are not known have been waited for long enough.
    """
    walk = _Walk(plan, directory, now, go_on=go_on)
    tellings = [telling for telling in plan.tellings if only is None or telling.each in only]
    found: list[Found] = []
    nobody: list[Telling] = []
    for telling in tellings:
        people = list(walk.down(telling))
        if walk.unknown:
            # The whole rule waits: who is told of which lines may depend on the one who is missing.
            eachs = tuple(one.each for one in tellings)
            return Resolved(plan, waiting=Waiting("unknown", walk.unknown, eachs, tuple(sorted(walk.awaits))))
        found += people
        if not people:
            nobody.append(telling)
    all_ = _merged(found)
    resolved = Resolved(
        plan,
        tuple(one for one in all_ if one.person.person != walk.not_to),
        passed=tuple(one for one in all_ if one.person.person == walk.not_to),
        sender=_sender(plan, directory),
    )
    unreachable = plan.rule.declared.unreachable if plan.rule else None
    if not nobody or unreachable:
        return replace(resolved, unreached=tuple(f"{unreachable} ({walk.failures[one.each]})" for one in nobody))
    reason = "nobody to tell: " + joined(walk.failures[one.each] for one in nobody)
    waiting = Waiting("nobody", reason, tuple(one.each for one in nobody), tuple(sorted(walk.awaits)))
    return replace(resolved, waiting=waiting)


def _sender(plan: Plan, directory: Directory) -> str:
    """The name of whoever the rule names, or of the event's actor if the directory knows them; an actor's bare id tells nobody anything."""
    if not plan.sender or plan.rule is None:
        return ""
    person = directory.person(plan.event.tenant, plan.naming, plan.sender)
    return person.name if person else plan.sender if plan.rule.sender else ""


class _Walk:
    """Down the chains of one plan, remembering why hops failed and what might mend them."""

    def __init__(self, plan: Plan, directory: Directory, now: datetime, *, go_on: bool) -> None:
        self._tenant, self._naming = plan.event.tenant, plan.naming
        self._directory = directory
        self._now = now
        self._go_on = go_on
        not_to = directory.person(self._tenant, self._naming, plan.not_to) if plan.not_to else None
        self.not_to = not_to.person if not_to else None
        self.unknown = ""
        self.awaits: set[str] = set()
        self.failures: dict[str, str] = {}

    def down(self, telling: Telling) -> Iterator[Found]:
        failed: list[Failure] = []
        for selector in telling.chain:
            people = self._people(selector, failed)
            if self.unknown or people:
                yield from (self._found(person, selector, telling, failed) for person in people)
                return
        self.failures[telling.each] = "; ".join(one.for_operators() for one in failed)

    def _people(self, selector: Selector, failed: list[Failure]) -> list[Person]:
        if selector.role is not None:
            return self._holders(selector, selector.role, failed)
        if selector.person is None:
            failed.append(Failure("unset", selector.hop))
            return []
        self.awaits |= {person_key(self._tenant, naming, selector.person) for naming in ("", self._naming)}
        person = self._directory.person(self._tenant, self._naming, selector.person)
        if person is None and not self._go_on:
            self.unknown = f"the {selector.hop.en} {selector.person} is not in the directory yet"
            return []
        if person is None or not person.active:
            kind: Literal["inactive", "unknown"] = "inactive" if person else "unknown"
            failed.append(Failure(kind, selector.hop, selector.person, person.name if person else ""))
            return []
        return [person]

    def _holders(self, selector: Selector, role: str, failed: list[Failure]) -> list[Person]:
        if selector.company is None:
            failed.append(Failure("no-company", selector.hop))
            return []
        company = self._directory.company(self._tenant, self._naming, selector.company)
        self.awaits.add(role_key(self._tenant, role, company))
        if self._naming and selector.company:
            self.awaits.add(company_key(self._tenant, self._naming, selector.company))
        people = self._directory.holding(self._tenant, self._naming, role, selector.company)
        if not people:
            failed.append(Failure("vacant", selector.hop, selector.company))
        return people

    def _found(self, person: Person, selector: Selector, telling: Telling, failed: list[Failure]) -> Found:
        """A deputy who knows already (the change is theirs) is no stand-in."""
        deputy = self._directory.stand_in(self._tenant, person, self._now)
        if deputy and deputy.person == self.not_to:
            deputy = None
        hop = f"{selector.hop.en} → deputy" if deputy else selector.hop.en
        why = Why(selector.because, tuple(failed), person.name if deputy else "")
        return Found(person, deputy or person, hop, (why,), telling.lines)


def _merged(found: list[Found]) -> tuple[Found, ...]:
    """One entry a person: whoever is reached by several chains gets the lines of all of them."""
    merged: dict[str, Found] = {}
    for one in found:
        other = merged.get(one.person.person)
        merged[one.person.person] = other.with_(one) if other else one
    return tuple(merged.values())
