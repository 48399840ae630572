"""A person's inbox over HTTP: only ever the caller's own."""

from typing import Annotated, Any

from fastapi import APIRouter, Header, Path, Query
from pydantic import BaseModel, ConfigDict, Field

from mailer_service import views
from mailer_service.api import shapes
from mailer_service.customer.templates import Templates
from mailer_service.rows import Row
from mailer_service.store import inbox as store
from mailer_service.withdrawing import cut
from postroom import clock, db, failpoints, idempotency, outbox
from postroom.auth import Caller, Principal
from postroom.contracts import event, ids
from postroom.contracts.inboxes import MessageForwarded
from postroom.contracts.messages import Opens
from postroom.db import Connection, Pool
from postroom.problems import Problem

LIMIT = 200
TEXT_BYTES = 100_000  # an event has 256 KB in all
MessageId = Annotated[str, Path(max_length=200)]
Key = Annotated[str, Header(alias="Idempotency-Key")]


class Forward(BaseModel):
    """To whom a message is passed on: ids of people, and a word to them."""

    model_config = ConfigDict(extra="forbid")

    to: list[Annotated[str, Field(min_length=1, max_length=200)]] = Field(min_length=1, max_length=50)
    note: str = Field(default="", max_length=4_000)


class Shown(BaseModel):
    """What the person has seen: what came after it stays unread."""

    model_config = ConfigDict(extra="forbid")

    until: str | None = Field(default=None, max_length=200, description="the newest message shown; without it all are marked")


def router(pool: Pool, templates: Templates) -> APIRouter:
    """The routes; `pool` is the API's, under row-level security."""
    routes = APIRouter(prefix="/inbox", tags=["inbox"])
    _add_reading(routes, pool, templates)
    _add_marking(routes, pool)

    @routes.post("/{message}/forward", status_code=202, response_model=shapes.InboxPassedOn)
    async def forward(caller: Caller, message: MessageId, body: Forward, key: Key) -> dict[str, Any]:
        """Pass a message on: each of these people finds it in their inbox, with your note."""
        request = ["forward", message, body.model_dump()]
        if known := await idempotency.answered(pool, caller, key, request):
            return dict(known)
        async with db.as_principal(pool, caller) as connection:
            row = await _forwardable(connection, caller, message, body)
        # Before the transaction: a customer's worker may take longer than the database lets one stand idle.
        shown = await _as_read(templates, row)
        async with db.as_principal(pool, caller) as connection:
            if known := await idempotency.begin(connection, caller, key, request):
                return dict(known)
            row = await _forwardable(connection, caller, message, body)
            answer = await _forward(connection, caller, row, shown, body, ids.stable("forward", caller.tenant, caller.person, key))
            await idempotency.finish(connection, caller, key, answer)
        failpoints.reach("forward.answering")
        return answer

    return routes


def _add_reading(routes: APIRouter, pool: Pool, templates: Templates) -> None:
    @routes.get("", response_model=shapes.InboxPage)
    async def inbox(
        caller: Caller,
        *,
        unread: bool = False,
        before: Annotated[str | None, Query(max_length=200)] = None,
        limit: Annotated[int, Query(ge=1, le=LIMIT)] = 50,
    ) -> dict[str, Any]:
        """The caller's messages, newest first. `next` is the value of `before` for the page that follows, null on the last."""
        async with db.as_principal(pool, caller) as connection:
            if before is not None:
                await _entry(connection, caller, before, "before")
            rows = await store.page(connection, caller.tenant, caller.person, unread=unread, before=before, limit=limit + 1)
            forwards = await store.forwards(connection, [row["id"] for row in rows])
            number = await store.unread(connection, caller.tenant, caller.person)
        shown = rows[:limit]
        return {
            "unread": number,
            "messages": views.inbox_page(await templates.briefs([cut(row) for row in shown]), shown, forwards),
            "next": shown[-1]["id"] if len(rows) > limit else None,
        }

    @routes.get("/{message}", response_model=shapes.InboxEntry)
    async def show(caller: Caller, message: MessageId) -> dict[str, Any]:
        """One message of the caller's; looking marks nothing."""
        async with db.as_principal(pool, caller) as connection:
            row = await _entry(connection, caller, message)
            forwards = await store.forwards(connection, [message])
        return views.inbox_entry(await templates.briefs([cut(row)]), row, forwards)


def _add_marking(routes: APIRouter, pool: Pool) -> None:
    @routes.post("/read-all", response_model=shapes.InboxAllRead)
    async def read_all(caller: Caller, shown: Shown | None = None) -> dict[str, Any]:
        """Mark all that the caller has as read, or all up to what was shown; `read` says how many were not."""
        until = shown.until if shown else None
        async with db.as_principal(pool, caller) as connection:
            if until is not None:
                await _entry(connection, caller, until, "until")
            number = await store.mark_all_read(connection, caller.tenant, caller.person, until)
            return {"read": number, "unread": await store.unread(connection, caller.tenant, caller.person)}

    @routes.post("/{message}/read", response_model=shapes.InboxMarked)
    async def read(caller: Caller, message: MessageId) -> dict[str, Any]:
        """Mark a message of the caller's as read."""
        async with db.as_principal(pool, caller) as connection:
            if not await store.mark_read(connection, caller.tenant, caller.person, message):
                raise _unknown()
            return {"message": message, "unread": await store.unread(connection, caller.tenant, caller.person)}

    @routes.post("/{message}/unread", response_model=shapes.InboxMarked)
    async def unread(caller: Caller, message: MessageId) -> dict[str, Any]:
        """Mark a message of the caller's as not read."""
        async with db.as_principal(pool, caller) as connection:
            if not await store.mark_unread(connection, caller.tenant, caller.person, message):
                raise _unknown()
            return {"message": message, "unread": await store.unread(connection, caller.tenant, caller.person)}


async def _forwardable(connection: Connection, caller: Principal, message: str, body: Forward) -> Row:
    row = await _entry(connection, caller, message)
    if row["withdrawn_at"]:
        detail = f"This message was withdrawn ({row['withdrawn_reason']}): what it says does not hold any more, so it can't be forwarded."
        raise Problem(409, "withdrawn", detail)
    if caller.person in body.to:
        raise Problem(422, "to_yourself", "You have this message already: leave yourself out of `to`.", "to")
    return row


async def _as_read(templates: Templates, row: Row) -> tuple[str, str]:
    """Subject and text; what a template finds wrong is nobody's message."""
    message = cut(row)
    briefs = await templates.briefs([message])
    try:
        return briefs.brief(message)
    except Exception as error:
        detail = f"This message can't be shown, so it can't be forwarded: {error}. Ask an operator to mend its template, and try again."
        raise Problem(409, "cannot_be_shown", detail) from error


async def _forward(
    connection: Connection, caller: Principal, row: Row, shown: tuple[str, str], body: Forward, forward: str
) -> dict[str, Any]:
    message, to = row["id"], list(dict.fromkeys(body.to))
    subject, text = shown
    fact = MessageForwarded(
        message=message,
        forward=forward,
        by=caller.person,
        by_name=caller.name or row["name"],
        to=to,
        note=body.note,
        subject=subject,
        text=text.encode()[:TEXT_BYTES].decode(errors="ignore"),
        message_type=row["message_type"],
        created_at=row["created_at"],
        opens=Opens(**row["opens"]) if row["opens"] else None,
        order_number=row["order_number"],
    )
    await store.add_forward(connection, forward, message, caller.tenant, caller.person, to, body.note)
    new = event.new(fact, source="mailer-service", subject=message, tenant=caller.tenant, id=forward, actor=caller.person)
    await outbox.add(connection, [new])
    return {"forward": forward, "message": message, "to": to, "note": body.note, "at": clock.now().isoformat()}


async def _entry(connection: Connection, caller: Principal, message: str, field: str | None = None) -> Row:
    row = await store.entry(connection, caller.tenant, caller.person, message)
    if row is None:
        raise _unknown(field)
    return row


def _unknown(field: str | None = None) -> Problem:
    return Problem(404, "unknown_message", "There is no such message in your inbox. List them with GET /inbox.", field)
