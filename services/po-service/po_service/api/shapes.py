"""What the routes share: who asks, and how an order is shown."""

from collections.abc import AsyncIterator, Awaitable, Callable, Collection
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Annotated, Any
from zoneinfo import available_timezones

from fastapi import Header
from pydantic import AfterValidator

from po_service.domain.decoding import Decoder
from po_service.domain.directory import Company
from po_service.domain.orders import Order
from po_service.store import directory, orders, views
from postroom import db, idempotency
from postroom.auth import Principal
from postroom.blobs import Blobs
from postroom.db import Connection, Pool
from postroom.http import Problem
from postroom.intake import Intake


def _zone(value: str) -> str:
    if value not in _ZONES:
        raise ValueError(f"{value!r} is no IANA time zone such as Europe/Vienna")
    return value


# Looked up once: each call reads the disk.
_ZONES = available_timezones()
Zone = Annotated[str, AfterValidator(_zone)]
Key = Annotated[str | None, Header(alias="Idempotency-Key")]


@dataclass(frozen=True, slots=True)
class Rooms:
    """What the routes work with: `pool` sees all and is for documents and tasks, `api_pool` sees what its caller may."""

    pool: Pool
    api_pool: Pool
    intake: Intake
    decode: Decoder
    blobs: Blobs

    @asynccontextmanager
    async def seen_by(self, caller: Principal) -> AsyncIterator[Connection]:
        """A transaction in which row-level security knows who asks."""
        async with db.as_principal(self.api_pool, caller) as connection:
            yield connection


def no_order(id_: str) -> Problem:
    """The same answer for an order that isn't there and for one that isn't yours."""
    return Problem(404, "order_unknown", f"There is no order {id_!r} that you may see. GET /orders lists those you may.")


async def locked_order(connection: Connection, id_: str) -> tuple[Order, str]:
    """The order and its zone, once nobody else works on it; Problem 404 if the caller may not see it."""
    key = await views.key_of(connection, id_)
    if key is None:
        raise no_order(id_)
    await orders.lock(connection, [key])
    return next(pair for pair in await orders.find(connection, [key]) if pair[0].id == id_)


def buying_side(caller: Principal, what: str) -> None:
    """Some things are the buying side's to say."""
    if caller.side == "supplier":
        raise Problem(403, "forbidden", f"{what} is the buying side's.")


async def once(
    connection: Connection, caller: Principal, key: str | None, request: Any, act: Callable[[], Awaitable[dict[str, Any]]]
) -> dict[str, Any]:
    """What `act` answers; a retry with the same Idempotency-Key gets the first answer again and does nothing."""
    if key and (known := await idempotency.begin(connection, caller, key, request)):
        return dict(known)
    answer = await act()
    if key:
        await idempotency.finish(connection, caller, key, answer)
    return answer


async def company_of(connection: Connection, tenant: str, id_: str) -> Company:
    """The company, locked; Problem 422 where it isn't there, since nobody knows then when its day ends."""
    return await known_company(connection, tenant, id_, "company")


async def known_company(connection: Connection, tenant: str, id_: str, field: str) -> Company:
    """The company; Problem 422 where it isn't there."""
    found = await directory.company(connection, tenant, id_)
    if found is None:
        raise Problem(422, "company_unknown", f"There is no company {id_!r}. PUT /companies/{id_} first.", field)
    return found


def may_maintain(caller: Principal, role: str, what: str, *, among: Collection[str] = ()) -> None:
    """Operators may, and people of the buying side who hold the role or are named."""
    if caller.side != "operator" and (caller.side != "client" or (role not in caller.roles and caller.person not in among)):
        raise Problem(403, "forbidden", f"{what} is for operators and for people with the role {role}.")
