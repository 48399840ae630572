"""Replies by mail that are held until a person has looked, and the files that came with replies."""

from typing import Annotated
from urllib.parse import quote

from fastapi import APIRouter, Path, Response
from pydantic import AwareDatetime, BaseModel

from commlog_service import receiving
from commlog_service.domain.logs import Acceptance, Log
from commlog_service.domain.replies import Review
from commlog_service.store import replies as store
from commlog_service.wiring import Asking, PathId
from postroom import db, failpoints
from postroom.contracts.mail import ReceivedFile
from postroom.problems import Problem

router = APIRouter(tags=["replies by mail"])
Sha256 = Annotated[str, Path(pattern=r"^[0-9a-f]{64}$")]


class Held(BaseModel):
    """A reply that is held: `reason` is unknown_sender, automatic or unclear; `state` open, accepted or discarded."""

    review: str
    order: str
    send: str
    reason: str
    detail: str
    from_address: str
    from_name: str
    subject: str
    message: str
    attachments: list[ReceivedFile]
    received_at: AwareDatetime
    state: str
    decided_by: Acceptance | None
    decided_at: AwareDatetime | None


class Reviews(BaseModel):
    """The order's replies that are or were held, the oldest first."""

    reviews: list[Held]


@router.get("/orders/{order}/reviews")
async def list_reviews(asker: Asking, order: PathId) -> Reviews:
    """Replies by mail that a person must look at. Seen by the side that sent what they answer, and by operators."""
    seen = await asker.order(order)
    async with db.as_principal(asker.wiring.api, asker.principal) as connection:
        return Reviews(reviews=[_shown(one) for one in await store.of_order(connection, seen.tenant, seen.id)])


@router.post("/reviews/{review}/accept")
async def accept_review(asker: Asking, review: PathId) -> Log:
    """The reply joins the order's thread as a log, marked with who accepted it. A retry finds the same log."""
    async with db.as_principal(asker.wiring.api, asker.principal) as connection:
        log = await receiving.accept(connection, asker.principal, review)
    failpoints.reach("review.answering")
    return log


@router.post("/reviews/{review}/discard")
async def discard_review(asker: Asking, review: PathId) -> Held:
    """The reply stays out of the thread; it is kept, and can't be accepted any more."""
    async with db.as_principal(asker.wiring.api, asker.principal) as connection:
        return _shown(await receiving.discard(connection, asker.principal, review))


@router.get(
    "/orders/{order}/logs/{log}/attachments/{sha256}",
    response_class=Response,
    responses={200: {"content": {"*/*": {"schema": {"type": "string", "format": "binary"}}}}},
)
async def fetch_attachment(asker: Asking, order: PathId, log: PathId, sha256: Sha256) -> Response:
    """The bytes of a file that came with a reply, for whoever sees the reply."""
    seen = await asker.order(order)
    async with db.as_principal(asker.wiring.api, asker.principal) as connection:
        file = await store.file_of(connection, seen, log, sha256)
    if file is None:
        raise Problem(404, "not_found", "There is no such attachment on this order's logs. GET /orders/{id}/logs lists them.", "sha256")
    try:
        data = await asker.wiring.blobs.get(seen.tenant, file.sha256)
    except KeyError as error:
        detail = f"The bytes of {file.filename} are not stored any more. Ask an operator."
        raise Problem(404, "attachment_lost", detail, "sha256") from error
    return Response(data, media_type=file.media_type, headers=_as_download(file.filename))


def _as_download(filename: str) -> dict[str, str]:
    """Never shown as a page of ours, whatever its type says."""
    named = f"attachment; filename*=utf-8''{quote(filename, safe='')}"
    return {"content-disposition": named, "x-content-type-options": "nosniff", "content-security-policy": "sandbox; default-src 'none'"}


def _shown(one: Review) -> Held:
    reply = one.reply
    return Held(
        **reply.model_dump(include={"send", "from_address", "from_name", "subject", "attachments", "received_at"}),
        **one.model_dump(include={"reason", "detail", "state", "decided_by", "decided_at"}),
        review=one.id,
        order=one.order_id,
        message=reply.text,
    )
