"""From an event to what is to be told: a message, its inbox row, its envelopes, or the reason why there is no mail."""

from collections.abc import Iterable
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from mailer_service.domain.addresses import deliverable
from postroom.contracts import ids
from postroom.contracts.commlog import CorrespondenceRequested
from postroom.contracts.event import Event
from postroom.contracts.inboxes import MessageForwarded
from postroom.contracts.messages import Cause, MessageRequested
from postroom.zones import zone

CORRESPONDENCE = "correspondence"


@dataclass(frozen=True, slots=True)
class Message:
    """What one person, or one correspondence, is told. Field names are the columns of `messages`."""

    id: str
    tenant: str
    message_type: str
    person: str | None
    name: str
    email: str | None
    language: str
    zone: str
    hop: str
    reason: str
    order_id: str | None
    order_number: str
    key: str
    cause: dict[str, Any]
    cause_id: str
    correspondence: str | None
    facts: dict[str, Any]
    unmailed: str
    lines: str = ""
    about: tuple[str, ...] = ()
    opens: dict[str, Any] | None = None
    sender: str = ""
    not_before: datetime | None = None
    digest: datetime | None = None
    unsubscribe: str = ""


@dataclass(frozen=True, slots=True)
class Envelope:
    """One message to one address: pending, held (`hold_reason` names what releases it) or dead from the start, with the detail.

    A pending one sets out at `not_before`, or at once.
    """

    id: str
    message: str
    tenant: str
    message_type: str
    order_id: str | None
    address: str
    person: str | None
    state: str = "pending"
    hold_reason: str | None = None
    detail: str = ""
    not_before: datetime | None = None


@dataclass(frozen=True, slots=True)
class Told:
    """What one event asks for; a message that waits for the person's digest has no envelope of its own."""

    message: Message
    in_inbox: bool
    envelopes: tuple[Envelope, ...]
    in_digest: bool = False


Suppressed = AbstractSet[tuple[str, str]]


def addresses(event: Event) -> list[tuple[str, str]]:
    """The (tenant, address) pairs that this event may write to, for loading."""
    data = event.data
    if isinstance(data, MessageRequested):
        found = [data.recipient.email] if data.recipient.email else []
    elif isinstance(data, CorrespondenceRequested):
        found = [recipient.address for recipient in data.recipients]
    else:
        found = []
    return [(event.tenant, address) for address in map(deliverable, found) if address]


def decide(event: Event, suppressed: Suppressed) -> Told | None:
    """What to tell because of this event; None if it is none of the mailer's (LogCreated: its mail comes from the correspondence)."""
    if isinstance(event.data, MessageRequested):
        return _requested(event, event.data, suppressed)
    if isinstance(event.data, CorrespondenceRequested):
        return _correspondence(event, event.data, suppressed)
    return None


def forwarded(told: Iterable[Told]) -> set[str]:
    """Those of the messages that a person forwarded."""
    return {one.message.id for one in told if one.message.cause["type"] == MessageForwarded.TYPE}


def _requested(event: Event, data: MessageRequested, suppressed: Suppressed) -> Told:
    to = data.recipient
    address = deliverable(to.email) if to.email else None
    unmailed = _why_no_mail(data, address)
    message = Message(
        id=data.message,
        tenant=event.tenant,
        message_type=data.message_type,
        person=to.person,
        name=to.name,
        email=to.email,
        language=to.language,
        zone=to.zone,
        hop=to.hop,
        reason=data.reason,
        order_id=data.order,
        order_number=data.order_number,
        key=event.key,
        cause=data.cause.model_dump(),
        cause_id=data.cause.id,
        correspondence=None,
        facts=data.facts,
        unmailed=unmailed,
        lines=data.lines,
        about=tuple(data.about),
        opens=data.opens.model_dump() if data.opens else None,
        sender=data.sender,
        not_before=data.not_before,
        digest=data.digest,
        unsubscribe=data.unsubscribe,
    )
    in_inbox = "inbox" in data.channels
    if unmailed or address is None:
        return Told(message, in_inbox, ())
    if data.digest:
        return Told(message, in_inbox, (), in_digest=True)
    return Told(message, in_inbox, (_not_before(envelope(message, address, to.person, suppressed), message),))


def _not_before(new: Envelope, message: Message) -> Envelope:
    if message.not_before is None or new.state != "pending":
        return new
    there = zone(message.zone)
    until = message.not_before.astimezone(there)
    return replace(new, not_before=message.not_before, detail=f"quiet hours until {until:%Y-%m-%d %H:%M} ({there.key})")


def _why_no_mail(data: MessageRequested, address: str | None) -> str:
    if data.no_mail:
        return data.no_mail
    if "email" not in data.channels:
        return "in-app only: the rule names no e-mail for this message"
    if not data.recipient.email:
        return "the person has no e-mail address"
    if address is None:
        return f"the address {data.recipient.email!r} can't take mail"
    return ""


# As in the templates; there is no rule that would give the reason.
_CHOSEN = {"en": "{name} chose you as a recipient", "de": "{name} hat Sie als Empfänger gewählt"}


def _correspondence(event: Event, data: CorrespondenceRequested, suppressed: Suppressed) -> Told:
    message = Message(
        id=ids.stable(CORRESPONDENCE, data.correspondence),
        tenant=event.tenant,
        message_type=CORRESPONDENCE,
        person=None,
        name="",
        email=None,
        language=data.language,
        zone=data.zone,
        hop="",
        reason=_CHOSEN.get(data.language.partition("-")[0].lower(), _CHOSEN["en"]).format(name=data.sender.name),
        order_id=data.order.id,
        order_number=data.order.number,
        key=event.key,
        cause=Cause(emitter=event.emitter, source=event.source, id=event.id, type=event.type).model_dump(),
        cause_id=event.id,
        correspondence=data.correspondence,
        facts=data.model_dump(mode="json"),
        unmailed="",
    )
    people = {deliverable(to.address) or to.address: to.person for to in reversed(data.recipients)}
    envelopes = tuple(envelope(message, address, person, suppressed) for address, person in sorted(people.items()))
    return Told(message, in_inbox=False, envelopes=envelopes)


def envelope(message: Message, address: str, person: str | None, suppressed: Suppressed) -> Envelope:
    """The message to this address, as far as it may go."""
    id_ = ids.stable("envelope", message.id, address)
    new = Envelope(id_, message.id, message.tenant, message.message_type, message.order_id, address, person)
    if deliverable(address) is None:
        return replace(new, state="dead", detail=f"the address {address!r} can't take mail")
    if (message.tenant, address) in suppressed:
        return replace(new, state="held", hold_reason="suppressed", detail="a server called this address unknown; an operator may resend")
    return new
