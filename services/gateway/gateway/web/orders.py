"""Purchase Orders: the list Consolidated by PO, and an order with its tabs."""

import asyncio
from typing import Any
from urllib.parse import urlencode

from starlette.responses import Response

from gateway.routes import COMMLOG, PO
from gateway.web import page, routing
from gateway.web.outcomes import watch
from gateway.web.visit import Visit, Visiting
from postroom.problems import Problem

router = routing.router(prefix="/purchase-orders")
FILTERS = ("number", "shipment", "issued_from", "issued_to", "backorder", "status")
STATUSES = ("active", "expiring-soon", "overdue", "delivered", "cancelled")
PAGE = 50
SENDS = 100
UNPROCESSABLE = 422
TABS = {
    "lines": "Lines",
    "documents": "Documents",
    "contacts": "Contacts",
    "deliveries": "Deliveries",
    "communication-logs": "Communication logs",
    "correspondence": "Correspondence",
}


@router.get("")
async def consolidated_by_po(
    visit: Visiting,
    number: str = "",
    shipment: str = "",
    issued_from: str = "",
    issued_to: str = "",
    backorder: str = "",
    status: str = "",
    start: int = 0,
) -> Response:
    """The orders, filtered; the filters stand in the address."""
    filters = dict(zip(FILTERS, (number.strip(), shipment.strip(), issued_from, issued_to, backorder, status), strict=True))
    chosen = {name: value for name, value in filters.items() if value}
    found, problem = await _found(visit, chosen, start)
    shown = {
        "orders": found["orders"],
        "total": found["total"],
        "more": found["more"],
        "problem": problem,
        "start": start,
        "before": _page(chosen, max(0, start - PAGE)) if start else "",
        "after": _page(chosen, start + PAGE) if start + len(found["orders"]) < found["total"] or found["more"] else "",
    }
    status_code = problem.status if problem else 200
    return page.show(visit, "orders.html", status=status_code, filters=filters, filtered=bool(chosen), statuses=STATUSES, **shown)


async def _found(visit: Visit, chosen: dict[str, str], start: int) -> tuple[dict[str, Any], Problem | None]:
    """The orders that fit, or what is wrong with a filter."""
    try:
        return await visit.get(PO, "/orders", **chosen, zone=visit.session.zone, limit=PAGE, offset=start), None
    except Problem as problem:
        if problem.status != UNPROCESSABLE:
            raise
        return {"orders": [], "total": 0, "more": False}, problem


def _page(chosen: dict[str, str], start: int) -> str:
    return "/purchase-orders?" + urlencode({**chosen, "start": start} if start else chosen)


async def order_of(visit: Visit, order: str) -> dict[str, Any]:
    """The order that a page is about. Raises Problem 404."""
    found: dict[str, Any] = await visit.get(PO, "/orders/{}", order, zone=visit.session.zone)
    return found


async def _with(visit: Visit, order: str, service: str, path: str, **given: Any) -> tuple[dict[str, Any], Any]:
    """The order, and something else about it, asked at once."""
    asked = await asyncio.gather(order_of(visit, order), visit.get(service, path, order, **given))
    return asked[0], asked[1]


def tab(visit: Visit, order: dict[str, Any], name: str, **shown: Any) -> Response:
    """One of the order's tabs."""
    return page.show(visit, f"{name.replace('-', '_')}.html", order=order, tab=name, tabs=TABS, **shown)


@router.get("/{order}")
async def lines(visit: Visiting, order: str) -> Response:
    """What was ordered."""
    return tab(visit, await order_of(visit, order), "lines")


@router.get("/{order}/documents")
async def documents(visit: Visiting, order: str) -> Response:
    """What lies on the order."""
    head, found = await _with(visit, order, PO, "/orders/{}/documents")
    return tab(visit, head, "documents", documents=found["documents"], links=found["links"])


@router.get("/{order}/contacts")
async def contacts(visit: Visiting, order: str) -> Response:
    """Who has to do with it, on both sides."""
    head, found = await _with(visit, order, PO, "/orders/{}/contacts")
    return tab(visit, head, "contacts", contacts=found["contacts"])


@router.get("/{order}/deliveries")
async def deliveries(visit: Visiting, order: str) -> Response:
    """Delivery notes and receipts."""
    return tab(visit, await order_of(visit, order), "deliveries")


@router.get("/{order}/correspondence")
async def correspondence(visit: Visiting, order: str, sent: str = "", seen: str = "", before: int = 0) -> Response:
    """Who sent what to whom, and what became of it; `sent` is the one that was sent just now, `seen` what an open page shows."""
    # One more than is shown: whether there are earlier ones.
    given = {"limit": SENDS + 1} | ({"before": before} if before else {})
    head, found = await _with(visit, order, COMMLOG, "/orders/{}/correspondences", **given)
    sends = found["correspondences"][-SENDS:]
    earlier = sends[0]["entry"] if len(found["correspondences"]) > SENDS else None
    now = watch(sends)
    if visit.by_htmx and now.seen == seen and now.every:
        return page.nothing_new()
    shown = {"sends": sends[::-1], "total": found["total"], "before": before, "earlier": earlier, "sent": sent, "watch": now}
    return tab(visit, head, "_history" if visit.by_htmx else "correspondence", **shown)
