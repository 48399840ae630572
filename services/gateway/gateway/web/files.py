"""Documents, out of the services and through the door, with the same check of who may see them."""

from fastapi import APIRouter
from starlette.responses import Response

from gateway.routes import COMMLOG, PO
from gateway.web import page, routing
from gateway.web.visit import Visit, Visiting

router: APIRouter = routing.router()
_PASSED_ON = ("content-type", "content-disposition")


async def passed_on(visit: Visit, service: str, path: str, *ids: str) -> Response:
    """The bytes, to be saved and never shown as a page of ours."""
    answer = await visit.fetch(service, path, *ids)
    headers = {name: answer.headers[name] for name in _PASSED_ON if name in answer.headers}
    # Whatever it is, it may do nothing here.
    policy = {"content-security-policy": "default-src 'none'; sandbox"}
    return Response(answer.content, headers={"content-disposition": "attachment", **page.HEADERS, **headers, **policy})


@router.get("/purchase-orders/{order}/documents/{document}")
async def document(visit: Visiting, order: str, document: str) -> Response:
    """A document of the order."""
    return await passed_on(visit, PO, "/orders/{}/documents/{}", order, document)


@router.get("/sends/{send}/documents/{document}")
async def sent_document(visit: Visiting, send: str, document: str) -> Response:
    """A document that was sent as a link, as it was then."""
    return await passed_on(visit, COMMLOG, "/sends/{}/documents/{}", send, document)


@router.get("/purchase-orders/{order}/communication-logs/{log}/attachments/{sha256}")
async def attachment(visit: Visiting, order: str, log: str, sha256: str) -> Response:
    """What came with a reply by e-mail."""
    return await passed_on(visit, COMMLOG, "/orders/{}/logs/{}/attachments/{}", order, log, sha256)
