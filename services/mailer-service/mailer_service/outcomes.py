"""The event that tells what became of an envelope."""

from typing import Any

from mailer_service.domain.messages import Envelope, Message
from mailer_service.rows import Row
from postroom import clock
from postroom.contracts import event, ids
from postroom.contracts.event import Event
from postroom.contracts.outcomes import EnvelopeOutcome

SOURCE = "mailer-service"


def outcome(
    origin: Row,
    *,
    envelope: str,
    address: str,
    person: str | None,
    state: str,
    attempt: int,
    detail: str,
    code: int | None = None,
) -> Event:
    """An EnvelopeOutcome; `origin` has the message's id (as `message`), tenant, key, cause, correspondence and order_id.

    It has `sha256` too where there was an attempt with its bytes. The event's id follows from envelope, attempt, state and moment:
    after an older copy was restored, the same attempt may come to the same once more, and that is no contradiction.
    """
    fact = EnvelopeOutcome(
        message=origin["message"],
        envelope=envelope,
        address=address,
        person=person,
        correspondence=origin["correspondence"],
        state=state,
        code=code,
        detail=detail,
        attempt=attempt,
        sha256=origin.get("sha256", ""),
        at=clock.now(),
        cause=origin["cause"],
    )
    id_ = ids.stable("outcome", envelope, attempt, state, fact.at.isoformat())
    return event.new(fact, source=SOURCE, subject=envelope, tenant=origin["tenant"], key=origin["key"], id=id_)


def at_once(message: Message, envelope: Envelope) -> Event:
    """The outcome of an envelope that never sets out: held or dead from the start."""
    return outcome(
        origin_of(message),
        envelope=envelope.id,
        address=envelope.address,
        person=envelope.person,
        state=envelope.state,
        attempt=0,
        detail=envelope.detail,
    )


def held(origin: Row, envelope: Row, detail: str) -> Event:
    """The outcome of an envelope that is kept back; `detail` names what for."""
    return _of_envelope(origin, envelope, "held", detail)


def cancelled(origin: Row, envelope: Row) -> Event:
    """The outcome of an envelope that is not sent any more; its cause is the event that made the message void, as `origin` has it."""
    return _of_envelope(origin, envelope, "cancelled", envelope["detail"])


def settled(origin: Row, envelope: Row, code: int | None) -> Event:
    """The outcome that a reply has led to; `envelope` has the state, and as `attempts` the one that brought it there."""
    return _of_envelope(origin, envelope, envelope["state"], envelope["detail"], code)


def lost(envelope: Row) -> Event:
    """The outcome of an attempt whose sender is gone; the row has its message's origin too."""
    return _of_envelope(envelope, envelope, envelope["state"], envelope["detail"])


def _of_envelope(origin: Row, envelope: Row, state: str, detail: str, code: int | None = None) -> Event:
    return outcome(
        origin,
        envelope=envelope["id"],
        address=envelope["address"],
        person=envelope["person"],
        state=state,
        attempt=envelope["attempts"],
        detail=detail,
        code=code,
    )


def in_digest(entry: Row, digest: Envelope) -> Event:
    """The outcome of a message that went into a digest, which has the envelope: what becomes of that is told of the digest."""
    return _of_entry(entry, digest.address, digest.person, "in_digest", f"in the daily digest {digest.message}")


def left_out(entry: Row) -> Event:
    """The outcome of a message that was withdrawn while it waited for its digest; `entry` has its person and e-mail address too."""
    return _of_entry(entry, entry["email"], entry["person"], "cancelled", f"withdrawn: {entry['reason']}")


def _of_entry(entry: Row, address: str, person: str | None, state: str, detail: str) -> Event:
    envelope = ids.stable("envelope", entry["message"], address)
    return outcome(entry, envelope=envelope, address=address, person=person, state=state, attempt=0, detail=detail)


def origin_of(message: Message) -> dict[str, Any]:
    """What an outcome needs to know of its message."""
    return {
        "message": message.id,
        "tenant": message.tenant,
        "key": message.key,
        "cause": message.cause,
        "correspondence": message.correspondence,
        "order_id": message.order_id,
    }
