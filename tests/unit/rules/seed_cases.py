"""The oracle's cases, put to the rules service's pure phases: events in, letters out, in the oracle's words."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from tests.oracle import case as cases
from tests.oracle.case import Case
from tests.oracle.directory import People, Somebody
from tests.oracle.letters import Event as Written
from tests.oracle.letters import Letter, Void
from tests.unit.rules.rules_support import decided

from notification_rules.domain.deciding import ClaimKey, Message, Outcome
from notification_rules.domain.people import Directory, Person
from notification_rules.domain.rulebook import Rulebook
from postroom.contracts import event as events
from postroom.contracts.event import Event
from postroom.contracts.facts import FACTS

# What a letter of this type speaks of, item by item: a list of the facts and the name in it, or one name.
ITEMS = {
    "due-template": "template",
    "carbon-copy-registration": "user",
    "control-structure-expired": "kind",
    "goods-receipt": "lines.line",
    "budget-expired": "budget",
    "wrong-delivery": "lines.line",
    "quantity-request-reply": "reply",
    "invoice-check-failed": "invoice",
    "minimum-order-value-requester": "items.item",
    "minimum-order-value-purchaser": "run",
    "delivery-note-reminder-requester": "lines.line",
    "delivery-note-reminder-purchaser": "lines.line",
    "catalog-changed": "changes.item",
}


@dataclass
class Answer:
    """What the rules made of a case, as far as it is about the case's message type."""

    told: Counter[Letter] = field(default_factory=Counter)
    void: set[Void] = field(default_factory=set)
    undecided: int = 0
    unroutable: int = 0

    def fits(self, case: Case) -> bool:
        expected = Counter(letter for letter in case.told if letter.message_type == case.about)
        counts = (self.undecided, self.unroutable) == (case.undecided, case.unroutable)
        return self.told == expected and self.void == set(case.void) and counts


def answer(case: Case, rules: Rulebook) -> Answer:
    """Put the case's events to the rules, one after another."""
    people = cases.people()
    case.people(people)
    taken: set[ClaimKey] = set()
    found = Answer()
    for n, written in enumerate(case.events):
        if callable(written):
            written(people)
            continue
        _add(found, case.about, decided(_event(written, n), _directory(people), taken, rules))
    return found


def _add(found: Answer, about: str, outcome: Outcome) -> None:
    found.told.update(_letter(message) for message in outcome.messages.values() if message.rule.message_type == about)
    found.void |= {Void(message_type, one.about) for one in outcome.withdrawals for message_type in one.message_types}
    about_it = [(plan, waiting) for plan, waiting in outcome.undecided if plan.rule and plan.rule.message_type == about]
    found.undecided += sum(waiting.kind == "unknown" for _, waiting in about_it)
    found.unroutable += sum(waiting.kind == "nobody" for _, waiting in about_it)


def _letter(message: Message) -> Letter:
    told, meant = message.found.told.person, message.found.person.person
    return Letter(message.rule.message_type, told, frozenset(items(message)), meant if told != meant else "")


def items(message: Message) -> Iterable[str]:
    """What the message speaks of."""
    name, _, inner = ITEMS[message.rule.message_type].partition(".")
    value = message.facts[name]
    return [one[inner] for one in value] if inner else [value]


def _event(written: Written, n: int) -> Event:
    data = FACTS[written["type"]].model_validate(written["data"])
    emitter = written.get("emitter", "po-service")
    attributes = {"subject": "subject", "tenant": "demo", "company": written["company"], "actor": written.get("actor")}
    return events.new(data, source=emitter, id=f"event-{n}", **attributes)


def _directory(people: People) -> Directory:
    everybody = {("demo", one.id): _person(one) for one in people.everybody.values()}
    roles = {role for one in people.everybody.values() for role in one.roles}
    holders = {("demo", *role): tuple(one.id for one in people.everybody.values() if role in one.roles) for role in roles}
    aliases = {("demo", "person", emitter, name): id_ for (emitter, name), id_ in people.known_as.items()}
    return Directory(everybody, holders, aliases)


def _person(one: Somebody) -> Person:
    first, last = one.away or (None, None)
    return Person(person=one.id, name=one.id.title(), active=one.active, deputy=one.deputy, absent_from=first, absent_until=last)
