"""From the open window to the accepted send: checks first, then the pinned bytes, then one transaction."""

from typing import Annotated, Any
from uuid import uuid4

import orjson
from pydantic import BaseModel, ConfigDict, Field

from commlog_service import handlers
from commlog_service.domain import addresses, correspondences
from commlog_service.domain.correspondences import Correspondence, Send
from commlog_service.domain.orders import Order
from commlog_service.store import correspondences as store
from commlog_service.store import history as history_store
from commlog_service.store import logs as log_store
from commlog_service.wiring import Asker
from postroom import clock, db, failpoints, idempotency
from postroom.contracts import ids
from postroom.contracts.commlog import Attachment, Blob, FrozenLogs
from postroom.problems import Problem

Language = Annotated[str, Field(pattern=r"^[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*$", max_length=35)]
Zone = Annotated[str, Field(min_length=1, max_length=100, description="IANA name, such as Europe/Vienna.")]


class Sending(BaseModel):
    """A click on Send: ticked contacts (ids of people), typed addresses, chosen documents (ids); mail and PDF in a language and zone."""

    model_config = ConfigDict(extra="forbid")

    contacts: list[str] = Field(default=[], max_length=500)
    to: list[str] = Field(default=[], max_length=500)
    subject: str
    documents: list[str] = Field(default=[], max_length=500)
    attach_pdf: bool = False
    language: Language = "en"
    zone: Zone = "UTC"
    confirm_identical: bool = False


class PdfSubject(BaseModel):
    """The subject as it is edited just now, and what the mail would be sent with."""

    model_config = ConfigDict(extra="forbid")

    subject: str | None = None
    language: Language = "en"
    zone: Zone = "UTC"


async def open_window(asker: Asker, order: Order, scope: str, log: str | None, language: str = "en") -> Correspondence:
    """Freeze the chosen logs, with the contacts and documents there are now."""
    documents = await asker.wiring.po.documents(asker.token, order.id)
    async with db.as_principal(asker.wiring.api, asker.principal) as connection:
        logs = await handlers.visible_logs(connection, asker.principal, order)
        window = Correspondence(
            id=str(uuid4()),
            tenant=order.tenant,
            order_id=order.id,
            side=asker.principal.side,
            person=asker.principal.person,
            scope=scope,
            logs=correspondences.chosen(logs, scope, log),
            subject=correspondences.default_subject(order, language),
            contacts=order.people,
            documents=documents,
            opened_at=clock.now(),
        )
        await store.open_(connection, order.supplier, window)
    return window


async def window(asker: Asker, correspondence: str) -> Correspondence:
    """The open window, or Problem 404."""
    async with db.as_principal(asker.wiring.api, asker.principal) as connection:
        found = await store.find(connection, correspondence)
    if found is None:
        raise Problem(
            404, "not_found", "There is no such correspondence. Open one with POST /orders/{id}/correspondences.", "correspondence"
        )
    return found


async def frozen(asker: Asker, window: Correspondence, subject: str, language: str, zone: str) -> FrozenLogs:
    """The window's logs as the mail and the PDF show them."""
    zone = correspondences.checked_zone(zone)
    order = await asker.known(window.order_id)
    if order is None:
        raise Problem(404, "not_found", "There is no such order.", "order")
    async with db.as_principal(asker.wiring.api, asker.principal) as connection:
        logs = await log_store.by_ids(connection, window.logs)
    return correspondences.freeze(order, logs, correspondences.checked_subject(subject), language, zone)


async def send(asker: Asker, correspondence: str, body: Sending, key: str) -> dict[str, Any]:
    """Accept a click on Send, once per key; the answer of the first is every retry's."""
    opened = await window(asker, correspondence)
    request = ["send", correspondence, body.model_dump()]
    # A retry must not fail because a document was deleted after the first one was accepted.
    if answered := await idempotency.answered(asker.wiring.api, asker.principal, key, request):
        return dict(answered)
    subject = correspondences.checked_subject(body.subject)
    correspondences.checked_zone(body.zone)
    order = await asker.order(opened.order_id)
    recipients = addresses.recipients(order.people, body.contacts, body.to)
    documents = await _pinned(asker, opened, body.documents)
    failpoints.reach("send.pinned")
    content = orjson.dumps((await frozen(asker, opened, subject, body.language, body.zone)).model_dump(mode="json"))
    # Before the transaction: a blob that nothing names is harmless, an event whose blob is missing is not.
    logs = Blob(sha256=await asker.wiring.blobs.put(order.tenant, content), size=len(content))
    failpoints.reach("send.frozen")
    draft = Send(
        id=ids.stable("send", order.tenant, asker.principal.person, key),
        correspondence=opened,
        order=order,
        entry=0,
        sender=order.author(asker.principal.person, asker.principal.name, asker.principal.side),
        reply_to=asker.principal.email,
        subject=subject,
        frozen=logs,
        documents=documents,
        recipients=recipients,
        attach_pdf=body.attach_pdf,
        language=body.language,
        zone=body.zone,
        requested_at=clock.now(),
    )
    return await _accepted(asker, draft, key, request, confirm_identical=body.confirm_identical)


async def _accepted(asker: Asker, draft: Send, key: str, request: Any, *, confirm_identical: bool) -> dict[str, Any]:
    async with db.as_principal(asker.wiring.api, asker.principal) as connection:
        if answered := await idempotency.begin(connection, asker.principal, key, request):
            return dict(answered)
        entry = await history_store.next_entry(connection, draft.order.tenant, draft.order.id)
        accepted = draft.model_copy(update={"entry": entry})
        await handlers.accept_send(connection, accepted, confirm_identical=confirm_identical)
        answer = shown(accepted)
        await idempotency.finish(connection, asker.principal, key, answer)
    failpoints.reach("send.answering")
    return answer


async def _pinned(asker: Asker, opened: Correspondence, chosen: list[str]) -> list[Attachment]:
    documents = correspondences.checked_documents(chosen)
    offered = [(one["filename"], one["size"]) for one in opened.documents if one["document"] in documents]
    _check_sizes(offered)
    pinned = await asker.wiring.po.pin(asker.token, opened.order_id, documents)
    if {one.document for one in pinned} != set(documents):
        raise Problem(
            502, "po_answer", "The order service pinned other documents than were chosen. Nothing was sent: try again.", "documents"
        )
    _check_sizes([(one.filename, one.size) for one in pinned])
    of = {one.document: one for one in pinned}
    return correspondences.packed([of[document] for document in documents])


def _check_sizes(sizes: list[tuple[str, int]]) -> None:
    if reason := correspondences.oversize(sizes):
        raise Problem(413, "too_large", reason, "documents")


def shown(send: Send) -> dict[str, Any]:
    """A send as it is answered and kept for retries."""
    kept = send.model_dump(mode="json", include={"sender", "subject", "documents", "attach_pdf", "requested_at"})
    at = kept["requested_at"]
    recipients = [{**one.model_dump(), "state": "queued", "changed_at": at} for one in send.recipients]
    origin = {"send": send.id, "correspondence": send.correspondence.id, "order": send.order.id, "scope": send.correspondence.scope}
    return {**kept, **origin, "logs": send.correspondence.logs, "recipients": recipients}
