"""Who stands in for whom, who is waited for, and when a chain is empty."""

from datetime import date
from importlib.resources import files

import pytest
import yaml
from tests.unit.rules.reminders_support import line, overdue
from tests.unit.rules.rules_support import NOW, RULES, budget_expired, decided, directory, goods_received, person, reasons, told

from notification_rules.domain import rulebook
from notification_rules.domain.deciding import claiming, decide
from notification_rules.domain.people import Directory
from notification_rules.domain.rulebook import Rulebook
from notification_rules.domain.undecided import Undecided, look_again, resolve_case

HOLIDAY = {"absent_from": date(2026, 11, 20), "absent_until": date(2026, 11, 30), "deputy": "deputy"}
ROLES = {("company-administrator", "buyer"): ("admin",)}


def test_the_deputy_of_an_absent_person_is_told_and_the_hop_says_so() -> None:
    outcome = decided(goods_received(("1", "anna")), directory(person("anna", **HOLIDAY), person("deputy")))
    assert told(outcome) == [("deputy", "orderer → deputy")]
    (message,) = outcome.messages.values()
    assert message.found.because == "you ordered these goods; you stand in for Anna, who is absent"


def test_the_deputy_counts_as_the_person_replaced_for_the_claim() -> None:
    taken: set[tuple[str, str, str]] = set()
    decided(goods_received(("1", "anna")), directory(person("anna", **HOLIDAY), person("deputy")), taken)
    back = decided(goods_received(("1", "anna")), directory(person("anna")), taken)
    assert told(back) == []
    assert told(decided(goods_received(("1", "deputy")), directory(person("deputy")), taken)) == [("deputy", "orderer")]


@pytest.mark.parametrize(
    "absence",
    [
        {"absent_from": date(2026, 11, 24), "absent_until": None},
        {"absent_from": None, "absent_until": date(2026, 11, 22)},
        {"absent_from": None, "absent_until": None},
        {"deputy": None},
        {"deputy": "gone"},
        {"deputy": "absent-too"},
        {"deputy": "nobody"},
    ],
)
def test_present_or_without_a_deputy_who_is_here_as_if_present(absence: dict[str, object]) -> None:
    others = [person("deputy"), person("gone", active=False), person("absent-too", **HOLIDAY)]
    people = directory(person("anna", **{**HOLIDAY, **absence}), *others)
    assert told(decided(goods_received(("1", "anna")), people)) == [("anna", "orderer")]


@pytest.mark.parametrize(("zone", "deputy"), [("Pacific/Kiritimati", True), ("Pacific/Pago_Pago", False), ("Nowhere/At_All", False)])
def test_the_first_day_begins_in_the_persons_own_zone(zone: str, *, deputy: bool) -> None:
    tomorrow = {"absent_from": date(2026, 11, 24), "absent_until": date(2026, 11, 24), "deputy": "deputy", "zone": zone}
    outcome = decided(goods_received(("1", "anna")), directory(person("anna", **tomorrow), person("deputy")))
    assert told(outcome) == [("deputy", "orderer → deputy") if deputy else ("anna", "orderer")]


def test_an_absent_administrator_has_a_deputy_too_and_who_would_get_two_gets_one() -> None:
    roles = {("company-administrator", "buyer"): ("admin", "deputy")}
    people = directory(person("admin", **HOLIDAY), person("deputy"), roles=roles)
    outcome = decided(budget_expired(), people)
    assert len(outcome.messages) == 1
    assert told(outcome) == [("deputy", "company administrator → deputy, company administrator")]


def test_somebody_unknown_is_waited_for_and_nobody_else_is_told_meanwhile() -> None:
    outcome = decided(goods_received(("1", "anna"), ("2", "new")), directory(person("anna"), person("admin"), roles=ROLES))
    assert (outcome.messages, outcome.claims) == ({}, {})
    ((_, waiting),) = outcome.undecided
    assert (waiting.kind, waiting.tellings) == ("unknown", ("anna", "new"))
    assert "person demo//new" in waiting.awaits
    assert reasons(outcome, "undecided") == ["the orderer new is not in the directory yet"]


def test_an_empty_chain_is_unroutable_and_says_at_each_hop_why() -> None:
    outcome = decided(budget_expired(manager="gone"), directory(person("gone", active=False)))
    (reason,) = reasons(outcome, "unroutable")
    assert reason == (
        "nobody to tell: the budget manager gone is inactive; there is no active company administrator of buyer; "
        "there is no active system administrator"
    )
    ((_, waiting),) = outcome.undecided
    assert waiting.kind == "nobody"
    assert {"person demo//gone", "role demo/company-administrator/buyer", "role demo/administrator/"} == set(waiting.awaits)


def test_an_empty_chain_for_some_lines_does_not_keep_the_others_waiting() -> None:
    outcome = decided(goods_received(("1", "anna"), ("2", "gone")), directory(person("anna"), person("gone", active=False)))
    assert told(outcome) == [("anna", "orderer")]
    ((_, waiting),) = outcome.undecided
    assert (waiting.kind, waiting.tellings) == ("nobody", ("gone",))


def _again(undecided: Undecided, people: Directory, rules: Rulebook = RULES) -> tuple[list[tuple[str, str]], list[tuple[str, str]]]:
    outcome = decide([claiming(resolve_case(look_again(undecided, rules), people, NOW))], set())
    return told(outcome), [(one.outcome, one.reason) for one in outcome.decisions if one.outcome != "message"]


def test_after_its_time_an_unknown_person_is_a_hop_that_failed() -> None:
    event = goods_received(("1", "new"))
    people = directory(person("admin"), roles=ROLES)
    early = Undecided(event, "goods-receipt", "unknown", ("new",), expired=False)
    assert _again(early, people)[0] == []
    late = Undecided(event, "goods-receipt", "unknown", ("new",), expired=True)
    assert _again(late, people)[0] == [("admin", "company administrator")]
    assert _again(late, directory())[1][0][0] == "unroutable"


def test_after_its_time_an_empty_chain_is_given_up_with_its_reason() -> None:
    undecided = Undecided(budget_expired(), "budget-expired", "nobody", ("",), expired=True)
    ((outcome, reason),) = _again(undecided, directory())[1]
    assert outcome == "none"
    assert reason.startswith("given up: nobody to tell: ")
    assert _again(undecided, directory(person("admin"), roles=ROLES))[0] == [("admin", "company administrator")]


def test_only_what_is_still_open_is_decided_again() -> None:
    undecided = Undecided(goods_received(("1", "anna"), ("2", "gone")), "goods-receipt", "nobody", ("gone",), expired=False)
    assert _again(undecided, directory(person("anna"), person("gone")))[0] == [("gone", "orderer")]


def test_a_rule_that_is_gone_ends_the_waiting() -> None:
    undecided = Undecided(budget_expired(), "old-name", "nobody", ("",), expired=False)
    assert _again(undecided, directory())[1] == [("none", "the rule old-name is no longer in force")]


def test_a_rule_with_other_chains_by_now_tells_all_that_is_not_told_yet() -> None:
    """The house's rule has one chain for the budget, the customer's one for each of two people."""
    own = {
        "name": "ours",
        "event": "BudgetExpired.v1",
        "replaces": "budget-expired",
        "message_type": "ours",
        "for_each": "[owner, manager]",
        "recipients": [{"hop": "anybody", "person": "each", "because": "it is yours"}],
        "claim": {"key": "[budget, R]", "about": "budget", "told": "told before"},
    }
    rules = rulebook.parse(
        files("notification_rules").joinpath("rules.yaml").read_text("utf-8"), {"own.yaml": yaml.safe_dump({"rules": [own]})}
    )
    event, people = budget_expired(owner="anna", manager="ben"), directory(person("anna"), person("ben"))
    for kind, open_, expected in (("nobody", "", ["anna", "ben"]), ("unknown", "", ["anna", "ben"]), ("nobody", "ben", ["ben"])):
        undecided = Undecided(event, "budget-expired", kind, (open_,), expired=False)
        assert [who for who, _ in _again(undecided, people, rules)[0]] == expected


def test_what_was_withdrawn_of_what_waits_stays_so_under_any_rule() -> None:
    event = overdue(line("1"), line("2"))
    undecided = Undecided(event, "delivery-note-reminder-requester", "unknown", ("anna",), expired=False, void=frozenset({"order-1/1"}))
    waiting = resolve_case(look_again(undecided, RULES), directory(), NOW).waiting
    assert waiting is not None
    assert waiting.void == ("order-1/1",)


def test_another_systems_people_and_companies_are_found_by_their_aliases() -> None:
    aliases = {("demo", "person", "erp", "4711"): "anna", ("demo", "company", "erp", "AT01"): "buyer"}
    people = directory(person("anna"), person("4711"), person("admin"), roles=ROLES, aliases=aliases)
    erp = {"emitter": "erp", "company": "AT01"}
    assert told(decided(budget_expired(manager="4711", attributes=erp), people)) == [("anna", "budget manager")]
    assert told(decided(budget_expired(manager="anna", attributes=erp), people)) == [("anna", "budget manager")]
    assert told(decided(budget_expired(attributes=erp), people)) == [("admin", "company administrator")]
    # Our own services name people by the directory's ids, and other systems have their own aliases.
    assert told(decided(budget_expired(manager="4711"), people)) == [("4711", "budget manager")]
    assert told(decided(budget_expired(manager="4711", attributes={"emitter": "sap"}), people)) == [("4711", "budget manager")]
