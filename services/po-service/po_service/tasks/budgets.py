"""The task *Check budgets* (type 5)."""

from collections.abc import Sequence
from datetime import date

from po_service.domain import budgets as domain
from po_service.store import budgets
from po_service.store.raised import raise_once
from po_service.tasks.days import last_today, today
from po_service.tasks.parts import in_parts
from postroom import outbox
from postroom.contracts.control import BudgetExpired
from postroom.db import Connection

BUDGETS_AT_ONCE = 1_000


async def check_budgets(connection: Connection, tenant: str | None, as_of: date | None) -> int:
    """BudgetExpired for each budget that has run out, once per period and reason; returns how many."""
    found = await budgets.candidates(connection, tenant, last_today(as_of))
    return await in_parts(connection, found, BUDGETS_AT_ONCE, lambda part: _check(connection, part, as_of))


async def _check(connection: Connection, keys: Sequence[budgets.Key], as_of: date | None) -> int:
    found = await budgets.locked(connection, keys)
    due = [(budget, reason) for budget in found for reason in domain.reasons(budget, today(budget.zone, as_of))]
    fresh = await raise_once(connection, BudgetExpired.TYPE, [domain.raised_key(*one) for one in due])
    events = [domain.expired(*one) for one in due if domain.raised_key(*one) in fresh]
    await outbox.add(connection, events)
    return len(events)
