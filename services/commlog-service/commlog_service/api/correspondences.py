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
from commlog_service.wiring import Asker, Asking, Before, IdempotencyKey, PageSize, PathId, Writing
from postroom import db
from postroom.contracts.commlog import Attachment, Author
from postroom.http import attachment
from postroom.problems import Problem

router = APIRouter(tags=["correspondence"])


class Opening(BaseModel):
    """Which logs the window freezes: `latest` needs the id of the log just saved. `language` is that of the prefilled subject."""

    model_config = ConfigDict(extra="forbid")

    scope: Literal["latest", "all"]
    log: str | None = None
    language: sending.Language = "en"


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
    """One click on Send. Accepted here is not delivered: see each recipient's state.

    `entry` is its place in the order's history; `erased` says that who and what was blanked since.
    """

    send: str
    entry: int | None = None
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
    """What a mail takes, in bytes: a larger document can't be sent; what is beyond the total goes as a link that needs sign-in."""

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
    """Who sent what about an order, the oldest first. `total`: how many there are in all."""

    correspondences: list[Sent]
    total: int


@router.post("/orders/{order}/correspondences", status_code=201)
async def open_correspondence(asker: Writing, order: PathId, body: Opening) -> Window:
    """Open a correspondence on the latest log or on all: the set is frozen now. Sends nothing."""
    seen = await asker.order(order)
    return await _window(asker, await sending.open_window(asker, seen, body.scope, body.log, body.language))


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
    """The chosen logs as a PDF, the very bytes that a mail would carry. Sends nothing, changes nothing."""
    window = await sending.window(asker, correspondence)
    wanted = body or sending.PdfSubject()
    frozen = await sending.frozen(asker, window, wanted.subject or window.subject, wanted.language, wanted.zone)
    pdf = await asker.wiring.mailer.pdf(asker.token, frozen)
    return Response(pdf, headers=attachment(f"communication-logs-{frozen.order.number}.pdf", "application/pdf"))


@router.get("/sends/{send}/documents/{document}", response_class=Response, responses={200: {"content": {"*/*": {}}}})
async def fetch_sent_document(asker: Asking, send: PathId, document: PathId) -> Response:
    """A document as it was sent, also when it was deleted from the order since: its link in the mail leads here after signing in."""
    async with db.as_principal(asker.wiring.api, asker.principal) as connection:
        found = await store.sent_document(connection, send, document)
    if found is None:
        raise Problem(404, "not_found", "There is no such document in a correspondence of yours.", "document")
    order, pinned = found
    # Who may not see the order any more may not see what was sent about it.
    seen = await asker.order(order)
    return Response(await _blob(asker, seen.tenant, pinned), headers=attachment(pinned.filename, pinned.media_type))


async def _blob(asker: Asker, tenant: str, pinned: Attachment) -> bytes:
    try:
        return await asker.wiring.blobs.get(tenant, pinned.sha256)
    except KeyError as error:
        detail = f"The bytes of {pinned.filename!r} are not stored any more. Ask an operator."
        raise Problem(404, "document_lost", detail, "document") from error


@router.get("/orders/{order}/correspondences")
async def list_correspondences(asker: Asking, order: PathId, limit: PageSize = 100, before: Before = None) -> History:
    """The newest of the order's sends: generated from, actor, time, recipients, subject, states; older ones with `before`, an `entry`."""
    seen = await asker.order(order)
    async with db.as_principal(asker.wiring.api, asker.principal) as connection:
        rows = await store.sends_on(connection, seen.tenant, seen.id, limit, before)
        complete = before is None and len(rows) < limit
        total = len(rows) if complete else await store.count_on(connection, seen.tenant, seen.id)
    return History(correspondences=[Sent.model_validate(row) for row in rows], total=total)


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
