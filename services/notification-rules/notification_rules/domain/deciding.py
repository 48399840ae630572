"""Third phase: what is told, what was told before, and why not. Claims that the batch itself takes count for the rest of it."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from hashlib import sha256
from typing import Any

import orjson

from notification_rules.domain.expressions import Unevaluable
from notification_rules.domain.plan import Plan, Withdrawal, about_of
from notification_rules.domain.planning import unevaluable
from notification_rules.domain.resolving import Found, Resolved, Waiting
from notification_rules.domain.rule import Once, Rule
from postroom.contracts import ids
from postroom.contracts.event import Event

ClaimKey = tuple[str, str, str]
"""Tenant, message type, key."""
# A row of a Postgres index has 2.7 KB; ids are a few dozen bytes, and only a strange one makes a key this long.
_LONGEST_KEY = 500


@dataclass(frozen=True, slots=True)
class Claim:
    """One thing to be told once; `place` is the line it is for, if it is for one. `closes` need not be told after it."""

    key: ClaimKey
    about: str
    place: int | None = None
    closes: tuple[ClaimKey, ...] = ()


@dataclass(slots=True)
class Taken:
    """What a claim that was taken is about, and the messages that tell it; `void` if it was withdrawn in the same batch."""

    about: str
    messages: list[str] = field(default_factory=list)
    void: bool = False


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
        return (key for wish in self.wishes for claim in wish.claims for key in (claim.key, *claim.closes))


@dataclass(frozen=True, slots=True)
class Message:
    """One message to one person."""

    message: str
    event: Event
    rule: Rule
    found: Found
    facts: dict[str, Any]
    about: tuple[str, ...]
    sender: str = ""
    opens: dict[str, str] | None = None


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
    withdrawn_type: str = ""

    @property
    def message_type(self) -> str:
        """The type that is told, or that was withdrawn."""
        return self.withdrawn_type or (self.rule.message_type if self.rule else "")

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
    claims: dict[ClaimKey, Taken] = field(default_factory=dict)
    undecided: list[tuple[Plan, Waiting]] = field(default_factory=list)
    withdrawals: list[Withdrawal] = field(default_factory=list)


def weight(resolved: Resolved) -> int:
    """How many claims there are to reckon at most: people times lines, those who are waited for included."""
    lines = [found.lines for found in resolved.found]
    if resolved.waiting:
        lines += [telling.lines for telling in resolved.plan.tellings if telling.each in resolved.waiting.tellings]
    return sum(1 if one is None else len(one) for one in lines)


def claiming(resolved: Resolved) -> Claiming:
    """Which claims each person's message would take, and what is left undecided. Raises Refused when that can't be evaluated."""
    rule = resolved.plan.rule
    if rule is None:
        return Claiming(resolved, ())
    try:
        waiting = _with_about(resolved.plan, rule, resolved.waiting) if resolved.waiting else None
        wishes = tuple(Wish(found, _claims(resolved.plan, rule, found)) for found in resolved.found)
    except Unevaluable as error:
        raise unevaluable(rule, error) from error
    return Claiming(replace(resolved, waiting=waiting), wishes)


def _with_about(plan: Plan, rule: Rule, waiting: Waiting) -> Waiting:
    open_ = [telling for telling in plan.tellings if telling.each in waiting.tellings]
    about = (one for telling in open_ for one in about_of(plan, rule.claim, telling.lines)) if rule.claim else ()
    return replace(waiting, about=tuple(dict.fromkeys(about)))


def _claims(plan: Plan, rule: Rule, found: Found) -> tuple[Claim, ...]:
    scope, once = plan.scope, rule.claim
    assert scope is not None  # noqa: S101 - a plan with tellings has one
    assert once is not None  # noqa: S101 - and its rule a claim
    scope.bind("R", found.person.person)
    about = about_of(plan, once, found.lines)
    key = scope.evaluate(once.key)
    closes = scope.evaluate(once.closes) if once.closes else None
    if not once.per_line or found.lines is None:
        return (Claim(_key(plan, rule, once, key), about[0], None, _closes(plan, rule, once, closes)),)
    several = closes if closes is not None else [None] * len(key)
    return tuple(
        Claim(_key(plan, rule, once, one), its, place, _closes(plan, rule, once, also))
        for one, its, place, also in zip(key, about, found.lines, several, strict=True)
    )


def _closes(plan: Plan, rule: Rule, once: Once, keys: Any) -> tuple[ClaimKey, ...]:
    if not isinstance(keys, list | None):
        raise Unevaluable(f"{once.closes.source if once.closes else ''!r} gave {keys!r}, which is no list of claim keys")
    return tuple(_key(plan, rule, once, key) for key in keys or ())


def _key(plan: Plan, rule: Rule, once: Once, key: Any) -> ClaimKey:
    if not isinstance(key, list) or not key or None in key:
        raise Unevaluable(f"{once.key.source!r} gave {key!r}; a claim key is a list without gaps")
    text = orjson.dumps(key).decode()
    if len(text.encode()) > _LONGEST_KEY:
        text = f"sha256:{sha256(text.encode()).hexdigest()}"
    return (plan.event.tenant, rule.message_type, plan.scoped(text))


def decide(claimings: Sequence[Claiming], taken: set[ClaimKey]) -> Outcome:
    """The whole batch in order: the first to claim something tells it. `taken` grows by what is claimed here."""
    outcome = Outcome()
    for one in claimings:
        resolved, plan = one.resolved, one.resolved.plan
        outcome.withdrawals += plan.withdrawals
        if plan.none:
            outcome.decisions.append(Decision(plan.event, plan.rule, "none", plan.none))
        outcome.decisions += [Decision(plan.event, plan.rule, "none", reason) for reason in resolved.unreached]
        outcome.decisions += [_passed(plan, found) for found in resolved.passed]
        if resolved.waiting:
            kind = "undecided" if resolved.waiting.kind == "unknown" else "unroutable"
            outcome.decisions.append(Decision(plan.event, plan.rule, kind, resolved.waiting.reason))
            outcome.undecided.append((plan, resolved.waiting))
        if plan.rule is not None and one.wishes:
            _tell(outcome, resolved, plan.rule, one.wishes, frozenset(taken.intersection(one.keys)))
            taken.update(one.keys)
    return outcome


def _passed(plan: Plan, found: Found) -> Decision:
    not_to = plan.rule.declared.not_to if plan.rule else None
    return Decision(plan.event, plan.rule, "none", not_to.otherwise if not_to else "", found.person.person, found.hop)


def _tell(outcome: Outcome, resolved: Resolved, rule: Rule, wishes: Sequence[Wish], before: frozenset[ClaimKey]) -> None:
    """One message to each who gets any, also to a deputy who stands in for several."""
    event, free = resolved.plan.event, dict[str, Wish]()
    for wish in wishes:
        told, claims = wish.found.told.person, tuple(claim for claim in wish.claims if claim.key not in before)
        if claims:
            known = free.get(told)
            free[told] = Wish(known.found.with_(wish.found), (*known.claims, *claims)) if known else Wish(wish.found, claims)
        else:
            reason = rule.claim.told if rule.claim else ""
            outcome.decisions.append(Decision(event, rule, "none", reason, told, wish.found.hop))
    for told, wish in free.items():
        message = _message(resolved, rule, wish)
        for claim in wish.claims:
            for key in (claim.key, *(key for key in claim.closes if key not in before)):
                taken = outcome.claims.setdefault(key, Taken(claim.about))
                taken.messages = list(dict.fromkeys((*taken.messages, message.message)))
        outcome.messages[message.message] = message
        outcome.decisions.append(Decision(event, rule, "message", wish.found.because, told, wish.found.hop, message.message))


def _message(resolved: Resolved, rule: Rule, wish: Wish) -> Message:
    plan, found = resolved.plan, wish.found
    facts, of = dict(plan.facts or {}), rule.declared.lines.of if rule.declared.lines else ""
    about = {claim.place: claim.about for claim in wish.claims if claim.place is not None}
    if of and found.lines is not None:
        facts[of] = [facts[of][place] for place in (sorted(about) or found.lines)]
    ids_ = tuple(about[place] for place in sorted(about)) or tuple(dict.fromkeys(claim.about for claim in wish.claims))
    keys = sorted({claim.key[2] for claim in wish.claims})
    message = ids.stable("message", plan.event.tenant, rule.message_type, *keys, found.told.person)
    return Message(message, plan.event, rule, found, facts, ids_, resolved.sender, plan.opens)
