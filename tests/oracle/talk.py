"""What people do about an order at their desks and in their mail programs, and what must come of it.

"logs and documents about an order are sent to typed recipients"; who wrote what is told to the other side in its inbox; an answer by mail
joins the order's thread, unless a person has to look at it first.
"""

from dataclasses import dataclass, field
from typing import Literal

Side = Literal["client", "supplier"]
OTHER: dict[Side, Side] = {"client": "supplier", "supplier": "client"}
PDF = "pdf"


@dataclass(frozen=True)
class Order:
    """An order and the people on it, by side."""

    id: str
    people: dict[Side, tuple[str, ...]]


@dataclass(frozen=True)
class Wrote:
    """Somebody of this side saved a log."""

    order: Order
    side: Side


@dataclass(frozen=True)
class Sent:
    """Somebody of this side sent a log to these addresses, with documents (sha256) and perhaps the PDF."""

    order: Order
    side: Side
    to: tuple[str, ...]
    documents: tuple[str, ...]
    pdf: bool


@dataclass(frozen=True)
class Answered:
    """An answer by mail to what `to` sent; `held` is the reason for which a person must look at it first, '' if it joins the thread."""

    to: Sent
    held: str


@dataclass(frozen=True)
class Forwarded:
    """A message of an inbox was passed on to this person."""

    to: str


Deed = Wrote | Sent | Answered | Forwarded


@dataclass
class Consequences:
    """By mark: (address, mark) → what the mail must have attached; who is told what in the inbox; logs by order; reviews by reason."""

    mails: dict[tuple[str, str], frozenset[str]] = field(default_factory=dict)
    inbox: set[tuple[str, str, str]] = field(default_factory=set)
    logs: dict[str, str] = field(default_factory=dict)
    reviews: dict[str, str] = field(default_factory=dict)
    forwarded: set[tuple[str, str]] = field(default_factory=set)


def consequences(deeds: dict[str, Deed]) -> Consequences:
    """Of everything that was done, by its mark."""
    found = Consequences()
    for mark, deed in deeds.items():
        match deed:
            case Wrote(order, side):
                _logged(found, mark, order, side)
            case Sent():
                attached = frozenset({*deed.documents, *([PDF] if deed.pdf else [])})
                found.mails |= {(address, mark): attached for address in deed.to}
            case Answered(sent, ""):
                _logged(found, mark, sent.order, OTHER[sent.side])
            case Answered(_, held):
                found.reviews[mark] = held
            case Forwarded(person):
                found.inbox.add((person, "forwarded-message", mark))
                found.forwarded.add((person, mark))
    return found


def _logged(found: Consequences, mark: str, order: Order, side: Side) -> None:
    """ "the other side finds it in its inbox", and gets no mail of it."""
    found.logs[mark] = order.id
    found.inbox |= {(person, "new-communication-log", mark) for person in order.people[OTHER[side]]}
