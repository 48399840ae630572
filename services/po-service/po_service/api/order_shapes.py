"""How orders, their people and their documents are shown: what UI teams find in the OpenAPI document."""

from datetime import date, datetime
from typing import Literal

from pydantic import BaseModel, ConfigDict

from po_service.domain.orders import Status
from postroom.contracts.commlog import Attachment


class CompanyShown(BaseModel):
    """A company as the order names it."""

    id: str
    name: str
    endpoint: str


class OrderHead(BaseModel):
    """An order in a list. `next_date`: the earliest delivery date of a line that is open; `estimated_delivery`: when all should be there.

    `backorder`: something has come and something is still open. `net_total` in `currency`; null where a line has no amount.
    """

    id: str
    number: str
    tenant: str
    issue_date: date
    currency: str
    reference: str
    requested_start: date | None
    requested_end: date | None
    response_code: str
    version: int
    supplier: CompanyShown
    buyer: CompanyShown
    status: Status
    estimated_delivery: date | None
    next_date: date | None
    backorder: bool
    net_total: str | None


class ListedOrder(OrderHead):
    """`shipments`: the numbers of its newest delivery notes; `shipment_count`: how many it has."""

    contract: str | None
    shipments: list[str]
    shipment_count: int


class OrderList(BaseModel):
    """A page of orders, the newest first; `more`: there are more than the `total` that was counted."""

    orders: list[ListedOrder]
    total: int
    more: bool


class Orderer(BaseModel):
    """Who ordered a line."""

    person: str
    name: str


class LineShown(BaseModel):
    """An order line; `delivered`: what has come of it. Quantities and amounts are decimals as text."""

    line: str
    item: str
    description: str
    sellers_item: str
    buyers_item: str
    quantity: str
    unit: str
    price: str | None
    base_quantity: str
    net: str | None
    ordered_by: Orderer
    requested_start: date | None
    requested_end: date | None
    response_code: str
    cancelled: bool
    noted: bool
    delivered: str
    delivery_date: date | None


class QuantityShown(BaseModel):
    """So much of a line; `item` names what the order doesn't have, `outstanding` what the seller says is still to come."""

    line: str
    quantity: str
    unit: str
    item: str
    outstanding: str | None


class NoteShown(BaseModel):
    """A delivery note in its newest version; `origin`: a supplier's despatch-advice, or the requester's own note."""

    note: str
    id: str
    number: str
    position: int
    version: int
    origin: Literal["despatch-advice", "requester"]
    partial_announced: bool
    delivery_date: date | None
    recorded_at: datetime
    lines: list[QuantityShown]
    booked: bool


class ReceiptShown(BaseModel):
    """A booked receipt of goods; `note` is null where lines were booked by hand."""

    receipt: str
    id: str
    booking: Literal["automatic", "manual"]
    note: str | None
    booked_at: datetime
    booked_by: str | None
    complaint_until: date | None
    lines: list[QuantityShown]


class ContractOf(BaseModel):
    """The order's contract: for the buying side with its conditions, as GET /contracts/{contract} shows them."""

    model_config = ConfigDict(extra="allow")

    id: str
    number: str


class OrderPage(OrderHead):
    """One order with all that belongs to it; `shipments`: the numbers of its delivery notes, the newest first."""

    note: str
    lines: list[LineShown]
    contract: ContractOf | None
    delivery_notes: list[NoteShown]
    receipts: list[ReceiptShown]
    shipments: list[str]


class ContactShown(BaseModel):
    """A person on an order, with the roles held there."""

    person: str
    name: str
    email: str | None
    side: Literal["client", "supplier"]
    company: str | None
    roles: list[str]


class Contacts(BaseModel):
    """The buying side first."""

    contacts: list[ContactShown]


class Parties(BaseModel):
    """Whose order it is, and its people: what commlog-service asks before each answer, in one call."""

    id: str
    number: str
    tenant: str
    supplier: str
    supplier_name: str
    buyer: str
    buyer_name: str
    contract: str | None
    contacts: list[ContactShown]


class DocumentShown(BaseModel):
    """A document whose bytes lie on the order; `size` in bytes."""

    document: str
    filename: str
    media_type: str
    size: int
    sha256: str
    kind: str
    added_at: datetime


class Link(BaseModel):
    """A document of which the order only says where it lies."""

    filename: str
    uri: str
    kind: str


class Documents(BaseModel):
    """Only `documents` can be sent."""

    documents: list[DocumentShown]
    links: list[Link]


class Pinned(BaseModel):
    """Documents by sha256."""

    documents: list[Attachment]
