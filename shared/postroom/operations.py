"""What every service tells its operators, and what they may do with what is parked."""

from collections.abc import Awaitable, Callable
from typing import Any

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict

from postroom import outbox, parked
from postroom.auth import Operator
from postroom.broker import Consumer
from postroom.contracts.errors import Refused
from postroom.db import Connection, Pool
from postroom.intake import Intake
from postroom.problems import Problem
from postroom.settings import ServiceSettings

# A list of documents of 10 MB each would be no list; GET /operations/parked/{id} shows the whole.
LISTED_CHARACTERS = 500
Figures = Callable[[Connection], Awaitable[dict[str, Any]]]


class Mended(BaseModel):
    """A corrected value (a structured CloudEvent, or the XML), or null for the record as it came."""

    model_config = ConfigDict(extra="forbid")

    value: str | None = None


def router(settings: ServiceSettings, pool: Pool, intake: Intake | None, consumer: Consumer | None, figures: Figures) -> APIRouter:
    """The routes below /operations, for operators only."""
    routes = APIRouter(prefix="/operations", tags=["operations"])
    _add_parked(routes, pool, intake)

    @routes.get("/status")
    async def status(_: Operator) -> dict[str, Any]:
        lag = await consumer.lag() if consumer else {}
        async with pool.acquire() as connection:
            return {
                "service": settings.service,
                "lag": lag,
                "outbox": await outbox.depth(connection),
                "parked": await parked.count(connection),
                "duplicates": await parked.duplicates(connection),
                **await figures(connection),
            }

    return routes


def _add_parked(routes: APIRouter, pool: Pool, intake: Intake | None) -> None:
    @routes.get("/parked")
    async def list_parked(_: Operator, *, closed: bool = False, event: str | None = None) -> dict[str, Any]:
        async with pool.acquire() as connection:
            return {
                "parked": [shown(row, cut=LISTED_CHARACTERS) for row in await parked.find(connection, only_open=not closed, event_id=event)]
            }

    @routes.get("/parked/{parked_id}")
    async def show_parked(_: Operator, parked_id: int) -> dict[str, Any]:
        async with pool.acquire() as connection:
            row = await parked.get(connection, parked_id)
        if row is None:
            raise _unknown(parked_id)
        return shown(row)

    @routes.post("/parked/{parked_id}/replay")
    async def replay(_: Operator, parked_id: int, mended: Mended) -> dict[str, Any]:
        if intake is None:
            raise _unknown(parked_id)
        try:
            await intake.replay(parked_id, None if mended.value is None else mended.value.encode())
        except KeyError as error:
            raise _unknown(parked_id) from error
        except Refused as refusal:
            raise Problem(422, refusal.reason, f"Still refused, and still parked: {refusal.detail}", refusal.path or None) from refusal
        return {"id": parked_id, "closed_by": "replayed" if mended.value is None else "mended"}

    @routes.post("/parked/{parked_id}/discard")
    async def discard(_: Operator, parked_id: int) -> dict[str, Any]:
        async with pool.acquire() as connection, connection.transaction():
            row = await parked.get(connection, parked_id)
            if row is None or row["closed_at"] is not None:
                raise _unknown(parked_id)
            await parked.close(connection, parked_id, "discarded")
        return {"id": parked_id, "closed_by": "discarded"}


def _unknown(parked_id: int) -> Problem:
    return Problem(
        404, "not_parked", f"No open parked record has the number {parked_id} here. List them with GET /parked, or postroom parked list."
    )


def shown(row: dict[str, Any], cut: int | None = None) -> dict[str, Any]:
    """A parked row as JSON, its bytes cut to so many characters; those that are no UTF-8 stay visible as escapes."""
    return {name: parked.readable(value)[:cut] if isinstance(value, bytes) else value for name, value in row.items()}
