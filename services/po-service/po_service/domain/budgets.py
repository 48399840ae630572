"""Budgets, and when one has run out."""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from po_service.domain.directory import SOURCE
from postroom.contracts import event, ids
from postroom.contracts.control import BudgetExpired
from postroom.contracts.event import Event


@dataclass(frozen=True, slots=True)
class Budget:
    """A budget of a company for a period; `kind` is user, cost-code, credit-card or other, `owner` and `manager` are people."""

    tenant: str
    id: str
    company: str | None
    name: str
    kind: str
    scope: str
    period_start: date
    period_end: date
    start_value: Decimal
    current_value: Decimal
    currency: str
    owner: str | None = None
    manager: str | None = None
    zone: str = "UTC"


def reasons(budget: Budget, today: date) -> list[str]:
    """Why it has run out as of this day in its company's zone: date, exhausted, both or not at all."""
    found = ["date"] if budget.period_end < today else []
    return [*found, "exhausted"] if budget.current_value <= 0 and budget.period_start <= today else found


def raised_key(budget: Budget, reason: str) -> tuple[str, tuple[str, ...]]:
    """Once per period and reason."""
    return budget.tenant, (budget.id, budget.period_start.isoformat(), reason)


def expired(budget: Budget, reason: str) -> Event:
    """BudgetExpired, the same event however often it is asked for."""
    fact = BudgetExpired(
        budget=budget.id,
        name=budget.name,
        kind=budget.kind,
        scope=budget.scope,
        period_start=budget.period_start,
        period_end=budget.period_end,
        start_value=budget.start_value,
        current_value=budget.current_value,
        currency=budget.currency,
        owner=budget.owner,
        manager=budget.manager,
        reason=reason,
    )
    return event.new(
        fact,
        source=SOURCE,
        subject=budget.id,
        tenant=budget.tenant,
        id=ids.stable("budget-expired", budget.tenant, budget.id, budget.period_start, reason),
        company=budget.company,
    )
