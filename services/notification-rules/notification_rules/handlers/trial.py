"""An event tried: the phases of a batch over what is known now, one statement a table, and nothing is saved."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from notification_rules.domain import mailing
from notification_rules.domain.deciding import Claiming, claiming, decide
from notification_rules.domain.plan import Plan
from notification_rules.domain.planning import NO_RULE, plan_rule
from notification_rules.domain.resolving import wanted
from notification_rules.domain.rule import EVENT_FIELDS
from notification_rules.domain.rulebook import Rulebook
from notification_rules.domain.trial import Tried
from notification_rules.domain.undecided import Case, resolve_case
from notification_rules.store import directory as directory_store
from notification_rules.store import preferences as preferences_store
from notification_rules.store import trial as store
from postroom import clock
from postroom.contracts.errors import Refused
from postroom.contracts.event import Event
from postroom.db import Connection


async def try_event(connection: Connection, event: Event, rulebook: Rulebook) -> dict[str, Any]:
    """What each rule for this type would do, and why. A rule that can't be evaluated says so, and the others go on."""
    rules, errors, now = rulebook.of(event.type), dict[str, str](), clock.now()
    plans, claimings = list[Plan](), list[Claiming]()
    for rule in rules:
        with _noting(errors, rule.name):
            plans.append(plan_rule(event, rule))
    directory = await directory_store.load(connection, wanted(plans))
    for plan in plans:
        with _noting(errors, plan.rule_name):
            claimings.append(claiming(resolve_case(Case(plan), directory, now)))
    told = await store.told(connection, {key for one in claimings for key in one.keys})
    # A past event has told this itself: what it would tell is shown all the same.
    own = await store.messages_of(connection, event.identity)
    outcome = decide(claimings, {key for key, messages in told.items() if not own.issuperset(messages)})
    people = mailing.recipients(outcome.messages.values())
    going = mailing.deliveries(outcome.messages.values(), await preferences_store.load(connection, people), now)
    void = {(type_, one.about) for one in outcome.withdrawals for type_ in one.message_types}
    tried = Tried(event, claimings, outcome, told, own, await store.told_about(connection, event.tenant, void), going)
    return {
        "event": {name: getattr(event, name) for name in EVENT_FIELDS},
        "none": "" if rules else rulebook.handled_elsewhere.get(event.type, NO_RULE),
        "rules": [tried.of_rule(rule, errors.get(rule.name, "")) for rule in rules],
    }


@contextmanager
def _noting(errors: dict[str, str], rule: str) -> Iterator[None]:
    try:
        yield
    except Refused as refusal:
        errors[rule] = refusal.detail
