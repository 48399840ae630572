"""What operators ask of the rules: why, and what is undecided."""

from typing import Annotated, Any

from fastapi import APIRouter, Query

from notification_rules.store import decisions, undecided
from postroom import db
from postroom.auth import Operator
from postroom.db import Pool
from postroom.http import Problem

EVENTS = 200


def router(pool: Pool) -> APIRouter:
    """The routes; `pool` is the API's, under row-level security."""
    routes = APIRouter(tags=["rules"])

    @routes.get("/explain")
    async def explain(caller: Operator, ref: Annotated[str, Query(min_length=1, max_length=500)]) -> dict[str, Any]:
        """Why an event, message or order led to which messages, and why not.

        `ref`: an event's or a message's id, an order's id or number, or the id of what else events are about (a budget, a template …).
        Of very many events the newest are told, and that there are `more`.
        """
        async with db.as_principal(pool, caller) as connection:
            events = await decisions.explain(connection, ref, EVENTS + 1)
        if not events:
            raise Problem(404, "unknown_reference", f"No event is known to the rules that is {ref!r}, is about it, or led to it.", "ref")
        return {"events": events[-EVENTS:], "more": len(events) > EVENTS}

    @routes.get("/undecided")
    async def list_undecided(caller: Operator, limit: Annotated[int, Query(ge=1, le=1000)] = 200) -> dict[str, Any]:
        """Events that wait for a person to be known (unknown), or for anybody at all (nobody)."""
        async with db.as_principal(pool, caller) as connection:
            return {"undecided": await undecided.waiting(connection, limit)}

    return routes
