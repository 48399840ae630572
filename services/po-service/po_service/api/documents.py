"""Documents come in over HTTP, as they do over Kafka."""

from typing import Annotated, Any

from fastapi import APIRouter, Query, Request

from po_service.api.shapes import Rooms
from po_service.domain.decoding import http_headers
from po_service.domain.incoming import of_event
from po_service.domain.ubl.xml import MAX_BYTES
from po_service.store import documents, refused
from postroom import failpoints, parked
from postroom.auth import Caller, Principal
from postroom.contracts.errors import Refused
from postroom.contracts.event import Event
from postroom.contracts.record import Record
from postroom.http import Problem
from postroom.intake import Retry
from postroom.parked import Rejected

SIDES = {"supplier": ("supplier",), "client": ("client",), "operator": ("client", "supplier")}


def router(rooms: Rooms) -> APIRouter:
    """POST /documents and GET /waiting."""
    routes = APIRouter(tags=["documents"])

    @routes.post("/documents", status_code=202, openapi_extra={"requestBody": {"required": True, "content": {"application/xml": {}}}})
    async def hand_in(request: Request, caller: Caller, tenant: Annotated[str | None, Query(max_length=200)] = None) -> dict[str, Any]:
        """Hand in a raw UBL document (XML, at most 10 MB). A refused one is kept, parked with its reason."""
        if tenant not in (None, caller.tenant) and not _any_tenant(caller):
            raise Problem(403, "forbidden", f"Your token is for the tenant {caller.tenant!r}.", "tenant")
        return await take_in(rooms, caller, tenant or caller.tenant, await body_of(request))

    @routes.get("/waiting")
    async def waiting(caller: Caller) -> dict[str, Any]:
        """Documents whose order, or whose earlier change, is not there yet."""
        async with rooms.seen_by(caller) as connection:
            return {"waiting": await documents.still_waiting(connection)}

    return routes


def _any_tenant(caller: Principal) -> bool:
    return caller.side == "operator" and "*" in caller.endpoints


async def body_of(request: Request) -> bytes:
    """The request's bytes; Problem 413 as soon as they are too many, 422 when there are none."""
    chunks, size = [], 0
    async for chunk in request.stream():
        size += len(chunk)
        if size > MAX_BYTES:
            raise Problem(413, "too_large", f"A document may have {MAX_BYTES} bytes.", "body")
        chunks.append(chunk)
    if not size:
        raise Problem(422, "invalid", "Send the document's bytes as the body of the request.", "body")
    return b"".join(chunks)


async def take_in(rooms: Rooms, caller: Principal, tenant: str, raw: bytes) -> dict[str, Any]:
    """One document into the intake, in a transaction of its own."""
    headers = http_headers(tenant, caller.endpoints, SIDES[caller.side])
    async with rooms.pool.acquire() as connection:
        record = await parked.over_http(connection, f"{tenant}/{caller.person}", raw, headers)
        # Known before: what is parked of it later, because it waited and is refused after all, is not settled by its being here.
        parked_before = await refused.rows_of(connection, record)
    kind = None
    try:
        event = rooms.decode(record)
        kind = of_event(event).document.kind
        answer = await _submitted(rooms, event)
    except Refused as refusal:
        # What could not be read has its root element in the XPath, where it has one at all.
        return await _parked(rooms, record, refusal, kind or _root(refusal.path))
    failpoints.reach("documents.submitted")
    # By itself, for a replay takes its locks in the other order; a row that a crash leaves open is closed by its replay.
    if parked_before:
        async with rooms.pool.acquire() as connection:
            await refused.settle(connection, parked_before)
    return answer


async def _submitted(rooms: Rooms, event: Event) -> dict[str, Any]:
    """What became of it; another instance's commit may ask for a second try."""
    received = of_event(event)
    while True:
        try:
            async with rooms.pool.acquire() as connection, connection.transaction():
                fresh = await rooms.intake.submit(connection, event)
                found = await documents.outcome(connection, received.tenant, received.emitter, received.id) or {}
        except Retry:
            continue
        return _answer(
            id=received.id,
            kind=received.document.kind,
            outcome=found.get("outcome", "duplicate") if fresh else "duplicate",
            order_number=received.order_number,
            order=found.get("order_id"),
            catalog=found.get("catalog_id"),
            invoice=found.get("invoice_id"),
            detail=found.get("reason", "") if fresh else "this very document was handed in before",
        )


async def _parked(rooms: Rooms, record: Record, refusal: Refused, kind: str | None) -> dict[str, Any]:
    """Its number; the same again, as long as it is parked, has no second one."""
    rejected = Rejected(record, record.topic, refusal)
    async with rooms.pool.acquire() as connection, connection.transaction():
        await refused.queue_up(connection, record)
        number = await refused.again(connection, rejected)
        if number is None:
            await parked.park(connection, rooms.intake.service, [rejected])
            number = await refused.number_of(connection, record)
    return _answer(kind=kind, outcome="parked", parked=number, reason=refusal.reason, detail=refusal.detail, path=refusal.path)


def _root(path: str) -> str | None:
    return path.split("/")[1] if path.startswith("/") and not path.startswith("/!") else None


def _answer(**known: Any) -> dict[str, Any]:
    empty = dict.fromkeys(("id", "kind", "outcome", "order_number", "order", "catalog", "invoice", "parked", "reason", "detail", "path"))
    return {**empty, **known}
