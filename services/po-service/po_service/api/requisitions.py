"""What people want ordered: requisition items, open until an order has them."""

from datetime import date
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field

from po_service.api.contracts import contract_named
from po_service.api.shapes import Rooms, buying_side
from po_service.domain.contracts import Contract
from po_service.domain.requisitions import Item
from po_service.store import directory, requisitions, rows
from postroom import clock
from postroom.auth import Caller
from postroom.contracts.fields import DecimalText, Id
from postroom.db import Connection
from postroom.http import Problem


class ItemIn(BaseModel):
    """An item, whole. `contract` is an id or a number; `requester` and `currency` are the caller and the contract's where left out."""

    model_config = ConfigDict(extra="forbid")

    contract: Id
    requester: Id | None = None
    name: Id
    quantity: Annotated[DecimalText, Field(gt=0)]
    unit: Annotated[str, Field(min_length=1, max_length=200)]
    net: Annotated[DecimalText, Field(ge=0)]
    currency: Annotated[str, Field(pattern="^[A-Z]{3}$")] | None = None
    delivery_date: date | None = None


def router(rooms: Rooms) -> APIRouter:
    """PUT and GET below /requisitions."""
    routes = APIRouter(prefix="/requisitions", tags=["requisitions"])

    @routes.put("/{item}")
    async def put_item(caller: Caller, item: Id, given: ItemIn) -> dict[str, Any]:
        """Ask for something to be ordered, or change what was asked for while it is open."""
        buying_side(caller, "Asking for an order")
        async with rooms.seen_by(caller) as connection:
            contract = await _contract(connection, caller.tenant, given)
            requester = given.requester or caller.person
            if await directory.person(connection, caller.tenant, requester) is None:
                detail = f"There is no person {requester!r}. PUT /people/{requester} first, or name another."
                raise Problem(422, "person_unknown", detail, "requester")
            stated = {**given.model_dump(), "contract": contract.id, "requester": requester, "currency": contract.currency}
            wanted = rows.of(Item, stated, tenant=caller.tenant, id=item, requested_at=clock.now())
            if not await requisitions.put(connection, wanted):
                raise Problem(409, "item_ordered", f"The item {item!r} is ordered already. Ask for more under another id.", "item")
            return shown(wanted)

    @routes.get("/{item}")
    async def show_item(caller: Caller, item: str) -> dict[str, Any]:
        """One item."""
        async with rooms.seen_by(caller) as connection:
            found = await requisitions.get(connection, caller.tenant, item)
        if found is None:
            raise Problem(404, "item_unknown", f"There is no item {item!r} that you may see.")
        return shown(found)

    @routes.get("")
    async def list_items(
        caller: Caller,
        contract: str | None = None,
        state: Literal["open", "ordered"] | None = None,
        limit: Annotated[int, Query(ge=1, le=500)] = 100,
    ) -> dict[str, Any]:
        """The items you may see, the newest first; `contract` is an id."""
        async with rooms.seen_by(caller) as connection:
            return {"items": [shown(one) for one in await requisitions.listed(connection, contract, state, limit)]}

    return routes


def shown(item: Item) -> dict[str, Any]:
    """An item as it is read."""
    return {**rows.plain(item), "item": item.id, "state": "ordered" if item.order_id else "open"}


async def _contract(connection: Connection, tenant: str, given: ItemIn) -> Contract:
    found = await contract_named(connection, tenant, given.contract)
    if found is None:
        raise Problem(
            422, "contract_unknown", f"There is no contract {given.contract!r}. GET /contracts lists those there are.", "contract"
        )
    if not found.currency:
        detail = f"The contract {found.number!r} has no currency. PUT /contracts/{found.id} with one first."
        raise Problem(422, "currency_missing", detail, "contract")
    if given.currency not in (None, found.currency):
        detail = f"The contract {found.number!r} is in {found.currency}: give the value in {found.currency}, or name another contract."
        raise Problem(422, "currency_differs", detail, "currency")
    return found
