"""What every service tells its operators, and what they may do with what is parked."""

from collections.abc import Awaitable, Callable
from typing import Any, Literal, Protocol

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict

from postroom import older_copy, outbox, parked, settling
from postroom.auth import Operator
from postroom.broker import Consumer
from postroom.db import Connection, Pool
from postroom.intake import Intake
from postroom.settings import ServiceSettings

Figures = Callable[[Connection], Awaitable[dict[str, Any]]]


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
    routes.include_router(settling.router(pool, intake))
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
