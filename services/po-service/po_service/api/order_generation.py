"""Orders generated of what people want ordered."""

from typing import Any
from uuid import uuid4

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict

from po_service.api.contracts import contract_named
from po_service.api.shapes import Key, Rooms, buying_side, once
from po_service.domain.requisitions import Item, Outcome, Trade, generate
from po_service.store import directory, orders, requisitions, rows
from postroom import clock, outbox
from postroom.auth import Caller, Principal
from postroom.contracts.fields import Id
from postroom.db import Connection
from postroom.http import Problem


class Generation(BaseModel):
    """For one contract (id or number), or for all that have open items."""

    model_config = ConfigDict(extra="forbid")

    contract: Id | None = None


def router(rooms: Rooms) -> APIRouter:
    """POST /order-generation."""
    routes = APIRouter(tags=["requisitions"])

    @routes.post("/order-generation", status_code=201)
    async def generate_orders(caller: Caller, given: Generation, key: Key = None) -> dict[str, Any]:
        """Order what is open, one order a contract; below a contract's minimum order value its items stay open, and that is told."""
        buying_side(caller, "Generating orders")
        async with rooms.seen_by(caller) as connection:
            request = ["order-generation", given.model_dump()]
            return await once(connection, caller, key, request, lambda: _generate(connection, caller, given.contract))

    return routes


async def _generate(connection: Connection, caller: Principal, named: str | None) -> dict[str, Any]:
    contract = await contract_named(connection, caller.tenant, named) if named else None
    if named and contract is None:
        raise Problem(422, "contract_unknown", f"There is no contract {named!r}. GET /contracts lists those there are.", "contract")
    run = str(uuid4())
    trades, items = await _load(connection, caller.tenant, contract.id if contract else None)
    outcomes = [generate(run, one, items[one.contract.id], clock.today(one.buyer.zone), caller.person) for one in trades]
    refused = next((one.refusal for one in outcomes if one.refusal), None)
    if contract and refused:
        raise Problem(409, *refused)
    await _save(connection, caller.tenant, outcomes, items)
    return {"run": run, "contracts": [_shown(one, len(items[one.contract.id])) for one in outcomes]}


async def _load(connection: Connection, tenant: str, contract: str | None) -> tuple[list[Trade], dict[str, list[Item]]]:
    contracts = await requisitions.contracts_with_open_items(connection, tenant, contract)
    ids = [one.id for one in contracts]
    items, serials = await requisitions.open_items(connection, tenant, ids), await requisitions.next_serials(connection, tenant, ids)
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
