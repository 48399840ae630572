"""The documents on an order: those it brought, and those that either side added."""

from typing import Annotated, Any
from uuid import uuid4

from fastapi import APIRouter, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from po_service.api.documents import body_of
from po_service.api.order_shapes import Documents, DocumentShown, Pinned
from po_service.api.shapes import Rooms, no_order
from po_service.store import documents, views
from postroom import clock, failpoints
from postroom.auth import Caller, Principal
from postroom.db import Connection
from postroom.http import Problem, attachment

_BYTES = {"type": "string", "format": "binary"}
_TEXT = r"^[^\x00-\x1f\x7f/\\]+$"


class Chosen(BaseModel):
    """Ids of documents of this order."""

    model_config = ConfigDict(extra="forbid")

    documents: Annotated[list[str], Field(max_length=100)]


def router(rooms: Rooms) -> APIRouter:
    """GET, POST, DELETE below /orders/{id}/documents, and the pin."""
    routes = APIRouter(prefix="/orders/{order_id}/documents", tags=["order documents"])
    _add_changes(routes, rooms)

    @routes.get("")
    async def list_documents(caller: Caller, order_id: str) -> Documents:
        """The documents on the order; `links` are those that it only says where to find."""
        async with rooms.seen_by(caller) as connection:
            await _check(connection, order_id)
            found = await documents.of_order(connection, order_id)
        own = [{name: value for name, value in row.items() if name != "uri"} for row in found if row["sha256"]]
        links = [{"filename": row["filename"], "uri": row["uri"], "kind": row["kind"]} for row in found if not row["sha256"]]
        return Documents.model_validate({"documents": own, "links": links})

    @routes.get("/{document}", response_class=Response, responses={200: {"content": {"*/*": {"schema": _BYTES}}}})
    async def fetch_document(caller: Caller, order_id: str, document: str) -> Response:
        """The bytes of one document."""
        async with rooms.seen_by(caller) as connection:
            tenant = await _check(connection, order_id)
            found = await _some(connection, order_id, [document])
        try:
            data = await rooms.blobs.get(tenant, found[0]["sha256"])
        except KeyError as error:
            detail = f"The bytes of {found[0]['filename']!r} are not stored any more. Ask an operator, or add the document again."
            raise Problem(404, "document_lost", detail, "document") from error
        return Response(data, headers=attachment(found[0]["filename"], found[0]["media_type"]))

    @routes.post("/pin")
    async def pin(caller: Caller, order_id: str, chosen: Chosen) -> Pinned:
        """The documents by sha256, as they are now: what is sent later is these bytes."""
        async with rooms.seen_by(caller) as connection:
            await _check(connection, order_id)
            found = await _some(connection, order_id, chosen.documents)
        return Pinned.model_validate({"documents": found})

    return routes


def _add_changes(routes: APIRouter, rooms: Rooms) -> None:
    @routes.post("", status_code=201, openapi_extra={"requestBody": {"required": True, "content": {"*/*": {"schema": _BYTES}}}})
    async def add_document(
        request: Request, caller: Caller, order_id: str, filename: Annotated[str, Query(min_length=1, max_length=200, pattern=_TEXT)]
    ) -> DocumentShown:
        """Put a document (its bytes as the body, at most 10 MB) on the order."""
        async with rooms.seen_by(caller) as connection:
            tenant = await _check(connection, order_id)
        data = await body_of(request)
        row = _row(caller, order_id, filename, request.headers.get("content-type", ""), len(data), await rooms.blobs.put(tenant, data))
        failpoints.reach("documents.stored")
        async with rooms.seen_by(caller) as connection:
            await documents.add_to_orders(connection, [row])
        return DocumentShown.model_validate({**row, "document": row["id"]})

    @routes.delete("/{document}", status_code=204)
    async def delete_document(caller: Caller, order_id: str, document: str) -> None:
        """Hide a document; a supplier only what the caller added. What has been sent with it, or is about to be, keeps its bytes."""
        own = caller.person if caller.side == "supplier" else None
        async with rooms.seen_by(caller) as connection:
            await _check(connection, order_id)
            if not await documents.delete(connection, order_id, document, clock.now(), own):
                raise _unknown(document)


async def _check(connection: Connection, order_id: str) -> str:
    key = await views.key_of(connection, order_id)
    if key is None:
        raise no_order(order_id)
    return key[0]


async def _some(connection: Connection, order_id: str, ids: list[str]) -> list[dict[str, Any]]:
    """These documents, in this order; Problem 404 for one that is not on the order, 409 for one that was deleted."""
    found = {row["document"]: row for row in await documents.some(connection, order_id, ids)}
    for one in ids:
        if one not in found:
            raise _unknown(one)
        if found[one]["deleted_at"]:
            name = found[one]["filename"]
            raise Problem(409, "document_deleted", f"The document {name!r} was deleted from the order. Choose again.", "documents")
    return [found[one] for one in dict.fromkeys(ids)]


def _unknown(document: str) -> Problem:
    return Problem(404, "document_unknown", f"There is no document {document!r} on this order. GET …/documents lists them.", "documents")


def _row(caller: Principal, order_id: str, filename: str, media_type: str, size: int, digest: str) -> dict[str, Any]:
    return {
        "id": str(uuid4()),
        "order_id": order_id,
        "filename": filename,
        "media_type": media_type.partition(";")[0].strip()[:200] or "application/octet-stream",
        "size": size,
        "sha256": digest,
        "uri": "",
        "kind": "uploaded",
        "added_at": clock.now().isoformat(),
        "added_by": caller.person,
    }
