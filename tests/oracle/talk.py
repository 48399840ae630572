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
    """An answer by mail to what `to` sent; `held` is the reason for which a person must look at it first, '' if it joins the thread.

    `accepted`: somebody has looked, and let it in.
    """

    to: Sent
    held: str
    accepted: bool = False


@dataclass(frozen=True)
class Forwarded:
    """This message of an inbox was passed on to this person; void with it."""

    to: str
    message: str


@dataclass(frozen=True)
class Erased:
    """Somebody of this side saved a log, and an operator erased it."""

    order: Order
    side: Side


@dataclass(frozen=True)
class Budgeted:
    """A user's budget was entered whose period has passed: the daily check finds it."""

    owner: str


@dataclass(frozen=True)
class Placed:
    """An order with a document in it was handed in at the door."""


@dataclass(frozen=True)
class Hired:
    """Somebody came into the directory, of whom an event had spoken before."""

    person: str


Deed = Wrote | Sent | Answered | Forwarded | Erased | Budgeted | Placed | Hired


@dataclass
class Consequences:
    """By mark: (address, mark) → what the mail must have attached; who is told what in the inbox; logs by order; reviews by reason.

    `told` is told by mail, too: (person, message type, mark). `erased` counts logs without a word; `orders` are those handed in.
    """

    mails: dict[tuple[str, str], frozenset[str]] = field(default_factory=dict)
    inbox: set[tuple[str, str, str]] = field(default_factory=set)
    logs: dict[str, str] = field(default_factory=dict)
    reviews: dict[str, str] = field(default_factory=dict)
    told: set[tuple[str, str, str]] = field(default_factory=set)
    erased: int = 0
    orders: set[str] = field(default_factory=set)


def consequences(deeds: dict[str, Deed]) -> Consequences:
    """Of everything that was done, by its mark."""
    found = Consequences()
    for mark, deed in deeds.items():
        match deed:
            case Wrote() | Erased():
                _wrote(found, mark, deed)
            case Sent():
                attached = frozenset({*deed.documents, *([PDF] if deed.pdf else [])})
                found.mails |= {(address, mark): attached for address in deed.to}
            case Answered():
                _answered(found, mark, deed)
            case Forwarded(person, _):
                found.told.add((person, "forwarded-message", mark))
            case Budgeted(owner):
                found.told.add((owner, "budget-expired", mark))
            case Placed():
                found.orders.add(mark)
    found.inbox |= found.told
    return found


def _wrote(found: Consequences, mark: str, deed: Wrote | Erased) -> None:
    """What was erased had been told."""
    _logged(found, mark, deed.order, deed.side)
    if isinstance(deed, Erased):
        del found.logs[mark]
        found.erased += 1


def _answered(found: Consequences, mark: str, deed: Answered) -> None:
    if deed.held:
        found.reviews[mark] = deed.held
    if deed.accepted or not deed.held:
        _logged(found, mark, deed.to.order, OTHER[deed.to.side])


def _logged(found: Consequences, mark: str, order: Order, side: Side) -> None:
    """ "the other side finds it in its inbox", and gets no mail of it."""
    found.logs[mark] = order.id
    found.inbox |= {(person, "new-communication-log", mark) for person in order.people[OTHER[side]]}
