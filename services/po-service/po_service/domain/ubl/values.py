"""What a UBL document says, as plain values: quantities and amounts are Decimals, endpoints are `scheme:id`."""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import ClassVar


@dataclass(frozen=True, slots=True)
class Contact:
    """A person that a document names; without an address they can be told in the app only."""

    name: str
    email: str | None = None
    phone: str = ""


@dataclass(frozen=True, slots=True)
class Party:
    """A buyer or a seller; `endpoint` is scheme:id, such as 0088:7300010000001."""

    endpoint: str
    name: str
    contact: Contact | None = None


@dataclass(frozen=True, slots=True)
class Period:
    """Calendar days; either may be missing."""

    start: date | None = None
    end: date | None = None

    @property
    def last(self) -> date | None:
        """The day by which it should have happened."""
        return self.end or self.start


@dataclass(frozen=True, slots=True)
class Attachment:
    """A document that came with an order: its bytes, or only the address where it lies."""

    number: str
    title: str
    filename: str
    media_type: str
    content: bytes | None
    uri: str


@dataclass(frozen=True, slots=True)
class OrderLine:
    """One line; `status` is the UNCL1229 code of an OrderChange (1 added, 2 deleted, 3 changed), else empty."""

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
    requested: Period
    orderer: Contact | None
    status: str = ""


@dataclass(frozen=True, slots=True)
class OrderReference:
    """The order that a later document speaks of; few name its issue date."""

    number: str
    issue_date: date | None = None


@dataclass(frozen=True, slots=True)
class Order:
    """An order; the body of a change is one too, with the changed lines only."""

    kind: ClassVar[str] = "Order"

    number: str
    issue_date: date
    buyer: Party
    seller: Party
    currency: str
    contract: str
    reference: str
    note: str
    requested: Period
    originator: Contact | None
    receiver: Contact | None
    lines: tuple[OrderLine, ...]
    attachments: tuple[Attachment, ...]

    @property
    def sender(self) -> Party:
        """Orders are the buyer's to send."""
        return self.buyer

    @property
    def order(self) -> OrderReference:
        """Itself."""
        return OrderReference(self.number, self.issue_date)


@dataclass(frozen=True, slots=True)
class OrderChange:
    """The buyer's change of an order; changes apply by `sequence`, from 1 on without a gap."""

    kind: ClassVar[str] = "OrderChange"

    number: str
    sequence: int
    order: OrderReference
    body: Order

    @property
    def sender(self) -> Party:
        """Changes are the buyer's to send."""
        return self.body.buyer


@dataclass(frozen=True, slots=True)
class OrderCancellation:
    """The buyer takes the order back."""

    kind: ClassVar[str] = "OrderCancellation"

    number: str
    issue_date: date
    note: str
    order: OrderReference
    buyer: Party
    seller: Party

    @property
    def sender(self) -> Party:
        """Cancellations are the buyer's to send."""
        return self.buyer


@dataclass(frozen=True, slots=True)
class LineResponse:
    """What the seller says of one line; `code` as UNCL1229 (5 accepted, 3 changed, 7 not accepted)."""

    line: str
    code: str
    quantity: Decimal | None
    promised: Period


@dataclass(frozen=True, slots=True)
class OrderResponse:
    """The seller's answer; `code` as UNCL4343 (AP accepted, CA with amendments, RE rejected, AB received)."""

    kind: ClassVar[str] = "OrderResponse"

    number: str
    issue_date: date
    code: str
    order: OrderReference
    seller: Party
    promised: Period
    lines: tuple[LineResponse, ...]

    @property
    def sender(self) -> Party:
        """Responses are the seller's to send."""
        return self.seller


@dataclass(frozen=True, slots=True)
class DespatchLine:
    """What was sent of one order line; `outstanding` is what the seller announces for later, None when it says nothing."""

    line: str
    order_line: str
    item: str
    sellers_item: str
    quantity: Decimal
    unit: str
    outstanding: Decimal | None


@dataclass(frozen=True, slots=True)
class DespatchAdvice:
    """The seller's word on what is on its way; counts as a delivery note.

    `seller` is who despatches, until it is known that this is a warehouse or a carrier: then whom it does it for, its `principal`.
    """

    kind: ClassVar[str] = "DespatchAdvice"

    number: str
    issue_date: date
    order: OrderReference
    seller: Party
    principal: Party | None
    delivery: Period
    lines: tuple[DespatchLine, ...]

    @property
    def sender(self) -> Party:
        """Despatch advices are the seller's to send."""
        return self.seller


Document = Order | OrderChange | OrderCancellation | OrderResponse | DespatchAdvice
BUYERS = (Order, OrderChange, OrderCancellation)
