"""Facts of po-service about control structures: budgets, cost codes and credit cards. Key: the structure."""

from datetime import date
from typing import ClassVar

from pydantic import Field

from postroom.contracts.fields import MAX_DAYS, DecimalText, Fact, Id, Text


class BudgetExpired(Fact):
    """A budget ran out: `reason` is date or exhausted, `kind` user, cost-code, credit-card or other."""

    TYPE: ClassVar[str] = "BudgetExpired.v1"

    budget: Id
    name: Text
    kind: Text
    scope: Text = ""
    period_start: date
    period_end: date
    start_value: DecimalText
    current_value: DecimalText
    currency: Text
    owner: Id | None = None
    manager: Id | None = None
    reason: Text


class ControlStructureExpired(Fact):
    """A cost code or credit card expired: `kind` is cost-code or credit-card, `code` the code or the card's last four digits.

    `as_of` is the company's day on which that was found, plus the days of notice (`lead_days`) that were asked for.
    """

    TYPE: ClassVar[str] = "ControlStructureExpired.v1"

    structure: Id
    kind: Text
    code: Text
    name: Text = ""
    valid_until: date
    as_of: date
    lead_days: int = Field(default=0, ge=0, le=MAX_DAYS)
    person_responsible: Id | None = None
