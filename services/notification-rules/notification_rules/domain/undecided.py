"""What was left undecided is decided again: when a directory record arrives, and when its time is up."""

from dataclasses import dataclass, replace
from datetime import datetime

from notification_rules.domain.expressions import Unevaluable
from notification_rules.domain.people import Directory
from notification_rules.domain.plan import Plan, without
from notification_rules.domain.planning import plan_rule, unevaluable
from notification_rules.domain.resolving import Resolved, resolve
from notification_rules.domain.rulebook import Rulebook
from postroom.contracts.errors import Refused
from postroom.contracts.event import Event


@dataclass(frozen=True, slots=True)
class Undecided:
    """An event that one rule could not decide; `tellings` are what is still open of it, `expired` that its time is up.

    `void` is what was withdrawn meanwhile.
    """

    event: Event
    rule: str
    kind: str
    tellings: tuple[str, ...]
    expired: bool
    void: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Case:
    """A plan to decide on, for the first time or again."""

    plan: Plan
    undecided: Undecided | None = None


def look_again(undecided: Undecided, rulebook: Rulebook) -> Case:
    """The plan as today's rules make it. Raises Refused when they can't be evaluated."""
    rule = rulebook.named(undecided.event.type, undecided.rule)
    if rule is None and not rulebook.complete:
        raise Refused("invalid", f"the rule {undecided.rule} is missing, and a file of rules can't be used: it may stand there", "rule")
    if rule is None or rule.claim is None:
        return Case(Plan(undecided.event, None, none=f"the rule {undecided.rule} is no longer in force"), undecided)
    # What the event withdraws, it withdrew when it came.
    plan = replace(plan_rule(undecided.event, rule), withdrawals=())
    try:
        return Case(without(plan, undecided.void), undecided)
    except Unevaluable as error:
        raise unevaluable(rule, error) from error


def resolve_case(case: Case, directory: Directory, now: datetime) -> Resolved:
    """Whoever has been waited for long enough counts as a hop that failed; nobody at all for long enough ends it.

    Somebody unknown holds up the whole event, an empty chain what it is for; of a rule that has other chains by now, all of them are open.
    """
    undecided = case.undecided
    if undecided is None:
        return resolve(case.plan, directory, now)
    nobody = undecided.kind == "nobody"
    only = frozenset(one.each for one in case.plan.tellings if one.each in undecided.tellings) if nobody else None
    resolved = resolve(case.plan, directory, now, only=only or None, go_on=undecided.expired or nobody)
    if resolved.waiting is None:
        return resolved
    if nobody and undecided.expired:
        return replace(resolved, waiting=None, unreached=(*resolved.unreached, f"given up: {resolved.waiting.reason}"))
    # Under another rule it waits anew, and what was withdrawn is void for that one, too.
    return replace(resolved, waiting=replace(resolved.waiting, void=tuple(sorted(undecided.void))))
