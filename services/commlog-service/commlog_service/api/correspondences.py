"""The window for composing, the Send click, the PDF and the order's history of sends."""

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Response
from pydantic import AwareDatetime, BaseModel, ConfigDict

from commlog_service import sending
from commlog_service.domain.correspondences import DOCUMENT_BYTES, TOTAL_BYTES, Correspondence
from commlog_service.domain.logs import Log
from commlog_service.domain.orders import Order, Person
from commlog_service.store import correspondences as store
from commlog_service.store import logs as log_store
from commlog_service.wiring import Asker, Asking, IdempotencyKey, PathId, Writing
from postroom import db
from postroom.contracts.commlog import Attachment, Author
from postroom.problems import Problem

router = APIRouter(tags=["correspondence"])


class Opening(BaseModel):
    """Which logs the window freezes: `latest` needs the id of the log just saved."""

    model_config = ConfigDict(extra="forbid")

    scope: Literal["latest", "all"]
    log: str | None = None


class RecipientState(BaseModel):
    """A recipient and what became of the mail: queued, sent, deferred, failed, bounced, unknown, held or cancelled."""

    address: str
    name: str
    kind: str
    person: str | None
    state: str
    code: int | None = None
    detail: str = ""
    changed_at: AwareDatetime


class Sent(BaseModel):
    """One click on Send. Accepted here is not delivered: see each recipient's state. `erased`: who and what was blanked since."""

    send: str
    correspondence: str
    order: str
    sender: Author
    subject: str
    scope: str
    logs: list[str]
    documents: list[Attachment]
    attach_pdf: bool
    requested_at: AwareDatetime
    erased: bool = False
    recipients: list[RecipientState]


class Limits(BaseModel):
    """What a mail takes, in bytes."""

    document: int = DOCUMENT_BYTES
    total: int = TOTAL_BYTES


class Window(BaseModel):
    """A correspondence: what it froze, what can be chosen, and what was sent from it."""

    id: str
    order: Order
    state: Literal["open", "sent"]
    scope: str
    subject: str
    logs: list[Log]
    contacts: list[Person]
    documents: list[dict[str, Any]]
    limits: Limits = Limits()
    opened_at: AwareDatetime
    sends: list[Sent]


class History(BaseModel):
    """Who sent what about an order, the oldest first."""

    correspondences: list[Sent]


@router.post("/orders/{order}/correspondences", status_code=201)
async def open_correspondence(asker: Writing, order: PathId, body: Opening) -> Window:
    """Open a correspondence on the latest log or on all: the set is frozen now. Sends nothing."""
    seen = await asker.order(order)
    return await _window(asker, await sending.open_window(asker, seen, body.scope, body.log))


@router.get("/correspondences/{correspondence}")
async def show_correspondence(asker: Asking, correspondence: PathId) -> Window:
    """The window and what became of each send."""
    return await _window(asker, await sending.window(asker, correspondence))


@router.post("/correspondences/{correspondence}/send", status_code=202)
async def send_correspondence(asker: Writing, correspondence: PathId, body: sending.Sending, key: IdempotencyKey) -> Sent:
    """Send the frozen logs to contacts and typed addresses. One click is one correspondence; the window stays open."""
    return Sent.model_validate(await sending.send(asker, correspondence, body, key))


@router.post("/correspondences/{correspondence}/pdf", response_class=Response, responses={200: {"content": {"application/pdf": {}}}})
async def make_pdf(
    asker: Asking, correspondence: PathId, body: Annotated[sending.PdfSubject | None, "the edited subject"] = None
) -> Response:
    """The chosen logs as a PDF. Sends nothing, changes nothing."""
    window = await sending.window(asker, correspondence)
    frozen = await sending.frozen(asker, window, body.subject if body and body.subject else window.subject)
    headers = {"content-disposition": 'attachment; filename="communication-log.pdf"'}
    return Response(await asker.wiring.mailer.pdf(asker.token, frozen), media_type="application/pdf", headers=headers)


@router.get("/orders/{order}/correspondences")
async def list_correspondences(asker: Asking, order: PathId) -> History:
    """The order's history of sends: generated from, actor, time, recipients, subject, states."""
    seen = await asker.order(order)
    async with db.as_principal(asker.wiring.api, asker.principal) as connection:
        rows = await store.sends_on(connection, seen.tenant, seen.id)
    return History(correspondences=[Sent.model_validate(row) for row in rows])


async def _window(asker: Asker, window: Correspondence) -> Window:
    order = await asker.known(window.order_id)
    if order is None:
        raise Problem(404, "not_found", "There is no such correspondence.", "correspondence")
    async with db.as_principal(asker.wiring.api, asker.principal) as connection:
        logs = await log_store.by_ids(connection, window.logs)
        sends = [Sent.model_validate(row) for row in await store.sends_of(connection, window.id)]
    return Window(
        **window.model_dump(include={"id", "scope", "subject", "contacts", "documents", "opened_at"}),
        order=order,
        state="sent" if sends else "open",
        logs=logs,
        sends=sends,
    )
