"""What people do with a quantity request: its purchaser releases it, its requesters reply."""

from dataclasses import replace
from datetime import date
from typing import Annotated, Any

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field

from po_service.api.shapes import Key, Rooms, buying_side, once
from po_service.api.templates import known_template, shown
from po_service.domain import replies as domain
from po_service.domain.replies import Reply
from po_service.domain.templates import Template
from po_service.store import directory, replies, rows, templates
from postroom import clock, outbox
from postroom.auth import Caller, Principal
from postroom.contracts.fields import DecimalText, Id
from postroom.db import Connection
from postroom.http import Problem


class Needed(BaseModel):
    """So much of an item; `unit` is the request's own where it is left out."""

    model_config = ConfigDict(extra="forbid")

    item: Id
    quantity: Annotated[DecimalText, Field(ge=0)]
    unit: Annotated[str, Field(max_length=40)] = ""


class NewReply(BaseModel):
    """What the requester needs. Another reply of theirs takes the place of this one: its next revision."""

    model_config = ConfigDict(extra="forbid")

    lines: Annotated[list[Needed], Field(min_length=1, max_length=1_000)]


def router(rooms: Rooms) -> APIRouter:
    """POST /quantity-requests/{id}/release, POST and GET /quantity-requests/{id}/replies."""
    routes = APIRouter(prefix="/quantity-requests/{request}", tags=["demand"])

    @routes.post("/release")
    async def release_request(caller: Caller, request: str, key: Key = None) -> dict[str, Any]:
        """Release it for replies: from then on you are its purchaser, who is told of each; another purchaser may take it over so."""
        buying_side(caller, "Releasing a quantity request")
        async with rooms.seen_by(caller) as connection:
            return await once(connection, caller, key, ["release", request], lambda: _release(connection, caller, request))

    @routes.post("/replies", status_code=201)
    async def reply_to_request(caller: Caller, request: str, new: NewReply, key: Key = None) -> dict[str, Any]:
        """Reply to it, within its validity; the same again is `unchanged`, a changed one the next revision."""
        buying_side(caller, "Replying to a quantity request")
        async with rooms.seen_by(caller) as connection:
            asked = ["reply", request, new.model_dump(mode="json")]
            return await once(connection, caller, key, asked, lambda: _reply(connection, caller, request, new))

    @routes.get("/replies")
    async def list_replies(caller: Caller, request: str) -> dict[str, Any]:
        """The newest revision of each requester's reply."""
        async with rooms.seen_by(caller) as connection:
            found = await _request(connection, caller, request)
            return {"replies": [rows.plain(one) for one in await replies.newest(connection, caller.tenant, found.id)]}

    return routes


async def _request(connection: Connection, caller: Principal, id_: str) -> Template:
    found = await known_template(connection, caller, id_)
    if found.kind != "quantity-request":
        raise Problem(409, "no_quantity_request", f"{found.name!r} is a template: only quantity requests are released and replied to.")
    return found


def _open(request: Template, today: date) -> None:
    if request.withdrawn:
        raise Problem(409, "request_withdrawn", f"The quantity request {request.name!r} was withdrawn; nobody waits for replies any more.")
    if not request.active:
        raise Problem(
            409, "request_inactive", f"The quantity request {request.name!r} is switched off. Ask its owner{_who(request.owner)}."
        )
    if request.valid_until and request.valid_until < today:
        raise Problem(
            409,
            "outside_validity",
            f"The quantity request {request.name!r} was valid until {request.valid_until}. Ask its owner{_who(request.owner)} for longer.",
        )


def _who(person: str | None) -> str:
    return f" ({person})" if person else ""


async def _release(connection: Connection, caller: Principal, id_: str) -> dict[str, Any]:
    request = await _request(connection, caller, id_)
    _open(request, clock.today(request.zone))
    if request.released_by == caller.person:
        return {**shown(request), "outcome": "unchanged"}
    released = replace(request, released_by=caller.person, released_at=clock.now(), version=request.version + 1)
    await templates.put(connection, released)
    return {**shown(released), "outcome": "released"}


async def _reply(connection: Connection, caller: Principal, id_: str, new: NewReply) -> dict[str, Any]:
    request, at = await _request(connection, caller, id_), clock.now()
    today = clock.today(request.zone)
    _may_reply(caller, request, today)
    lines = _lines(request, new)
    before = next(iter(await replies.newest(connection, caller.tenant, request.id, caller.person)), None)
    if before and domain.says_the_same(before, lines):
        return {"outcome": "unchanged", **rows.plain(before), "events": []}
    reply = Reply(caller.tenant, request.id, caller.person, before.revision + 1 if before else 1, at, lines)
    requester = await directory.person(connection, caller.tenant, caller.person)
    event = domain.replied(request, reply, requester.name if requester else caller.name, today)
    await replies.add(connection, reply)
    await outbox.add(connection, [event])
    return {"outcome": "recorded", **rows.plain(reply), "events": [event.id]}


def _may_reply(caller: Principal, request: Template, today: date) -> None:
    """Problem 403 or 409 that says why not; an earlier reply stands as it is."""
    _open(request, today)
    if request.released_by is None:
        raise Problem(
            409, "not_released", f"The quantity request {request.name!r} isn't released yet. Reply once its purchaser has done so."
        )
    if request.valid_from and today < request.valid_from:
        detail = f"The quantity request {request.name!r} can be replied to from {request.valid_from} on. Reply again then."
        raise Problem(409, "outside_validity", detail)
    if caller.person not in {one["person"] for one in request.assigned}:
        detail = f"You are not assigned to the quantity request {request.name!r}. Ask its owner{_who(request.owner)} to assign you."
        raise Problem(403, "not_assigned", detail)


def _lines(request: Template, new: NewReply) -> tuple[dict[str, Any], ...]:
    asked, found = {one["item"]: one for one in request.items}, {}
    for position, line in enumerate(new.lines):
        if line.item not in asked:
            detail = f"The request doesn't ask for {line.item!r}; it asks for {', '.join(list(asked)[:20])}."
            raise Problem(422, "item_unknown", detail, f"lines.{position}.item")
        if line.item in found:
            raise Problem(422, "item_twice", f"The item {line.item!r} stands twice. Say once how much you need.", f"lines.{position}.item")
        item = asked[line.item]
        found[line.item] = {**line.model_dump(mode="json"), "name": item["name"], "unit": line.unit or item["unit"]}
    return tuple(found.values())
