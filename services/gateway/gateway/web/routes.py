"""All pages, and the page's own files."""

from urllib.parse import quote

from fastapi import APIRouter, Request
from starlette.responses import Response

from gateway.web import correspondence, files, inbox, logs, operations, orders, page, routing, signing_in

root = routing.router()


@root.get("/")
async def begin(request: Request) -> Response:
    """The work begins with the orders."""
    return page.go(request, "/purchase-orders")


@root.get("/open/{what}/{id_}")
async def open_it(request: Request, what: str, id_: str) -> Response:
    """Where a mail's link leads (POSTROOM_PAGE_URL): to the order; what has no page of its own, to the inbox, where the message is."""
    return page.go(request, f"/purchase-orders/{quote(id_, safe='')}" if what == "order" else "/inbox")


@root.get("/static/{name}")
async def static(name: str) -> Response:
    """Style sheet, scripts, icon."""
    return page.static(name)


def add_to(app: APIRouter) -> None:
    """Let the door serve the pages."""
    for one in (root, signing_in.router, orders.router, files.router, logs.router, correspondence.router, inbox.router, operations.router):
        app.include_router(one)
