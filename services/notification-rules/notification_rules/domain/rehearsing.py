"""A rule run over examples of its event: what fails there is better known before the first event is parked."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from notification_rules.domain.deciding import claiming
from notification_rules.domain.people import Person
from notification_rules.domain.planning import plan_rule
from notification_rules.domain.resolving import Found, Resolved
from notification_rules.domain.rule import Rule
from postroom.contracts.errors import Refused
from postroom.contracts.event import Event

_SOMEBODY = Person("somebody", "Somebody")


@dataclass(frozen=True, slots=True)
class Parking:
    """An example on which the rule fails, and why: events like it would be parked."""

    rule: str
    example: str
    detail: str


def rehearsed(rule: Rule, events: Iterable[tuple[str, Event]]) -> Iterator[Parking]:
    """Each (name, event) that the rule would park, whoever its people are."""
    for name, event in events:
        try:
            plan = plan_rule(event, rule)
            claiming(Resolved(plan, tuple(Found(_SOMEBODY, _SOMEBODY, "", (), telling.lines) for telling in plan.tellings)))
        except Refused as error:
            yield Parking(rule.name, name, error.detail)
