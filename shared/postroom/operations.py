"""What every service tells its operators, and what they may do with what is parked."""

from collections.abc import Awaitable, Callable
from typing import Any, Literal, Protocol

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict

from postroom import older_copy, outbox, parked
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


class Release(BaseModel):
    """How to go on after an older copy: mails that may be out already are sent all the same, or held, each for a person to decide."""

    model_config = ConfigDict(extra="forbid")

    doubtful: Literal["send", "hold"]


class Doubts(Protocol):
    """What a service that sends knows of what it may have sent before; the others have nothing to say."""

    async def told(self, connection: Connection, tenant: str) -> dict[str, Any]:
        """What was sent, what may have been, and how far this is known; addresses of this tenant alone."""
        ...

    async def settle(self, connection: Connection, how: Release) -> dict[str, int]:
        """Decide, in the transaction that releases. Raises Problem while it isn't known yet what is in doubt."""
        ...


class NoDoubts:
    """Of a service that sends nothing."""

    async def told(self, _connection: Connection, _tenant: str) -> dict[str, Any]:
        """Nothing."""
        return {}

    async def settle(self, _connection: Connection, _how: Release) -> dict[str, int]:
        """Nothing."""
        return {}


def router(
    settings: ServiceSettings,
    pool: Pool,
    intake: Intake | None,
    consumer: Consumer | None,
    figures: Figures,
    doubts: Doubts | None = None,
) -> APIRouter:
    """The routes below /operations, for operators only."""
    routes = APIRouter(prefix="/operations", tags=["operations"])
    _add_parked(routes, pool, intake)
    _add_restore(routes, settings, pool, doubts or NoDoubts())

    @routes.get("/status")
    async def status(_: Operator) -> dict[str, Any]:
        lag = await consumer.lag() if consumer else {}
        async with pool.acquire() as connection:
            held = await older_copy.open_one(connection)
            return {
                "service": settings.service,
                **({"older_copy": held.told} if held else {}),
                "lag": lag,
                "outbox": await outbox.depth(connection),
                "parked": await parked.count(connection),
                "duplicates": await parked.duplicates(connection),
                **await figures(connection),
            }

    return routes


def _add_restore(routes: APIRouter, settings: ServiceSettings, pool: Pool, doubts: Doubts) -> None:
    @routes.get("/restore")
    async def restored(operator: Operator) -> dict[str, Any]:
        async with pool.acquire() as connection:
            held = await older_copy.open_one(connection)
            told = await doubts.told(connection, operator.tenant)
        return {"service": settings.service, "older_copy": held.shown if held else None, **told}

    @routes.post("/restore/release")
    async def release(operator: Operator, how: Release) -> dict[str, Any]:
        async with pool.acquire() as connection, connection.transaction():
            settled = await doubts.settle(connection, how)
            released = await older_copy.release(connection, operator.person)
        return {"service": settings.service, "released": released, **settled}


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
        except parked.NotOpenError as error:
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
