"""The order's official history: one entry for each thing that happened, in one sequence, each chained to the one before."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from commlog_service.domain.correspondences import Send
from commlog_service.domain.logs import SOURCE, Log
from commlog_service.domain.outcomes import Change
from postroom.contracts import chain, event, ids
from postroom.contracts.event import Event
from postroom.contracts.fields import Part
from postroom.contracts.history import HistoryAdvanced

MAILER = "mailer-service"
OrderPlace = tuple[str, str]
"""An order: (tenant, order id)."""


class Entry(Part):
    """A thing that happened: `kind` is log, send, outcome, reply or erasure, `ref` the log's or send's id."""

    entry: int
    kind: str
    ref: str
    actor: str
    at: datetime
    content: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Head:
    """How far an order's chain has come."""

    supplier: str
    entry: int = 0
    hash: str = chain.START


@dataclass(frozen=True, slots=True)
class Linked:
    """An entry in its place: `content` and `salt` are the exact bytes behind `content_hash`."""

    place: OrderPlace
    supplier: str
    entry: Entry
    salt: bytes
    content: str
    content_hash: str
    hash: str


def of_log(log: Log) -> Entry:
    """A log was written."""
    content = log.model_dump(mode="json", include={"log_type", "message", "author"})
    return Entry(entry=log.entry, kind="log", ref=log.log, actor=log.author.person, at=log.created_at, content=content)


def of_send(send: Send) -> Entry:
    """A correspondence was sent: origin, people, subject, logs and documents by hash."""
    kept = {"sender", "subject", "frozen", "documents", "recipients", "attach_pdf", "language", "zone"}
    content = send.model_dump(mode="json", include=kept)
    content["generated_from"] = send.correspondence.id
    content["scope"] = send.correspondence.scope
    content["logs"] = send.correspondence.logs
    return Entry(entry=send.entry, kind="send", ref=send.id, actor=send.sender.person, at=send.requested_at, content=content)


def of_outcomes(
    changes: Sequence[Change], orders: Mapping[str, OrderPlace], heads: Mapping[OrderPlace, Head]
) -> dict[OrderPlace, list[Entry]]:
    """What became of mails, by order; `orders` says of which order a send is."""
    found: dict[OrderPlace, list[Entry]] = {}
    for change in changes:
        order = orders[change.send]
        entries = found.setdefault(order, [])
        number = heads[order].entry + len(entries) + 1
        at = change.standing.changed_at
        entries.append(Entry(entry=number, kind="outcome", ref=change.send, actor=MAILER, at=at, content=change.told))
    return found


def of_erasure(head: Head, ref: str, actor: str, at: datetime, erased: Mapping[str, Any]) -> Entry:
    """Content was blanked: `erased` has the numbers of the entries and the reason."""
    return Entry(entry=head.entry + 1, kind="erasure", ref=ref, actor=actor, at=at, content=dict(erased))


def chained(place: OrderPlace, head: Head, entries: Iterable[tuple[Entry, bytes]]) -> list[Linked]:
    """The entries, each with its salt, linked to the head in their order. Raises ValueError where a number isn't the next one."""
    linked, last, previous = [], head.entry, head.hash
    for entry, salt in entries:
        if entry.entry != last + 1:
            raise ValueError(f"the history of order {place[1]} goes on with entry {last + 1}, not {entry.entry}")
        content = chain.canonical({**entry.content, "supplier": head.supplier})
        hashed = chain.content_hash(salt, content)
        previous = chain.link(previous, *place, entry.entry, entry.kind, entry.ref, entry.actor, chain.moment(entry.at), hashed)
        last = entry.entry
        linked.append(Linked(place, head.supplier, entry, salt, content, hashed, previous))
    return linked


def advanced(last: Linked) -> Event:
    """HistoryAdvanced; its id follows from what it says."""
    tenant, order = last.place
    fact = HistoryAdvanced(order=order, entry=last.entry.entry, hash=last.hash)
    id_ = ids.stable("history", tenant, order, last.entry.entry, last.hash)
    return event.new(fact, source=SOURCE, subject=order, tenant=tenant, id=id_, aggregateversion=last.entry.entry)
