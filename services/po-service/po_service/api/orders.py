"""Orders as lists and pages show them."""

from typing import Annotated, Any

from fastapi import APIRouter, Query

from po_service.api.contracts import shown
from po_service.api.shapes import Rooms, no_order
from po_service.domain.contracts import Contract
from po_service.domain.orders import Line, Order, status
from po_service.store import directory, orders, rows, views
from postroom import clock
from postroom.auth import Caller


def router(rooms: Rooms) -> APIRouter:
    """GET /orders, /orders/{id} and /orders/{id}/contacts."""
    routes = APIRouter(tags=["orders"])

    @routes.get("/orders")
    async def list_orders(
        caller: Caller,
        number: str | None = None,
        status: str | None = None,
        limit: Annotated[int, Query(ge=1, le=500)] = 50,
        offset: Annotated[int, Query(ge=0, le=1_000_000)] = 0,
    ) -> dict[str, Any]:
        """The orders you may see; `status` is active, expiring-soon, overdue, delivered or cancelled."""
        async with rooms.seen_by(caller) as connection:
            found = await views.orders(connection, clock.today("UTC"), number, status, limit, offset)
        return {
            "orders": [head(row, row["status"], row["estimated_delivery"]) for row in found],
            "total": found[0]["total"] if found else 0,
        }

    @routes.get("/orders/{order_id}")
    async def show_order(caller: Caller, order_id: str) -> dict[str, Any]:
        """One order with its lines, contract, delivery notes and receipts."""
        async with rooms.seen_by(caller) as connection:
            key = await views.key_of(connection, order_id)
            found = [] if key is None else await orders.find(connection, [key])
            order = next((one for one, _ in found if one.id == order_id), None)
            if order is None:
                raise no_order(order_id)
            contracts = await directory.contracts(connection, [(order.tenant, order.contract)] if order.contract else [])
            names = await views.names(connection, order.tenant, [line.ordered_by for line in order.lines])
        return _page(order, contracts.get(order.contract or ""), names)

    @routes.get("/orders/{order_id}/contacts")
    async def show_contacts(caller: Caller, order_id: str) -> dict[str, Any]:
        """The people on the order, of both sides."""
        async with rooms.seen_by(caller) as connection:
            if await views.key_of(connection, order_id) is None:
                raise no_order(order_id)
            return {"contacts": await views.contacts(connection, order_id)}

    return routes


def head(order: Any, state: str, estimated: Any) -> dict[str, Any]:
    """The fields that a list shows; `order` is a row or a mapping."""
    same = ("id", "number", "tenant", "issue_date", "currency", "reference", "requested_start", "requested_end", "response_code", "version")
    return {
        **{name: order[name] for name in same},
        "supplier": {"id": order["supplier"], "name": order["supplier_name"], "endpoint": order["supplier_endpoint"]},
        "buyer": {"id": order["buyer"], "name": order["buyer_name"], "endpoint": order["buyer_endpoint"]},
        "status": state,
        "estimated_delivery": estimated,
        "contract": order["contract_number"] or None,
    }


def _page(order: Order, contract: Contract | None, names: dict[str, str]) -> dict[str, Any]:
    plain, estimated = rows.plain(order), order.estimated_delivery
    state = status(clock.today("UTC"), estimated, delivered=order.fully_delivered, cancelled=order.cancelled)
    booked = {receipt.note for receipt in order.receipts}
    short = {"id": order.contract, "number": order.contract_number} if order.contract else None
    return {
        **head(plain, state, estimated),
        "note": order.note,
        "lines": [_line(order, line, names) for line in order.lines],
        # A supplier sees the number alone: the conditions are the buying side's.
        "contract": shown(contract) if contract else short,
        "delivery_notes": [{"note": one["id"], **one, "booked": one["id"] in booked} for one in plain["notes"]],
        "receipts": [{"receipt": one["id"], **one} for one in plain["receipts"]],
    }


def _line(order: Order, line: Line, names: dict[str, str]) -> dict[str, Any]:
    shown = {name: value for name, value in rows.plain(line).items() if name not in ("ordered_by", "estimated")}
    return {
        **shown,
        "ordered_by": {"person": line.ordered_by, "name": names.get(line.ordered_by, "")},
        "delivered": rows.plain(order.delivered(line.line, line.unit)),
        "delivery_date": order.delivery_date(line),
    }
