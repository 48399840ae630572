"""Orders generated of what people want ordered."""

from typing import Any
from uuid import uuid4

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field

from po_service.api.contracts import contract_named
from po_service.api.shapes import Key, Rooms, buying_side, once
from po_service.domain.contracts import Contract
from po_service.domain.requisitions import Item, Outcome, Trade, generate
from po_service.store import directory, locks, orders, requisitions, rows
from postroom import clock, outbox
from postroom.auth import Caller, Principal
from postroom.contracts.fields import Id
from postroom.db import Connection
from postroom.http import Problem

# An order takes up to two locks of the database's until the commit, and it has a few thousand for all that goes on.
AT_ONCE = 500


class Generation(BaseModel):
    """For one contract (id or number), or for all that have open items, some hundred contracts a call."""

    model_config = ConfigDict(extra="forbid")

    contract: Id | None = None
    after: Id | None = Field(default=None, description="`next` of the answer before")


def router(rooms: Rooms) -> APIRouter:
    """POST /order-generation."""
    routes = APIRouter(tags=["requisitions"])

    @routes.post("/order-generation", status_code=201)
    async def generate_orders(caller: Caller, given: Generation, key: Key = None) -> dict[str, Any]:
        """Order what is open, one order a contract; below a contract's minimum order value its items stay open, and that is told.

        Where there are more contracts than one call does, `next` says what to ask with as `after`; it is null on the last.
        """
        buying_side(caller, "Generating orders")
        async with rooms.seen_by(caller) as connection:
            # As it was before there was an `after`: a key that an older version has kept still fits.
            request = ["order-generation", {"contract": given.contract}, *filter(None, [given.after])]
            return await once(connection, caller, key, request, lambda: _generate(connection, caller, given))

    return routes


async def _generate(connection: Connection, caller: Principal, given: Generation) -> dict[str, Any]:
    named = given.contract
    contract = await contract_named(connection, caller.tenant, named) if named else None
    if named and contract is None:
        raise Problem(422, "contract_unknown", f"There is no contract {named!r}. GET /contracts lists those there are.", "contract")
    run = str(uuid4())
    contracts = await requisitions.contracts_with_open_items(
        connection, caller.tenant, contract.id if contract else None, given.after or "", AT_ONCE + 1
    )
    trades, items = await _load(connection, caller.tenant, contracts[:AT_ONCE])
    outcomes = [generate(run, one, items[one.contract.id], clock.today(one.buyer.zone), caller.person) for one in trades]
    refused = next((one.refusal for one in outcomes if one.refusal), None)
    if contract and refused:
        raise Problem(409, *refused)
    await _save(connection, caller.tenant, outcomes, items)
    shown = [_shown(one, len(items[one.contract.id])) for one in outcomes]
    return {"run": run, "contracts": shown, "next": contracts[AT_ONCE - 1].id if len(contracts) > AT_ONCE else None}


async def _load(connection: Connection, tenant: str, contracts: list[Contract]) -> tuple[list[Trade], dict[str, list[Item]]]:
    ids = [one.id for one in contracts]
    items = await requisitions.open_items(connection, tenant, ids)
    await locks.take(connection, "serial", [(tenant, one.supplier) for one in contracts if one.supplier])
    serials = await requisitions.next_serials(connection, tenant, ids)
    companies = await directory.companies_by_id(connection, tenant, {id_ for one in contracts for id_ in (one.buyer, one.supplier) if id_})
    trades = [Trade(one, companies[one.buyer], companies.get(one.supplier or ""), serials[one.id]) for one in contracts]
    return [one for one in trades if one.contract.id in items], items


async def _save(connection: Connection, tenant: str, outcomes: list[Outcome], items: dict[str, list[Item]]) -> None:
    ordered = [one.order for one in outcomes if one.outcome == "ordered" and one.order]
    lines = [
        {"id": item.id, "order_id": order.id, "line": line.line}
        for order in ordered
        for item, line in zip(items[order.contract or ""], order.lines, strict=True)
    ]
    await orders.lock(connection, [(order.tenant, order.number) for order in ordered])
    await orders.save(connection, ordered)
    await requisitions.mark_ordered(connection, tenant, lines)
    await outbox.add(connection, [event for one in outcomes for event in one.events])


def _shown(one: Outcome, items: int) -> dict[str, Any]:
    """`order` is the one that was generated, or was to be."""
    code, detail, field = one.refusal or (None, None, None)
    return {
        "contract": one.contract.id,
        "number": one.contract.number,
        "outcome": one.outcome,
        "total": rows.plain(one.total),
        "minimum": rows.plain(one.contract.minimum_order_value),
        "currency": one.contract.currency,
        "items": items,
        "order": {"id": one.order.id, "number": one.order.number} if one.order else None,
        "problem": {"code": code, "detail": detail, "field": field} if code else None,
        "events": [event.id for event in one.events],
    }
