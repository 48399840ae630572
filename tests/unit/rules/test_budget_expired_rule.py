"""Type 5, "Expiry of budgets": the relevant budget manager; for user budgets the user, for cost code or credit card budgets the
relevant manager, alternatively the administrator or system administrator.
"""

import pytest
from tests.unit.rules.rules_support import budget_expired, decided, decided_all, directory, person, reasons, told

from notification_rules.domain.letters import requested

OWNER, MANAGER, ADMIN, SYSTEM = person("owner"), person("manager"), person("admin"), person("system")
ROLES = {("company-administrator", "buyer"): ("admin",), ("administrator", ""): ("system",)}
PEOPLE = directory(OWNER, MANAGER, ADMIN, SYSTEM, roles=ROLES)


@pytest.mark.parametrize(
    ("kind", "recipient"),
    [
        ("user", ("owner", "budget owner")),
        ("cost-code", ("manager", "budget manager")),
        ("credit-card", ("manager", "budget manager")),
        ("other", ("manager", "budget manager")),
        ("a kind of next year", ("manager", "budget manager")),
    ],
)
def test_whose_budget_it_is(kind: str, recipient: tuple[str, str]) -> None:
    assert told(decided(budget_expired(kind, owner="owner", manager="manager"), PEOPLE)) == [recipient]


@pytest.mark.parametrize("manager", [None, "gone"])
@pytest.mark.parametrize("kind", ["cost-code", "credit-card"])
def test_a_manager_who_is_unset_or_has_left_is_replaced_by_the_companys_administrator(kind: str, manager: str | None) -> None:
    people = directory(person("gone", active=False), ADMIN, SYSTEM, roles=ROLES)
    outcome = decided(budget_expired(kind, manager=manager), people)
    assert told(outcome) == [("admin", "company administrator")]
    (message,) = outcome.messages.values()
    why = f"the budget manager {manager} is inactive" if manager else "no budget manager is set"
    assert message.found.because == f"you administer the company that this belongs to; {why}"


def test_the_manager_of_a_user_budget_is_not_asked_when_its_user_has_left() -> None:
    people = directory(person("owner", active=False), MANAGER, ADMIN, roles=ROLES)
    assert told(decided(budget_expired("user", owner="owner", manager="manager"), people)) == [("admin", "company administrator")]


def test_without_an_administrator_of_the_company_the_system_administrator() -> None:
    for roles in ({("administrator", ""): ("system",)}, {**ROLES, ("company-administrator", "buyer"): ("gone",)}):
        people = directory(person("gone", active=False), SYSTEM, ADMIN, roles=roles)
        assert told(decided(budget_expired(), people)) == [("system", "system administrator")]


def test_the_administrator_of_another_company_is_not_asked() -> None:
    people = directory(ADMIN, SYSTEM, roles={("company-administrator", "other"): ("admin",), ("administrator", ""): ("system",)})
    assert told(decided(budget_expired(), people)) == [("system", "system administrator")]


def test_an_event_without_a_company_goes_to_the_system_administrator() -> None:
    outcome = decided(budget_expired(attributes={"company": None}), PEOPLE)
    assert told(outcome) == [("system", "system administrator")]


def test_several_holders_of_a_role_get_one_message_each() -> None:
    people = directory(ADMIN, person("admin2"), roles={("company-administrator", "buyer"): ("admin", "admin2")})
    assert told(decided(budget_expired(), people)) == [("admin", "company administrator"), ("admin2", "company administrator")]


def test_once_per_period_and_reason_and_nobody_new_is_told_of_an_old_expiry() -> None:
    taken: set[tuple[str, str, str]] = set()
    assert told(decided(budget_expired(manager="manager"), PEOPLE, taken))
    later = decided(budget_expired(manager="admin"), PEOPLE, taken)
    assert (told(later), reasons(later)) == ([], ["the expiry of this budget in this period, for this reason, has been told before"])
    assert told(decided(budget_expired(manager="manager", reason="exhausted"), PEOPLE, taken))
    assert told(decided(budget_expired(manager="manager", period_start="2027-01-01"), PEOPLE, taken))
    assert told(decided(budget_expired(manager="manager", budget="B2"), PEOPLE, taken))


def test_the_first_of_a_batch_claims_it_for_the_rest() -> None:
    outcome = decided_all([budget_expired(manager="manager"), budget_expired(manager="admin")], PEOPLE)
    assert told(outcome) == [("manager", "budget manager")]
    assert len(outcome.claims) == 1
    assert len(reasons(outcome)) == 1


def test_the_claim_names_all_messages_of_its_decision() -> None:
    people = directory(ADMIN, person("admin2"), roles={("company-administrator", "buyer"): ("admin", "admin2")})
    outcome = decided(budget_expired(), people)
    ((key, taken),) = outcome.claims.items()
    assert (key, taken.about) == (("demo", "budget-expired", '["B1","2026-01-01","date"]'), "B1")
    assert sorted(taken.messages) == sorted(outcome.messages)


def test_two_systems_with_a_budget_b1_have_two_budgets() -> None:
    batch = [
        budget_expired(manager="manager"),
        budget_expired(manager="manager", attributes={"emitter": "erp"}),
        budget_expired(manager="manager", attributes={"emitter": "sap"}),
    ]
    outcome = decided_all(batch, PEOPLE)
    assert {(key[2], taken.about) for key, taken in outcome.claims.items()} == {
        ('["B1","2026-01-01","date"]', "B1"),
        ('erp/["B1","2026-01-01","date"]', "erp/B1"),
        ('sap/["B1","2026-01-01","date"]', "sap/B1"),
    }
    assert len(outcome.messages) == 3


def test_it_is_mandatory() -> None:
    (message,) = decided(budget_expired(manager="manager"), PEOPLE).messages.values()
    assert requested(message).data.model_dump()["mandatory"] is True
