"""What a message shows besides its facts: who it comes from, what a click opens, which order; and who is not told of their own doing."""

from datetime import date
from typing import Any

import pytest
from tests.unit.rules.rules_support import ORDER, decided, directory, event, log_created, person, reasons, told

from notification_rules.domain.deciding import Outcome
from notification_rules.domain.letters import asked, order_id, order_number
from notification_rules.domain.preferences import AT_ONCE
from postroom.contracts import ids
from postroom.contracts.catalogs import CatalogItemsChanged
from postroom.contracts.demand import QuantityRequestReplied, TemplateDue
from postroom.contracts.event import Event
from postroom.contracts.inboxes import MessageForwarded
from postroom.contracts.invoices import InvoiceCheckFailed
from postroom.contracts.messages import MessageRequested

PEOPLE = directory(person("anna"), person("ben"), person("cara"))


def _one(outcome: Outcome) -> MessageRequested:
    (message,) = outcome.messages.values()
    return asked(message, AT_ONCE)


def _catalog(managers: list[str], actor: str | None = None, cause: str = "changed", **attributes: Any) -> Event:
    changes = [{"item": "p1", "kind": "price", "valid_until": "2026-11-22"}]
    data = {"catalog": "C1", "version": 2, "managers": managers, "cause": cause, "changes": changes}
    return event(CatalogItemsChanged.model_validate(data), actor=actor, **attributes)


def _forwarded(to: list[str], **fields: Any) -> Event:
    data = {"message": "m", "forward": "f", "by": "ben", "to": to, "subject": "s", "created_at": "2026-11-23T09:00:00Z", **fields}
    return event(MessageForwarded.model_validate(data), emitter="mailer-service")


def test_the_sender_is_the_events_actor_if_the_directory_knows_them() -> None:
    assert _one(decided(_catalog(["cara"], actor="ben"), PEOPLE)).sender == "Ben"
    assert _one(decided(_catalog(["cara"], actor="system-4711"), PEOPLE)).sender == ""
    assert _one(decided(_catalog(["cara"]), PEOPLE)).sender == ""


def test_another_systems_actor_is_found_by_the_alias() -> None:
    people = directory(person("ben"), person("cara"), aliases={("demo", "person", "erp", "4711"): "ben"})
    assert _one(decided(_catalog(["cara"], actor="4711", emitter="erp"), people)).sender == "Ben"


def test_a_rule_may_name_the_sender_as_a_person_or_by_name() -> None:
    assert _one(decided(log_created(["anna"]), PEOPLE)).sender == "Sue"
    data = {"request": "Q", "name": "Salt", "reply": "Q/ben", "requester": "ben", "purchaser": "anna", "lines": []}
    data |= {"replied_at": "2026-11-23T09:00:00Z", "replied_on": "2026-11-23"}
    assert _one(decided(event(QuantityRequestReplied.model_validate(data)), PEOPLE)).sender == "Ben"
    named = {**data, "requester_name": "Ben from the yard"}
    assert _one(decided(event(QuantityRequestReplied.model_validate(named)), PEOPLE)).sender == "Ben from the yard"


def test_a_template_or_quantity_request_opens_as_what_it_is() -> None:
    data = {"template": "T1", "kind": "quantity-request", "name": "Salt", "occurrence": "2026-11-23"}
    fact = TemplateDue.model_validate({**data, "assigned": [{"person": "anna", "role": "buyer"}]})
    opens = _one(decided(event(fact), PEOPLE)).opens
    assert opens is not None
    assert (opens.what, opens.id) == ("quantity-request", "T1")


def test_a_forward_reaches_each_and_opens_what_the_message_did() -> None:
    opens = {"what": "order", "id": "order-1"}
    outcome = decided(_forwarded(["anna", "cara"], opens=opens, order_number="4321"), PEOPLE)
    assert told(outcome) == [("anna", "person it was forwarded to"), ("cara", "person it was forwarded to")]
    facts = [asked(one, AT_ONCE) for one in outcome.messages.values()]
    assert {(one.sender, one.order, one.order_number, one.opens and one.opens.id) for one in facts} == {
        ("Ben", "order-1", "4321", "order-1")
    }


def test_a_forward_of_what_opens_nothing_and_to_somebody_who_has_left() -> None:
    outcome = decided(_forwarded(["gone", "anna"], by_name="Ben B."), directory(person("gone", active=False), person("anna")))
    fact = _one(outcome)
    assert (fact.recipient.person, fact.opens, fact.order, fact.sender) == ("anna", None, None, "Ben B.")
    assert reasons(outcome) == ["this person can't be reached (the person it was forwarded to gone is inactive)"]


@pytest.mark.parametrize(("orders", "number"), [([], ""), (["4711"], "4711"), (["4711", "4712"], "")])
def test_a_failed_invoice_of_one_order_is_found_by_its_number(orders: list[str], number: str) -> None:
    failed = event(InvoiceCheckFailed.model_validate({"invoice": "I1", "number": "88", "code": "PRI", "orders": orders}))
    assert (order_number(failed), order_id(failed)) == (number, None)


@pytest.mark.parametrize("cause", ["changed", "expired"])
def test_ones_own_change_is_passed_over_and_nobody_is_told_instead(cause: str) -> None:
    roles = {("catalog-manager", "buyer"): ("cara", "ben"), ("company-administrator", "buyer"): ("anna",)}
    people = directory(person("anna"), person("ben"), person("cara"), roles=roles)
    outcome = decided(_catalog(["cara"], actor="cara", cause=cause), people)
    assert (told(outcome), outcome.undecided) == ([], [])
    assert [(one.person, one.reason) for one in outcome.decisions if one.person] == [("cara", "this person made the change")]


def test_ones_own_change_under_an_alias() -> None:
    people = directory(person("ben"), person("cara"), aliases={("demo", "person", "erp", "4711"): "cara"})
    assert told(decided(_catalog(["cara", "ben"], actor="4711", emitter="erp"), people)) == [("ben", "catalog manager")]


def test_a_deputy_who_made_the_change_is_no_stand_in() -> None:
    away = person("cara", deputy="ben", absent_from=date(2026, 11, 20))
    assert told(decided(_catalog(["cara"], actor="ben"), directory(away, person("ben")))) == [("cara", "catalog manager")]
    assert told(decided(_catalog(["cara"], actor="anna"), directory(away, person("ben")))) == [("ben", "catalog manager → deputy")]


def test_the_order_of_an_event_is_its_own_or_its_emitters() -> None:
    assert (order_id(log_created([])), order_number(log_created([]))) == (ORDER["id"], ORDER["number"])


def test_no_two_things_within_things_are_alike() -> None:
    """Or the note of order x/1, line 2, would withdraw the reminder of order x, line 1/2."""
    assert ids.path("4711", "1") == "4711/1"
    assert len({ids.path("x/1", "2"), ids.path("x", "1/2"), ids.path("x%2F1", "2")}) == 3
