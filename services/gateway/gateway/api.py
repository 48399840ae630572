"""The gateway's own routes; everything below /api is passed on by proxy.py."""

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Header, Path, Request
from fastapi.responses import HTMLResponse, JSONResponse, Response, StreamingResponse

from gateway import operations, pages
from gateway.explain import explain
from gateway.issuer import Issuer, Token, TokenRequest
from gateway.openapi import Merged
from gateway.proxy import pass_on
from gateway.upstream import Upstream
from postroom.auth import Operator
from postroom.operations import Release

router = APIRouter(tags=["operations"])
page_router = APIRouter(include_in_schema=False)


def _token(request: Request) -> str:
    return request.headers["authorization"].partition(" ")[2].strip()


def _upstream(request: Request) -> Upstream:
    found: Upstream = request.app.state.upstream
    return found


@router.post("/token", tags=["token"], openapi_extra={"security": []})
async def token(request: Request, body: TokenRequest, x_issuer_secret: Annotated[str, Header()] = "") -> Token:
    """A token for a person of the directory, or for `operator`. Only where the local issuer is switched on."""
    issuer: Issuer = request.app.state.issuer
    issuer.check(x_issuer_secret)
    return await issuer.token(_upstream(request), body)


@router.get("/explain/{ref:path}")
async def explain_ref(request: Request, _: Operator, ref: Annotated[str, Path(max_length=500, pattern=r"^[^\x00]+$")]) -> dict[str, Any]:
    """What became of an order, a budget, a catalog, a document, an event or a message.

    Order → documents → events → decisions → messages → attempts.
    """
    return await explain(_upstream(request), _token(request), ref)


@router.get("/status")
async def status(request: Request, _: Operator) -> dict[str, Any]:
    """Lag, outbox, parked and each service's own figures; services that can't be reached are named."""
    return await operations.status(_upstream(request), _token(request))


@router.get("/restore")
async def restored(request: Request, _: Operator) -> dict[str, Any]:
    """Whether a service's database was restored from an older copy, what of it is known to be sent, and what may be out."""
    return await operations.restored(_upstream(request), _token(request))


@router.post("/restore/release")
async def release(request: Request, _: Operator, how: Release) -> dict[str, Any]:
    """Go on: what may be out already is sent all the same (`send`), or held, each for a person to decide (`hold`)."""
    return await operations.release(_upstream(request), _token(request), how.doubtful)


@router.get("/parked")
async def parked(request: Request, _: Operator, *, service: str | None = None, closed: bool = False) -> dict[str, Any]:
    """Records that can't be processed, of one service or of all: the newest, and how many there are of which kind."""
    return await operations.parked(_upstream(request), _token(request), service, closed=closed)


@router.get("/parked/kinds")
async def kinds(request: Request, _: Operator, service: str | None = None) -> dict[str, Any]:
    """How many records of which kind can't be processed, in one service or in all."""
    return await operations.kinds(_upstream(request), _token(request), service)


@router.post("/parked/{service}/{action}")
async def settle_many(request: Request, _: Operator, service: str, action: Literal["replay", "discard"]) -> StreamingResponse:
    """Replay, or discard, all of one `reason`, `topic` or `emitter`, none parked after the number `until`.

    A replay does some seconds' work, oldest first: go on with `after` as its `next` says, until that is null.
    """
    return await pass_on(request, _upstream(request).pool(service), service, f"/operations/parked/{action}".encode())


@router.get("/parked/{service}/{number}")
async def show_parked(request: Request, _: Operator, service: str, number: int) -> StreamingResponse:
    """One parked record with its raw bytes."""
    return await pass_on(request, _upstream(request).pool(service), service, f"/operations/parked/{number}".encode())


@router.post("/parked/{service}/{number}/{action}")
async def settle_parked(
    request: Request, _: Operator, service: str, number: int, action: Literal["replay", "discard"]
) -> StreamingResponse:
    """Replay a parked record, mended ({"value": …}) or as it came ({"value": null}), or discard it."""
    return await pass_on(request, _upstream(request).pool(service), service, f"/operations/parked/{number}/{action}".encode())


@page_router.get("/developers")
async def landing(request: Request) -> HTMLResponse:
    """Where to go from here."""
    return HTMLResponse(pages.landing(request.app.state.mailbox_url), headers=pages.HEADERS)


@page_router.get("/docs")
async def docs(request: Request) -> HTMLResponse:
    """Every operation, as a page."""
    merged: Merged = request.app.state.merged
    return HTMLResponse(pages.operations(await merged.document(request.app)), headers=pages.HEADERS)


@page_router.get("/style.css")
async def style() -> Response:
    """The pages' one style sheet."""
    return Response(pages.STYLE, media_type="text/css", headers=pages.HEADERS)


@page_router.get("/openapi.json")
async def openapi(request: Request) -> JSONResponse:
    """All services' operations in one document."""
    merged: Merged = request.app.state.merged
    return JSONResponse(await merged.document(request.app))
