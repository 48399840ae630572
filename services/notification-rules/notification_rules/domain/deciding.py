"""Third phase: what is told, what was told before, and why not. Claims that the batch itself takes count for the rest of it."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any

import orjson

from notification_rules.domain.expressions import Unevaluable
from notification_rules.domain.planning import Plan, unevaluable
from notification_rules.domain.resolving import Found, Resolved, Waiting
from notification_rules.domain.rulebook import Rule
from postroom.contracts import ids
from postroom.contracts.event import Event

ClaimKey = tuple[str, str, str]
"""Tenant, message type, key."""
# A row of a Postgres index has 2.7 KB; ids are a few dozen bytes, and only a strange one makes a key this long.
_LONGEST_KEY = 500


@dataclass(frozen=True, slots=True)
class Claim:
    """One thing to be told once; `place` is the line it is for, if it is for one."""

    key: ClaimKey
    about: str
    place: int | None = None


@dataclass(frozen=True, slots=True)
class Wish:
    """Somebody to tell, with the claims that takes."""

    found: Found
    claims: tuple[Claim, ...]


@dataclass(frozen=True, slots=True)
class Claiming:
    """A resolved plan with the claims of each of its people."""

    resolved: Resolved
    wishes: tuple[Wish, ...]

    @property
    def keys(self) -> Iterable[ClaimKey]:
        return (claim.key for wish in self.wishes for claim in wish.claims)


@dataclass(frozen=True, slots=True)
class Message:
    """One message to one person."""

    message: str
    event: Event
    rule: Rule
    found: Found
    facts: dict[str, Any]
    about: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Decision:
    """What one rule decided for one person (or for nobody), and why."""

    event: Event
    rule: Rule | None
    outcome: str
    reason: str
    person: str | None = None
    hop: str = ""
    message: str | None = None

    @property
    def decision(self) -> str:
        """The same decision again is the same row."""
        rule = self.rule.name if self.rule else ""
        return ids.stable("decision", *self.event.identity, rule, self.outcome, self.person, self.message, self.reason)


@dataclass(slots=True)
class Outcome:
    """What a batch came to."""

    decisions: list[Decision] = field(default_factory=list)
    messages: dict[str, Message] = field(default_factory=dict)
    claims: dict[Claim, list[str]] = field(default_factory=dict)
    undecided: list[tuple[Plan, Waiting]] = field(default_factory=list)


def claiming(resolved: Resolved) -> Claiming:
    """Which claims each person's message would take. Raises Refused when a key can't be evaluated."""
    rule = resolved.plan.rule
    if rule is None or not resolved.found:
        return Claiming(resolved, ())
    try:
        return Claiming(resolved, tuple(Wish(found, _claims(resolved.plan, rule, found)) for found in resolved.found))
    except Unevaluable as error:
        raise unevaluable(rule, error) from error


def _claims(plan: Plan, rule: Rule, found: Found) -> tuple[Claim, ...]:
    scope = plan.scope
    assert scope is not None  # noqa: S101 - a plan with tellings has one
    scope.bind("R", found.person.person)
    lines = rule.declared.lines
    if lines and found.lines is not None and plan.facts is not None and "chosen" in (*rule.key.needs, *rule.about.needs):
        chosen = [plan.facts[lines.of][place] for place in found.lines]
        scope.bind("chosen", [{name: line[name] for name in line if name in rule.fields} for line in chosen])
    key, about = scope.evaluate(rule.key), scope.evaluate(rule.about)
    if rule.declared.claim.per == "line" and found.lines is not None:
        return tuple(_claim(plan, rule, *one) for one in zip(key, about, found.lines, strict=True))
    return (_claim(plan, rule, key, about, None),)


def _claim(plan: Plan, rule: Rule, key: Any, about: Any, place: int | None) -> Claim:
    if not isinstance(key, list) or not key or None in key:
        raise Unevaluable(f"{rule.key.source!r} gave {key!r}; a claim key is a list without gaps")
    if not isinstance(about, str) or not about:
        raise Unevaluable(f"{rule.about.source!r} gave {about!r}, which is no id")
    text = orjson.dumps(key).decode()
    if len(text.encode()) > _LONGEST_KEY:
        text = f"sha256:{sha256(text.encode()).hexdigest()}"
    return Claim((plan.event.tenant, rule.message_type, scoped(plan, text)), scoped(plan, about), place)


def scoped(plan: Plan, text: str) -> str:
    """Another system's ids carry its name: two systems with a budget B1 are two budgets."""
    return f"{plan.naming}/{text}" if plan.naming else text


def decide(claimings: Sequence[Claiming], taken: set[ClaimKey]) -> Outcome:
    """The whole batch in order: the first to claim something tells it. `taken` grows by what is claimed here."""
    outcome = Outcome()
    for one in claimings:
        resolved, plan = one.resolved, one.resolved.plan
        if plan.none:
            outcome.decisions.append(Decision(plan.event, plan.rule, "none", plan.none))
        outcome.decisions += [Decision(plan.event, plan.rule, "none", reason) for reason in resolved.unreached]
        if resolved.waiting:
            kind = "undecided" if resolved.waiting.kind == "unknown" else "unroutable"
            outcome.decisions.append(Decision(plan.event, plan.rule, kind, resolved.waiting.reason))
            outcome.undecided.append((plan, resolved.waiting))
        if plan.rule is not None and one.wishes:
            _tell(outcome, plan, plan.rule, one.wishes, frozenset(taken.intersection(one.keys)))
            taken.update(one.keys)
    return outcome


def _tell(outcome: Outcome, plan: Plan, rule: Rule, wishes: Sequence[Wish], before: frozenset[ClaimKey]) -> None:
    for wish in wishes:
        found, free = wish.found, [claim for claim in wish.claims if claim.key not in before]
        told = found.told.person
        if not free:
            outcome.decisions.append(Decision(plan.event, rule, "none", rule.declared.claim.told, told, found.hop))
            continue
        message = _message(plan, rule, found, free)
        for claim in free:
            outcome.claims.setdefault(claim, []).append(message.message)
        if message.message not in outcome.messages:
            outcome.messages[message.message] = message
            outcome.decisions.append(Decision(plan.event, rule, "message", found.because, told, found.hop, message.message))


def _message(plan: Plan, rule: Rule, found: Found, claims: Sequence[Claim]) -> Message:
    facts = dict(plan.facts or {})
    if rule.declared.lines and found.lines is not None:
        places = found.lines if claims[0].place is None else [claim.place for claim in claims if claim.place is not None]
        facts[rule.declared.lines.of] = [facts[rule.declared.lines.of][place] for place in places]
    keys = sorted(claim.key[2] for claim in claims)
    message = ids.stable("message", plan.event.tenant, rule.message_type, *keys, found.told.person)
    return Message(message, plan.event, rule, found, facts, tuple(dict.fromkeys(claim.about for claim in claims)))
