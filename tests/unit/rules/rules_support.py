"""Events and a directory in the words of the seed, and the pure phases run one after another."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import UTC, date, datetime
from importlib.resources import files
from typing import Any

from notification_rules.domain import rulebook
from notification_rules.domain.deciding import ClaimKey, Outcome, claiming, decide
from notification_rules.domain.people import Directory, Person
from notification_rules.domain.planning import plan
from notification_rules.domain.rulebook import Rulebook
from notification_rules.domain.undecided import Case, resolve_case
from postroom.contracts import event as events
from postroom.contracts.commlog import LogCreated
from postroom.contracts.control import BudgetExpired
from postroom.contracts.event import Event
from postroom.contracts.fields import Fact
from postroom.contracts.purchasing import DeliveryNoteRecorded, GoodsReceived

RULES = rulebook.parse(files("notification_rules").joinpath("rules.yaml").read_text("utf-8"))
NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
ORDER = {"id": "order-1", "number": "4321", "supplier": "Muster GmbH", "contract": "contract-1"}


def event(data: Fact, **attributes: Any) -> Event:
    """An event of po-service of the company `buyer`; `emitter` makes it another system's."""
    emitter = attributes.pop("emitter", "po-service")
    made = events.new(data, **{"source": "po-service", "subject": "subject-1", "tenant": "demo", "company": "buyer", **attributes})
    return replace(made, emitter=emitter)


def goods_received(
    *lines: tuple[str, str], booking: str = "automatic", note: str | None = "note-1", order: Any = ORDER, **attributes: Any
) -> Event:
    """`lines`: (line, who ordered it)."""
    received = [{"line": line, "item": f"item {line}", "quantity": "2", "unit": "EA", "ordered_by": who} for line, who in lines]
    data = {"receipt": "receipt-1", "booking": booking, "order": order, "note": note, "booked_at": NOW, "lines": received}
    return event(GoodsReceived.model_validate(data), **attributes)


def budget_expired(kind: str = "cost-code", attributes: dict[str, Any] | None = None, **fields: Any) -> Event:
    data = {
        "budget": "B1",
        "name": "Travel",
        "kind": kind,
        "period_start": date(2026, 1, 1),
        "period_end": date(2026, 10, 31),
        "start_value": "1000",
        "current_value": "12.50",
        "currency": "EUR",
        "reason": "date",
        **fields,
    }
    return event(BudgetExpired.model_validate(data), **(attributes or {}))


def note_line(delivered: str = "10", ordered: str = "10", previously: str = "0", unit: str = "EA", line: str = "1") -> dict[str, str]:
    """A line ordered in EA; `unit` is the delivered one."""
    quantities = {"ordered": ordered, "delivered": delivered, "previously_delivered": previously}
    return {"line": line, "item": "Paper", "unit": "EA", "delivered_unit": unit, **quantities}


def note_recorded(*lines: dict[str, str], attributes: dict[str, Any] | None = None, **fields: Any) -> Event:
    data = {
        "note": "note-1",
        "number": "D-1",
        "order": ORDER,
        "purchaser_contact": "purchaser",
        "recorded_at": NOW,
        "lines": lines,
        **fields,
    }
    return event(DeliveryNoteRecorded.model_validate(data), **(attributes or {}))


def log_created(notify: Iterable[str], *, visible: bool = True, log: str = "log-1") -> Event:
    author = {"person": "supplier-1", "name": "Sue", "side": "supplier"}
    data = {"log": log, "order": ORDER, "log_type": "Question", "message": "When?", "author": author, "created_at": NOW}
    return event(LogCreated.model_validate({**data, "visible_to_other_side": visible, "notify": list(notify)}))


def person(name: str, **fields: Any) -> Person:
    return Person(**{"person": name, "name": name.title(), "email": f"{name}@example.org", **fields})


def directory(*people: Person, roles: Mapping[tuple[str, str], tuple[str, ...]] | None = None, **more: Any) -> Directory:
    """`roles`: (role, company) → people, in the tenant `demo`."""
    return Directory({("demo", one.person): one for one in people}, {("demo", *role): who for role, who in (roles or {}).items()}, **more)


def decided(event: Event, people: Directory, taken: set[ClaimKey] | None = None, rules: Rulebook = RULES) -> Outcome:
    return decided_all([event], people, taken, rules)


def decided_all(batch: Iterable[Event], people: Directory, taken: set[ClaimKey] | None = None, rules: Rulebook = RULES) -> Outcome:
    plans = [one for event in batch for one in plan(event, rules)]
    claimings = [claiming(resolve_case(Case(one), people, NOW)) for one in plans]
    return decide(claimings, taken if taken is not None else set())


def told(outcome: Outcome) -> list[tuple[str, str]]:
    """(person, hop) of each message, sorted."""
    return sorted((message.found.told.person, message.found.hop) for message in outcome.messages.values())


def reasons(outcome: Outcome, kind: str = "none") -> list[str]:
    return [decision.reason for decision in outcome.decisions if decision.outcome == kind]
