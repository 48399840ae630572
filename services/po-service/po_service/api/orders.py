"""Orders as lists and pages show them."""

from datetime import date
from typing import Annotated, Any

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field

from po_service.api.contracts import shown
from po_service.api.order_shapes import Contacts, OrderList, OrderPage, Parties
from po_service.api.shapes import Rooms, Zone, no_order
from po_service.domain.contracts import Contract
from po_service.domain.orders import Line, Order, Status, key, standing, status
from po_service.store import directory, orders, rows, views
from po_service.store.views import MOST_COUNTED, Wanted
from postroom import clock
from postroom.auth import Caller, Principal
from postroom.http import Problem

_FEW = 5
_HEAD = ("id", "number", "tenant", "issue_date", "currency", "reference", "requested_start", "requested_end", "response_code", "version")
Beginning = Annotated[str | None, Field(max_length=200, pattern=r"^[^\x00]*$")]


class Filters(BaseModel):
    """`number` and `shipment` are beginnings, in capitals or not; issue dates are inclusive; `status` is as of today in `zone`."""

    number: Beginning = None
    shipment: Annotated[Beginning, Field(description="how a delivery note's number begins")] = None
    issued_from: date | None = None
    issued_to: date | None = None
    backorder: Annotated[bool | None, Field(description="true: something has come and something is still open")] = None
    status: Status | None = None
    zone: Annotated[Zone, Field(examples=["Europe/Vienna"])] = "UTC"
    limit: Annotated[int, Field(ge=1, le=500)] = 50
    offset: Annotated[int, Field(ge=0, le=1_000_000)] = 0

    def wanted(self, caller: Principal, today: date) -> Wanted:
        """What is looked for. Raises Problem 422 for days the wrong way round."""
        if self.issued_from and self.issued_to and self.issued_from > self.issued_to:
            detail = f"issued_from ({self.issued_from}) is after issued_to ({self.issued_to}): exchange them, or leave one out."
            raise Problem(422, "invalid", detail, "issued_from")
        return Wanted(
            tenant=caller.tenant,
            supplier=caller.company if caller.side == "supplier" else None,
            number=key(self.number) if self.number else None,
            shipment=key(self.shipment) if self.shipment else None,
            issued_from=self.issued_from,
            issued_to=self.issued_to,
            backorder=self.backorder,
            standing=standing(self.status, today) if self.status else None,
        )


def router(rooms: Rooms) -> APIRouter:
    """GET /orders, /orders/{id}, and /contacts and /parties below it."""
    routes = APIRouter(tags=["orders"])

    @routes.get("/orders")
    async def list_orders(caller: Caller, asked: Annotated[Filters, Query()]) -> OrderList:
        """The orders you may see, the newest first.

        `total` is counted up to 1,000; `more` says that there are more. The next page is `offset` + `limit`.
        """
        today = clock.today(asked.zone)
        wanted = asked.wanted(caller, today)
        async with rooms.seen_by(caller) as connection:
            found = await views.orders(connection, wanted, asked.limit, asked.offset)
            # A page that isn't full tells the total by itself.
            ended = len(found) < asked.limit and (found or not asked.offset)
            total = asked.offset + len(found) if ended else await views.count(connection, wanted)
        return OrderList.model_validate(
            {"orders": [_listed(row, today) for row in found], "total": min(total, MOST_COUNTED), "more": total > MOST_COUNTED}
        )

    @routes.get("/orders/{order_id}")
    async def show_order(caller: Caller, order_id: str, zone: Zone = "UTC") -> OrderPage:
        """One order with its lines, contract, delivery notes and receipts; `status` is as of today in `zone`."""
        async with rooms.seen_by(caller) as connection:
            known = await views.key_of(connection, order_id)
            found = [] if known is None else await orders.find(connection, [known])
            order = next((one for one, _ in found if one.id == order_id), None)
            if order is None:
                raise no_order(order_id)
            contracts = await directory.contracts(connection, [(order.tenant, order.contract)] if order.contract else [])
            names = await views.names(connection, order.tenant, [line.ordered_by for line in order.lines])
        return OrderPage.model_validate(_page(order, contracts.get(order.contract or ""), names, clock.today(zone)))

    @routes.get("/orders/{order_id}/contacts")
    async def show_contacts(caller: Caller, order_id: str) -> Contacts:
        """The people on the order, of both sides."""
        async with rooms.seen_by(caller) as connection:
            if await views.key_of(connection, order_id) is None:
                raise no_order(order_id)
            return Contacts.model_validate({"contacts": await views.contacts(connection, order_id)})

    @routes.get("/orders/{order_id}/parties")
    async def show_parties(caller: Caller, order_id: str) -> Parties:
        """Whose order it is, and its people. Between services; the gateway doesn't pass it on."""
        async with rooms.seen_by(caller) as connection:
            found = await views.parties(connection, order_id)
            if found is None:
                raise no_order(order_id)
            return Parties.model_validate({**found, "contacts": await views.contacts(connection, order_id)})

    return routes


def head(order: Any, state: str) -> dict[str, Any]:
    """The fields that a list shows; `order` is a row or a mapping."""
    return {
        **{name: order[name] for name in (*_HEAD, "estimated_delivery", "next_date", "backorder")},
        "net_total": rows.plain(order["net_total"]),
        "supplier": {"id": order["supplier"], "name": order["supplier_name"], "endpoint": order["supplier_endpoint"]},
        "buyer": {"id": order["buyer"], "name": order["buyer_name"], "endpoint": order["buyer_endpoint"]},
        "status": state,
    }


def state_of(row: Any, today: date) -> Status:
    """The status that a row of orders has today."""
    return status(today, row["estimated_delivery"], delivered=row["fully_delivered"], cancelled=row["cancelled"])


def _listed(row: Any, today: date) -> dict[str, Any]:
    shipments = row["shipments"]
    return {
        **head(row, state_of(row, today)),
        "contract": row["contract_number"] or None,
        "shipments": shipments[:_FEW],
        "shipment_count": len(shipments),
    }


def _page(order: Order, contract: Contract | None, names: dict[str, str], today: date) -> dict[str, Any]:
    plain = rows.plain(order)
    derived = {name: getattr(order, name) for name in ("estimated_delivery", "next_date", "backorder", "net_total")}
    state = status(today, order.estimated_delivery, delivered=order.fully_delivered, cancelled=order.cancelled)
    booked = {receipt.note for receipt in order.receipts}
    short = {"id": order.contract, "number": order.contract_number} if order.contract else None
    came = {key: rows.plain(quantity) for key, quantity in order.came.items()}
    return {
        **head({**plain, **derived}, state),
        "note": order.note,
        "lines": [_line(order, line, names, came.get((line.line, line.unit), "0")) for line in order.lines],
        # A supplier sees the number alone: the conditions are the buying side's.
        "contract": shown(contract) if contract else short,
        "delivery_notes": [{"note": one["id"], **one, "booked": one["id"] in booked} for one in plain["notes"]],
        "receipts": [{"receipt": one["id"], **one} for one in plain["receipts"]],
        "shipments": order.shipments,
    }


def _line(order: Order, line: Line, names: dict[str, str], delivered: str) -> dict[str, Any]:
    shown = {name: value for name, value in rows.plain(line).items() if name not in ("ordered_by", "estimated")}
    return {
        **shown,
        "ordered_by": {"person": line.ordered_by, "name": names.get(line.ordered_by, "")},
        "delivered": delivered,
        "delivery_date": order.delivery_date(line),
    }
