"""What operators do with what is parked: look at it, replay it (one, mended or not, or all that have something in common), discard it."""

import asyncio
import time
from collections.abc import Sequence
from typing import Annotated, Any, Self

import structlog
from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field, model_validator

from postroom import parked
from postroom.auth import Operator
from postroom.blobs import BlobsAwayError
from postroom.broker.pieces import SLOW_SECONDS
from postroom.cancellation import obey_cancellation
from postroom.contracts.errors import Refused
from postroom.db import Pool, is_well
from postroom.intake import Intake, too_costly
from postroom.parked import Matching, NotOpenError
from postroom.problems import Problem

log = structlog.get_logger()
# How much of a replay of many one request does: its answer comes while somebody still waits for it.
AT_ONCE, FOR_SECONDS = 500, 3.0
# And of one alone, which a transaction may hold for as long as the gateway waits for an answer.
ONE_SECONDS = 40.0
_Text = Annotated[str, Field(max_length=500)]


class Mended(BaseModel):
    """A corrected value (a structured CloudEvent, or the XML), or null for the record as it came."""

    model_config = ConfigDict(extra="forbid")

    value: str | None = None


class Filter(BaseModel):
    """All open ones that have these in common; null matches all."""

    model_config = ConfigDict(extra="forbid")

    reason: _Text | None = None
    topic: _Text | None = None
    emitter: _Text | None = None
    until: int | None = Field(default=None, ge=0, lt=1 << 63, description="a row's number: nothing that was parked later")

    @property
    def matching(self) -> Matching:
        """As the table is asked."""
        return Matching(self.reason, self.topic, self.emitter, self.until)


class Replaying(Filter):
    """What to replay, and from where on."""

    after: int = Field(default=0, ge=0, lt=1 << 63, description="`next` of the answer before")


class Discarding(Filter):
    """What to discard."""

    @model_validator(mode="after")
    def _of_a_kind(self) -> Self:
        if self.reason is None and self.topic is None and self.emitter is None:
            raise ValueError("say which ones: a `reason`, a `topic` or an `emitter`")
        return self


class StillRefused(BaseModel):
    """One that stays parked, and why."""

    id: int
    reason: str
    detail: str
    path: str


class Replayed(BaseModel):
    """What came of some."""

    replayed: int
    refused: list[StillRefused]
    next: int | None = Field(description="`after` of the next request; null when all were tried")


def router(pool: Pool, intake: Intake | None) -> APIRouter:
    """The routes below /parked; without an intake nothing can be parked, nor replayed."""
    routes = APIRouter(prefix="/parked")
    _add_many(routes, pool, intake)
    _add_one(routes, pool, intake)
    return routes


def _add_many(routes: APIRouter, pool: Pool, intake: Intake | None) -> None:
    @routes.get("")
    async def list_parked(_: Operator, *, closed: bool = False, event: str | None = None) -> dict[str, Any]:
        """The newest, and how many there are of which kind."""
        async with pool.acquire() as connection, connection.transaction(isolation="repeatable_read", readonly=True):
            rows = await parked.find(connection, only_open=not closed, event_id=event)
            return {"parked": [*map(summary, rows)], "kinds": [] if event else await parked.kinds(connection)}

    @routes.get("/kinds")
    async def list_kinds(_: Operator) -> dict[str, Any]:
        """How many there are of which kind, for who settles many."""
        async with pool.acquire() as connection:
            return {"kinds": await parked.kinds(connection)}

    @routes.post("/replay", response_model=Replayed)
    async def replay_many(_: Operator, asked: Replaying) -> dict[str, Any]:
        """Replay those that match, as they came, in the order in which they were parked: some seconds of it, `next` says where to go on."""
        async with pool.acquire() as connection:
            numbers = await parked.numbers(connection, asked.matching, asked.after, AT_ONCE + 1)
        if intake is None or not numbers:
            return {"replayed": 0, "refused": [], "next": None}
        return await _replay(pool, intake, numbers)

    @routes.post("/discard")
    async def discard_many(_: Operator, asked: Discarding) -> dict[str, Any]:
        """Close those that match without processing; they stay in the table as discarded."""
        async with pool.acquire() as connection:
            return {"discarded": await parked.discard(connection, asked.matching)}


def _add_one(routes: APIRouter, pool: Pool, intake: Intake | None) -> None:
    @routes.get("/{parked_id}")
    async def show_parked(_: Operator, parked_id: int) -> dict[str, Any]:
        async with pool.acquire() as connection:
            row = await parked.get(connection, parked_id)
        if row is None:
            raise _unknown(parked_id)
        return shown(row)

    @routes.post("/{parked_id}/replay")
    async def replay(_: Operator, parked_id: int, mended: Mended) -> dict[str, Any]:
        if intake is None:
            raise _unknown(parked_id)
        try:
            await _try(pool, intake, parked_id, None if mended.value is None else mended.value.encode())
        except NotOpenError as error:
            raise _unknown(parked_id) from error
        except Refused as refusal:
            raise Problem(422, refusal.reason, f"Still refused, and still parked: {refusal.detail}", refusal.path or None) from refusal
        return {"id": parked_id, "closed_by": "replayed" if mended.value is None else "mended"}

    @routes.post("/{parked_id}/discard")
    async def discard(_: Operator, parked_id: int) -> dict[str, Any]:
        async with pool.acquire() as connection, connection.transaction():
            row = await parked.get(connection, parked_id)
            if row is None or row["closed_at"] is not None:
                raise _unknown(parked_id)
            await parked.close(connection, parked_id, "discarded")
        return {"id": parked_id, "closed_by": "discarded"}


async def _replay(pool: Pool, intake: Intake, numbers: Sequence[int]) -> dict[str, Any]:
    """Each in a transaction of its own; one that is refused again stays, and the others go on. Raises what the world did to the first."""
    done, replayed, refused, until = 0, 0, list[dict[str, Any]](), time.monotonic() + FOR_SECONDS
    for number in numbers[:AT_ONCE]:
        try:
            await _try(pool, intake, number)
            replayed += 1
        except NotOpenError:
            pass  # somebody else was faster
        except Refused as refusal:
            refused.append({"id": number, "reason": refusal.reason, "detail": refusal.detail, "path": refusal.path})
        except Exception:
            if not done:
                raise
            break  # what was done is told, and the next request meets what is wrong
        done = number
        if time.monotonic() > until:
            break
    return {"replayed": replayed, "refused": refused, "next": done if done < numbers[-1] else None}


async def _try(pool: Pool, intake: Intake, number: int, mended: bytes | None = None) -> None:
    """Replay it. Raises NotOpenError, Refused, also where it takes too long or a lock is in its way, or what the world did."""
    began = time.monotonic()
    try:
        async with asyncio.timeout(ONE_SECONDS):
            await intake.replay(number, mended)
    except (NotOpenError, Refused, BlobsAwayError):
        raise
    except Exception as error:
        obey_cancellation()
        slow = time.monotonic() - began > SLOW_SECONDS
        if not await is_well(pool):
            raise
        log.warning("a replay failed while the database was well", parked=number, error=repr(error))
        if slow:
            raise too_costly(f"it took more than {SLOW_SECONDS:g} s") from error
        raise Refused("failed", f"it could not be done just now: {type(error).__name__}: {error}. Try it again") from error


def _unknown(parked_id: int) -> Problem:
    return Problem(
        404, "not_parked", f"No open parked record has the number {parked_id} here. List them with GET /parked, or postroom parked list."
    )


def shown(row: dict[str, Any], cut: int | None = None) -> dict[str, Any]:
    """A parked row as JSON, its bytes cut to so many characters; those that are no UTF-8 stay visible as escapes."""
    return {name: parked.readable(value)[:cut] if isinstance(value, bytes) else value for name, value in row.items()}


def summary(row: dict[str, Any]) -> dict[str, Any]:
    """As lists show it: GET /operations/parked/{id} shows the whole."""
    return shown(row, cut=parked.LISTED_CHARACTERS)
