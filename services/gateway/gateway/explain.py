"""Why somebody got a mail, or didn't: one answer from what orders, rules, mailer, commlog and the parked rows know."""

import asyncio
from collections.abc import Mapping, Sequence
from itertools import chain
from typing import Any

from gateway.routes import COMMLOG, MAILER, PO, RULES
from gateway.upstream import SERVER_ERROR, Upstream
from postroom.problems import Problem

Json = dict[str, Any]
Rows = list[Json]
NOT_FOUND = 404
PARKING = (PO, COMMLOG, RULES, MAILER)
# What one question to the mailer can name: a query string has a limit, and so has its answer.
AT_ONCE = 100
# Of an order with more messages than this, what is told begins later.
MOST_MESSAGES = 2_000
# A number may be that of many documents; the first orders of theirs are told of.
MAX_REFS = 10


async def explain(upstream: Upstream, token: str, ref: str) -> Json:
    """Orders, catalogs, invoices, their documents, events with decisions and messages, other messages, correspondences, parked records.

    Of very much, the newest, and that there is `more`.

    `ref` is the number or id of one of these or of a delivery note, an event's or a message's id, or the id of what events are about
    (a budget, a cost code, a template …); what it leads to is asked for the order, catalog or invoice that it belongs to. A service
    that is away is named in `unavailable`, and the rest is told.
    Raises Problem 404 when nobody knows anything.
    """
    unavailable: list[str] = []
    purchasing = await _known(upstream, PO, token, "/explain", unavailable, ref=ref)
    begun = {part: purchasing.get(part, []) for part in ("orders", "catalogs", "invoices", "documents")}
    refs = about(ref, begun["orders"], [*begun["catalogs"], *begun["invoices"]])
    asked = asyncio.gather(_of_each(upstream, RULES, token, refs, unavailable), _of_each(upstream, COMMLOG, token, refs, unavailable))
    looked_up = asyncio.gather(*(_parked(upstream, service, token, ref, unavailable) for service in PARKING))
    (rules, logs), found = await asyncio.gather(asked, looked_up)
    named = [{"service": PO, **row} for row in purchasing.get("parked", [])]
    parked = {(row["service"], row["id"]): row for row in chain(named, *found)}
    known = sorted(rules.get("events", []), key=lambda event: event["accepted_at"])
    events = newest(known)
    mails = await _mails(upstream, token, ref, events, logs.get("correspondences", []), unavailable)
    followed = joined(events, mails, logs)
    told = {**begun, **followed, "parked": list(parked.values())}
    if not any(told.values()) and not unavailable:
        detail = f"Nothing is known of {ref!r}: it is no order, document, event, message or log, and no event is about it."
        raise Problem(404, "unknown_reference", detail, "ref")
    more = len(events) < len(known) or rules["more"] or logs["more"]
    return {"ref": ref, **told, "more": more, "unavailable": sorted(set(unavailable))}


def about(ref: str, orders: Sequence[Json], others: Sequence[Json] = ()) -> list[str]:
    """What is asked for: the reference, the orders that it is neither the number nor the id of, and the rest, which events name by id."""
    found = [order["id"] for order in orders if ref not in (order["id"], order["number"])]
    return [ref, *found, *(one["id"] for one in others if one["id"] != ref)][:MAX_REFS]


def newest(events: Rows) -> Rows:
    """The last of these events, with no more messages than can be looked up."""
    room, first = MOST_MESSAGES, len(events)
    while first and (room := room - len(named([events[first - 1]]))) >= 0:
        first -= 1
    return events[first:] or events[-1:]


def named(events: Rows) -> list[str]:
    """The messages that these events' decisions have led to."""
    return [one["message"] for event in events for one in event.get("decisions", ()) if one.get("message")]


async def _mails(upstream: Upstream, token: str, ref: str, events: Rows, sends: Rows, unavailable: list[str]) -> Rows:
    """The messages of the reference, of the newest causes, and all others that the decisions and sends name: some at a time."""
    causes = [event["id"] for event in events] + [send["send"] for send in sends]
    begun = await _known(upstream, MAILER, token, "/messages", unavailable, ref=ref, cause=causes[-AT_ONCE:])
    found = {one["message"]: one for one in begun.get("messages", [])}
    if MAILER in unavailable:
        return list(found.values())
    of_sends = {one.get("correspondence") for one in found.values()}
    asked = [{"message": some} for some in _some([one for one in named(events) if one not in found], AT_ONCE)]
    asked += [{"cause": some} for some in _some([one["send"] for one in sends if one["send"] not in of_sends], AT_ONCE)]
    for question in asked:
        answer = await _known(upstream, MAILER, token, "/messages", unavailable, **question)
        found |= {one["message"]: one for one in answer.get("messages", [])}
    return list(found.values())


def _some(of: list[str], number: int) -> list[list[str]]:
    return [of[start : start + number] for start in range(0, len(of), number)]


def joined(events: Sequence[Json], messages: Sequence[Json], logs: Mapping[str, Sequence[Json]]) -> Json:
    """Each decision with its message, each correspondence with its mail; a message that nothing here names stays by itself."""
    by_id = {message["message"]: message for message in messages}
    of_send: dict[str | None, Rows] = {}
    for message in messages:
        of_send.setdefault(message.get("correspondence"), []).append(message)
    told: set[str] = set()
    shown = []
    for event in events:
        decisions = [{**one, "message": by_id.get(one.get("message") or "", one.get("message"))} for one in event.get("decisions", [])]
        told.update(one["message"]["message"] for one in decisions if isinstance(one["message"], dict))
        shown.append({**event, "decisions": decisions})
    correspondences = [{**one, "messages": of_send.get(one["send"], [])} for one in logs.get("correspondences", [])]
    told.update(message["message"] for one in correspondences for message in one["messages"])
    return {
        "events": shown,
        "logs": logs.get("logs", []),
        "correspondences": correspondences,
        "messages": [message for message in messages if message["message"] not in told],
    }


async def _parked(upstream: Upstream, service: str, token: str, event: str, unavailable: list[str]) -> Rows:
    """Parked records of this event, open or closed, each with the service that holds it."""
    answer = await _known(upstream, service, token, "/operations/parked", unavailable, event=event, closed=True)
    return [{"service": service, **row} for row in answer.get("parked", [])]


async def _of_each(upstream: Upstream, service: str, token: str, refs: Sequence[str], unavailable: list[str]) -> Json:
    """What the service explains of any of these, each thing once, and whether there is `more`."""
    answers = await asyncio.gather(*(_known(upstream, service, token, "/explain", unavailable, ref=ref) for ref in refs))
    more = [answer.pop("more", False) for answer in answers]
    found: Json = {"more": any(more)}
    for part, row in ((part, row) for answer in answers for part, rows in answer.items() for row in rows):
        if row not in found.setdefault(part, []):
            found[part].append(row)
    return found


async def _known(upstream: Upstream, service: str, token: str, path: str, unavailable: list[str], **params: Any) -> Json:
    """What the service knows; nothing where it knows nothing, or is away and added to `unavailable`."""
    try:
        answer: Json = await upstream.ask(service, token, path, **params)
    except Problem as problem:
        if problem.status == NOT_FOUND:
            return {}
        if problem.status < SERVER_ERROR:
            raise
        unavailable.append(service)
        return {}
    return answer
