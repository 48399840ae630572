"""What a recipient reads of why they were told: their language, people's names, each thing once."""

from datetime import date

import pytest
from tests.unit.rules.rules_support import budget_expired, decided, directory, event, goods_received, person, reasons

from notification_rules.domain.deciding import Outcome
from notification_rules.domain.letters import asked
from notification_rules.domain.preferences import AT_ONCE
from postroom.contracts.registrations import CarbonCopyUserRegistered

ROLES = {("company-administrator", "buyer"): ("admin",), ("administrator", ""): ("system",)}


def _reasons(outcome: Outcome) -> dict[str, str]:
    return {one.found.told.person: asked(one, AT_ONCE).reason for one in outcome.messages.values()}


@pytest.mark.parametrize(
    ("language", "reason"),
    [
        ("en", "you ordered these goods"),
        ("de", "Sie haben diese Ware bestellt"),
        ("de-AT", "Sie haben diese Ware bestellt"),
        ("DE", "Sie haben diese Ware bestellt"),
        ("fr", "you ordered these goods"),
        ("den", "you ordered these goods"),
    ],
)
def test_the_language_is_the_recipients(language: str, reason: str) -> None:
    outcome = decided(goods_received(("1", "anna")), directory(person("anna", language=language)))
    assert _reasons(outcome) == {"anna": reason}
    assert [one.reason for one in outcome.decisions] == ["you ordered these goods"]


@pytest.mark.parametrize(
    ("language", "reason"),
    [
        (
            "en",
            "; the budget manager, Gone, is no longer active; there is no active company administrator",
        ),
        (
            "de",
            "; Budgetverantwortliche/r: Gone ist nicht mehr aktiv; Unternehmensadministrator/in: niemand aktiv",
        ),
    ],
)
def test_what_failed_before_names_people(language: str, reason: str) -> None:
    people = directory(person("gone", active=False), person("system", language=language), roles=ROLES)
    outcome = decided(budget_expired(manager="gone"), people)
    assert _reasons(outcome)["system"].endswith(reason)
    (decision,) = outcome.decisions
    assert decision.reason.endswith("; the budget manager gone is inactive; there is no active company administrator of buyer")


@pytest.mark.parametrize("company", [None, "buyer"])
def test_what_is_not_set(company: str | None) -> None:
    people = directory(person("system", language="de"), roles=ROLES)
    outcome = decided(budget_expired(attributes={"company": company}), people)
    no_company = "kein Unternehmen genannt" if company is None else "niemand aktiv"
    assert _reasons(outcome)["system"].endswith(
        f"; Budgetverantwortliche/r: niemand eingetragen; Unternehmensadministrator/in: {no_company}"
    )


def test_a_deputy_reads_whom_they_stand_in_for_in_their_own_language() -> None:
    away = {"absent_from": date(2026, 11, 20), "absent_until": None, "deputy": "dan", "language": "en"}
    people = directory(person("anna", **away), person("dan", language="de"))
    assert _reasons(decided(goods_received(("1", "anna")), people)) == {
        "dan": "Sie haben diese Ware bestellt; Sie vertreten Anna (abwesend)"
    }


def test_who_stands_in_for_several_gets_one_message_with_all_their_lines() -> None:
    away = {"absent_from": date(2026, 11, 20), "absent_until": None, "deputy": "dan"}
    people = directory(person("anna", **away), person("ben", **away), person("dan"))
    outcome = decided(goods_received(("1", "anna"), ("2", "ben"), ("3", "dan"), ("4", "anna")), people)
    assert _reasons(outcome) == {
        "dan": "you ordered these goods; you stand in for Anna, who is absent; you stand in for Ben, who is absent"
    }
    (message,) = outcome.messages.values()
    assert [one["line"] for one in message.facts["lines"]] == ["1", "2", "3", "4"]
    assert (message.found.hop, len(outcome.claims)) == ("orderer → deputy, orderer", 3)
    # Each was told by this, whoever comes back first.
    assert (
        reasons(decided(goods_received(("1", "anna"), ("2", "ben")), directory(person("anna"), person("ben")), set(outcome.claims)))
        == ["this person has been told of this delivery note's receipt before"] * 2
    )


def test_who_is_reached_by_two_chains_reads_each_reason_once() -> None:
    fact = CarbonCopyUserRegistered.model_validate(
        {"carbon_copy_user": "cc", "user": "nina", "name": "Nina", "logged_on_at": "2026-11-23T09:00:00Z"}
    )
    outcome = decided(event(fact), directory(person("system"), roles={("administrator", ""): ("system",)}))
    assert _reasons(outcome) == {"system": "you administer the system; there is no active company administrator"}
