"""An order and what belongs to it."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Literal

from postroom.contracts import ids

EXPIRING_SOON = timedelta(days=7)
Status = Literal["active", "expiring-soon", "overdue", "delivered", "cancelled"]


@dataclass(frozen=True, slots=True)
class Line:
    """An order line as it stands; `estimated` is the seller's promise, `ordered_by` a person's id, `noted`: by a note of the requester."""

    line: str
    item: str
    description: str
    sellers_item: str
    buyers_item: str
    quantity: Decimal
    unit: str
    price: Decimal | None
    base_quantity: Decimal
    net: Decimal | None
    ordered_by: str
    requested_start: date | None = None
    requested_end: date | None = None
    estimated: date | None = None
    response_code: str = ""
    cancelled: bool = False
    noted: bool = False

    @property
    def delivery_date(self) -> date | None:
        """The day it should be there: promised, else requested."""
        return self.estimated or self.requested_end or self.requested_start


@dataclass(frozen=True, slots=True)
class Quantity:
    """So much of one order line; `item` tells what a line is that the order doesn't have."""

    line: str
    quantity: Decimal
    unit: str
    item: str = ""
    outstanding: Decimal | None = None


@dataclass(frozen=True, slots=True)
class Note:
    """A delivery note in its latest version. `position` counts the order's notes; `origin` is despatch-advice or requester."""

    id: str
    number: str
    position: int
    version: int
    origin: str
    partial_announced: bool
    delivery_date: date | None
    recorded_at: datetime
    lines: tuple[Quantity, ...]


@dataclass(frozen=True, slots=True)
class Receipt:
    """A booked receipt of goods; `note` is None when lines were booked by hand."""

    id: str
    booking: str
    note: str | None
    booked_at: datetime
    booked_by: str | None
    complaint_until: date | None
    lines: tuple[Quantity, ...]


@dataclass(frozen=True, slots=True)
class Order:
    """An order with its lines, notes and receipts; `buyer` and `supplier` are company ids, `sequence` the last change applied."""

    id: str
    tenant: str
    number: str
    issue_date: date
    buyer: str
    buyer_name: str
    buyer_endpoint: str
    buyer_contact: str | None
    supplier: str
    supplier_name: str
    supplier_endpoint: str
    currency: str
    contract: str | None
    contract_number: str
    reference: str
    note: str
    requested_start: date | None
    requested_end: date | None
    response_code: str = ""
    sequence: int = 0
    cancelled: bool = False
    version: int = 1
    lines: tuple[Line, ...] = ()
    notes: tuple[Note, ...] = ()
    receipts: tuple[Receipt, ...] = ()
    contacts: tuple[tuple[str, str], ...] = ()

    @property
    def estimated_delivery(self) -> date | None:
        """The day by which all of it should be there: the latest of its lines."""
        days = [day for line in self.lines if not line.cancelled and (day := self.delivery_date(line))]
        return max(days, default=self.requested_end or self.requested_start)

    def delivery_date(self, line: Line) -> date | None:
        """A line's own day, else the order's."""
        return line.delivery_date or self.requested_end or self.requested_start

    def awaited(self, line: Line) -> date | None:
        """The delivery date of a line that a requester's delivery note is still to name; None where nobody is reminded of it."""
        settled = self.cancelled or line.cancelled or line.noted
        return None if settled or self.contract is None else self.delivery_date(line)

    def delivered(self, line: str, unit: str) -> Decimal:
        """What notes, and receipts booked without one, say has come of this line."""
        return _sum(self._counted, line, unit)

    @property
    def _counted(self) -> tuple[tuple[Quantity, ...], ...]:
        return (*(note.lines for note in self.notes), *(receipt.lines for receipt in self.receipts if receipt.note is None))

    @property
    def came(self) -> dict[tuple[str, str], Decimal]:
        """What has come so far, by line and unit: in one pass, for pages and lists of all lines."""
        found: dict[tuple[str, str], Decimal] = {}
        for one in (one for lines in self._counted for one in lines):
            found[one.line, one.unit] = found.get((one.line, one.unit), Decimal(0)) + one.quantity
        return found

    @property
    def due(self) -> list[tuple[Line, Decimal]]:
        """The lines that are not cancelled, each with what has come of it."""
        came = self.came
        return [(line, came.get((line.line, line.unit), Decimal(0))) for line in self.lines if not line.cancelled]

    @property
    def fully_delivered(self) -> bool:
        """Nothing is open any more."""
        due = self.due
        return bool(due) and all(delivered >= line.quantity for line, delivered in due)

    @property
    def backorder(self) -> bool:
        """Something has come, and something is still open."""
        due = self.due
        return not self.cancelled and any(came > 0 for _, came in due) and any(came < line.quantity for line, came in due)

    @property
    def next_date(self) -> date | None:
        """The earliest delivery date of a line that is still open."""
        open_ = [] if self.cancelled else [line for line, came in self.due if came < line.quantity]
        return min((day for line in open_ if (day := self.delivery_date(line))), default=None)

    @property
    def net_total(self) -> Decimal | None:
        """The sum of the lines that are not cancelled; None where one has no amount."""
        nets = [line.net for line in self.lines if not line.cancelled]
        known = [net for net in nets if net is not None]
        return sum(known, Decimal(0)) if nets and len(known) == len(nets) else None

    @property
    def shipments(self) -> list[str]:
        """The numbers of its delivery notes, the newest first."""
        return [note.number for note in reversed(self.notes)]


def _sum(counted: Iterable[tuple[Quantity, ...]], line: str, unit: str) -> Decimal:
    return sum((one.quantity for lines in counted for one in lines if one.line == line and one.unit == unit), Decimal(0))


def order_id(tenant: str, buyer_endpoint: str, seller_endpoint: str, number: str, issue_date: date) -> str:
    """An order's identity: who orders from whom, under which number, on which day."""
    return ids.stable("order", tenant, buyer_endpoint, seller_endpoint, number, issue_date.isoformat())


def key(number: str) -> str:
    """A number as it is looked for: whoever types it need not mind capitals."""
    return number.casefold()


@dataclass(frozen=True, slots=True)
class Standing:
    """What a status asks of an order's columns; None: any. `undated`: orders without a date have it as well."""

    cancelled: bool
    delivered: bool | None = None
    first: date | None = None
    last: date | None = None
    undated: bool = False


def standing(wanted: Status, today: date) -> Standing:
    """Which orders have this status today: `status`, the other way round."""
    soon = today + EXPIRING_SOON
    return {
        "cancelled": Standing(cancelled=True),
        "delivered": Standing(cancelled=False, delivered=True),
        "active": Standing(cancelled=False, delivered=False, first=soon + timedelta(days=1), undated=True),
        "expiring-soon": Standing(cancelled=False, delivered=False, first=today, last=soon),
        "overdue": Standing(cancelled=False, delivered=False, last=today - timedelta(days=1)),
    }[wanted]


def status(today: date, estimated: date | None, *, delivered: bool, cancelled: bool) -> Status:
    """The status that a list shows, derived and never stored."""
    if cancelled:
        return "cancelled"
    if delivered:
        return "delivered"
    if estimated is None or estimated - today > EXPIRING_SOON:
        return "active"
    return "overdue" if estimated < today else "expiring-soon"
