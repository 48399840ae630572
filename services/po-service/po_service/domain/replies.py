"""Replies to quantity requests: each requester has one, and what changes in it is its next revision."""

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from po_service.domain.directory import SOURCE
from po_service.domain.templates import Template
from postroom.contracts import event, ids
from postroom.contracts.demand import QuantityRequestReplied
from postroom.contracts.event import Event


@dataclass(frozen=True, slots=True)
class Reply:
    """A revision of a requester's reply; `lines` are {item, name, quantity, unit}, the quantity a decimal in a string."""

    tenant: str
    request: str
    requester: str
    revision: int
    replied_at: datetime
    lines: tuple[dict[str, Any], ...]


def says_the_same(before: Reply, lines: tuple[dict[str, Any], ...]) -> bool:
    """Whether these lines ask for the same quantities, in whatever order."""
    return _quantities(before.lines) == _quantities(lines)


def _quantities(lines: tuple[dict[str, Any], ...]) -> set[tuple[str, Decimal, str]]:
    return {(line["item"], Decimal(line["quantity"]), line["unit"]) for line in lines}


def replied(request: Template, reply: Reply, name: str, today: date) -> Event:
    """QuantityRequestReplied; its actor is the requester, `today` the company's day."""
    fact = QuantityRequestReplied.model_validate(
        {
            "request": request.id,
            "name": request.name,
            "reply": ids.stable("reply", request.tenant, request.id, reply.requester),
            "revision": reply.revision,
            "requester": reply.requester,
            "requester_name": name,
            "purchaser": request.released_by,
            "replied_at": reply.replied_at,
            "replied_on": today,
            "valid_from": request.valid_from,
            "valid_until": request.valid_until,
            "lines": reply.lines,
        }
    )
    return event.new(
        fact,
        source=SOURCE,
        subject=request.id,
        tenant=request.tenant,
        id=ids.stable("quantity-request-replied", request.tenant, request.id, reply.requester, reply.revision),
        company=request.company,
        actor=reply.requester,
    )
