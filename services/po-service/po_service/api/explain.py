"""What an operator is told before there is any event: orders, catalogs, invoices, their documents, and what is parked about them."""

from typing import Annotated, Any

from fastapi import APIRouter, Query

from po_service.api.orders import head, state_of
from po_service.api.shapes import Rooms
from po_service.store import explain, refused
from postroom import clock, parked, settling
from postroom.auth import Operator

Ref = Annotated[str, Query(min_length=1, max_length=500)]


def router(rooms: Rooms) -> APIRouter:
    """GET /explain."""
    routes = APIRouter(tags=["operations"])

    @routes.get("/explain")
    async def explain_ref(caller: Operator, ref: Ref) -> dict[str, Any]:
        """Orders, catalogs, invoices, documents and parked documents, by the number or id of any of these or of a delivery note."""
        async with rooms.seen_by(caller) as connection:
            orders = await explain.orders(connection, ref)
            catalogs, invoices = await explain.catalogs(connection, ref), await explain.invoices(connection, ref)
            documents = await explain.documents(connection, ref, orders, catalogs, invoices)
            rows = await refused.naming(connection, ref)
        # A row that names no tenant, since its emitter is registered no more, is any operator's, as in the list of what is parked.
        mine = [row for row in rows if rooms.decode.tenant_of(parked.as_record(row)) in (caller.tenant, None)]
        return {
            "orders": [_order(one) for one in orders],
            "catalogs": catalogs,
            "invoices": invoices,
            "documents": documents,
            "parked": [*map(settling.summary, mine)],
        }

    return routes


def _order(row: Any) -> dict[str, Any]:
    """As lists show it, with what decides who is told of it."""
    contact = {"person": row["purchaser_contact"], "name": row["purchaser_name"] or ""}
    return {
        **head(row, state_of(row, clock.today("UTC"))),
        "contract": row["contract_number"] or None,
        "contract_provisional": row["provisional"],
        "purchaser_contact": contact if row["purchaser_contact"] else None,
        "delivery_notes": row["delivery_notes"],
        "goods_receipts": row["goods_receipts"],
    }
