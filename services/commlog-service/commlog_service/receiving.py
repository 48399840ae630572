"""Replies that came by mail: into the thread, or held for review; and what people decide about those that were held."""

from collections.abc import Sequence

from commlog_service import recording
from commlog_service.domain import logs, replies
from commlog_service.domain.logs import Acceptance, Log
from commlog_service.domain.orders import Order
from commlog_service.domain.replies import Answered, Reply, Review
from commlog_service.store import history as history_store
from commlog_service.store import logs as log_store
from commlog_service.store import orders as order_store
from commlog_service.store import replies as store
from postroom import clock, failpoints, outbox
from postroom.auth import Principal
from postroom.blobs import Blobs
from postroom.contracts.commlog import Author
from postroom.contracts.errors import Refused
from postroom.contracts.event import Event
from postroom.contracts.mail import MailReceived
from postroom.db import Connection
from postroom.problems import Problem


async def record_mails(blobs: Blobs, connection: Connection, events: Sequence[Event]) -> None:
    """Mails that came in, a batch at a time."""
    mails = [(event, event.data) for event in events if isinstance(event.data, MailReceived)]
    if not mails:
        return
    sends = await store.answered(connection, {mail.correspondence for _, mail in mails})
    orders = await store.orders(connection, {(one.tenant, one.order_id) for one in sends.values()})
    found = [(replies.answered_by(event, mail, sends), replies.reply_of(mail, await _text(blobs, event, mail))) for event, mail in mails]
    new: list[tuple[Review, str]] = []
    # Sorted, so that two batches lock their orders in one sequence; replies are few, and each is an entry of its order's history.
    for answered, reply in sorted(found, key=lambda pair: (pair[0].tenant, pair[0].order_id)):
        order = orders[answered.tenant, answered.order_id]
        if held := replies.held(reply, order, answered):
            new.append((_review(answered, reply, held), order.supplier))
        elif writer := replies.author(reply, order, answered):
            await _join(connection, order, reply, writer)
    failpoints.reach("mails.joined")
    if new:
        await store.hold(connection, new)


async def accept(connection: Connection, principal: Principal, review_id: str) -> Log:
    """Let a reply that was held join the thread, once; named with whoever accepts it. Raises Problem 404, or 409 if it was discarded."""
    review, who = await _taken(connection, review_id), _person(principal)
    if review.state == "discarded":
        raise _decided(review)
    if review.state == "open":
        order = await order_store.find(connection, review.tenant, review.order_id)
        answered = (await store.answered(connection, [review.reply.send])).get(review.reply.send)
        if order is None or answered is None:
            raise _unknown()
        writer = replies.author(review.reply, order, answered) or replies.stranger(review.reply, answered)
        if review.reason == "unclear":
            writer = replies.stranger(review.reply, answered)
        await _join(connection, order, review.reply, writer, who)
        failpoints.reach("review.joined")
        await store.decide(connection, review.id, "accepted", who, clock.now())
    return (await log_store.by_ids(connection, [review.id]))[0]


async def discard(connection: Connection, principal: Principal, review_id: str) -> Review:
    """Leave a reply that was held out of the thread, for good. Raises Problem 404, or 409 if it was accepted."""
    review = await _taken(connection, review_id)
    if review.state == "accepted":
        raise _decided(review)
    if review.state == "open":
        await store.decide(connection, review.id, "discarded", _person(principal), clock.now())
        review = await _taken(connection, review_id)
    return review


async def _join(connection: Connection, order: Order, reply: Reply, writer: Author, accepted_by: Acceptance | None = None) -> None:
    settings = await order_store.tenant_settings(connection, order.tenant)
    entry = await history_store.next_entry(connection, order.tenant, order.id)
    at = clock.now() if accepted_by else reply.received_at
    log = replies.log_of(reply, writer, entry, at, accepted_by)
    await log_store.insert(connection, order, log)
    await recording.append(connection, {(order.tenant, order.id): [replies.history_of(log, reply)]})
    await outbox.add(connection, [logs.created(order, log, settings)])


async def _text(blobs: Blobs, event: Event, mail: MailReceived) -> str:
    try:
        return (await blobs.get(event.tenant, mail.text.sha256)).decode()
    except KeyError as error:
        detail = f"the reply's text ({mail.text.sha256[:12]}…) is not among the blobs: put it back and replay"
        raise Refused("blob_missing", detail, "data.text.sha256") from error


def _review(answered: Answered, reply: Reply, held: tuple[str, str]) -> Review:
    reason, detail = held
    return Review(
        id=reply.id, tenant=answered.tenant, order_id=answered.order_id, side=answered.side, reason=reason, detail=detail, reply=reply
    )


async def _taken(connection: Connection, review_id: str) -> Review:
    review = await store.take(connection, review_id)
    if review is None:
        raise _unknown()
    return review


def _person(principal: Principal) -> Acceptance:
    return Acceptance(person=principal.person, name=principal.name or principal.person)


def _unknown() -> Problem:
    return Problem(404, "not_found", "There is no such reply to review. GET /orders/{id}/reviews lists them.", "review")


def _decided(review: Review) -> Problem:
    who = review.decided_by.name if review.decided_by else "somebody"
    return Problem(409, "review_decided", f"This reply was {review.state} by {who} before, and that stays.", "review", state=review.state)
