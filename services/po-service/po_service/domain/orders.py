"""An order and what belongs to it."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal

from postroom.contracts import ids

EXPIRING_SOON = timedelta(days=7)


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
        counted = (*(note.lines for note in self.notes), *(receipt.lines for receipt in self.receipts if receipt.note is None))
        return _sum(counted, line, unit)

    @property
    def fully_delivered(self) -> bool:
        """Nothing is open any more."""
        due = [line for line in self.lines if not line.cancelled]
        return bool(due) and all(self.delivered(line.line, line.unit) >= line.quantity for line in due)


def _sum(counted: Iterable[tuple[Quantity, ...]], line: str, unit: str) -> Decimal:
    return sum((one.quantity for lines in counted for one in lines if one.line == line and one.unit == unit), Decimal(0))


def order_id(tenant: str, buyer_endpoint: str, seller_endpoint: str, number: str, issue_date: date) -> str:
    """An order's identity: who orders from whom, under which number, on which day."""
    return ids.stable("order", tenant, buyer_endpoint, seller_endpoint, number, issue_date.isoformat())


def status(today: date, estimated: date | None, *, delivered: bool, cancelled: bool) -> str:
    """The status that a list shows, derived and never stored."""
    if cancelled:
        return "cancelled"
    if delivered:
        return "delivered"
    if estimated is None or estimated - today > EXPIRING_SOON:
        return "active"
    return "overdue" if estimated < today else "expiring-soon"
