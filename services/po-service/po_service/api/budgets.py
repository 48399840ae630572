"""Budgets."""

from datetime import date
from typing import Annotated, Any, Literal

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field, model_validator

from po_service.api.shapes import Rooms
from po_service.domain.budgets import Budget
from po_service.store import budgets, rows
from postroom.auth import Caller, Operator
from postroom.contracts.fields import DecimalText, Id
from postroom.http import Problem


class BudgetIn(BaseModel):
    """A budget, whole."""

    model_config = ConfigDict(extra="forbid")

    company: Id | None = None
    name: Id
    kind: Literal["user", "cost-code", "credit-card", "other"]
    scope: Annotated[str, Field(max_length=200)] = ""
    period_start: date
    period_end: date
    start_value: DecimalText
    current_value: DecimalText
    currency: Annotated[str, Field(pattern="^[A-Z]{3}$")]
    owner: Id | None = None
    manager: Id | None = None

    @model_validator(mode="after")
    def _ends_after_start(self) -> "BudgetIn":
        if self.period_end < self.period_start:
            raise ValueError("period_end lies before period_start")
        return self


def router(rooms: Rooms) -> APIRouter:
    """PUT and GET /budgets/{id}."""
    routes = APIRouter(tags=["control structures"])

    @routes.put("/budgets/{budget}")
    async def put_budget(caller: Operator, budget: Id, given: BudgetIn) -> dict[str, Any]:
        """Create a budget or replace what is known of it."""
        wanted = rows.of(Budget, given.model_dump(), tenant=caller.tenant, id=budget, zone="UTC")
        async with rooms.seen_by(caller) as connection:
            await budgets.put(connection, wanted)
        return {**rows.plain(wanted), "budget": budget}

    @routes.get("/budgets/{budget}")
    async def show_budget(caller: Caller, budget: str) -> dict[str, Any]:
        """One budget."""
        async with rooms.seen_by(caller) as connection:
            found = await budgets.get(connection, caller.tenant, budget)
        if found is None:
            raise Problem(404, "budget_unknown", f"There is no budget {budget!r} that you may see.")
        return {**rows.plain(found), "budget": found.id}

    return routes
