"""Facts of po-service about orders and deliveries. Key: the order."""

from datetime import date
from typing import Annotated, ClassVar

from pydantic import Field

from postroom.contracts.fields import MAX_DAYS, MAX_VERSION, DecimalText, Fact, Id, Part, Text, UtcTime


class OrderRef(Part):
    """The order that something happened to."""

    id: Id
    number: Id
    supplier: Text = ""
    contract: Id | None = None
    contract_number: Text = ""


class NoteLine(Part):
    """One line of a delivery note beside the order's line: quantities in `unit`, the order's unit of measure."""

    line: Id
    item: Text = ""
    ordered: DecimalText
    unit: Text
    delivered: DecimalText
    delivered_unit: Text
    previously_delivered: DecimalText = Field(default="0", validate_default=True)


class DeliveryNoteRecorded(Fact):
    """A delivery note (or the despatch advice that counts as one) was recorded; a correction is the next version."""

    TYPE: ClassVar[str] = "DeliveryNoteRecorded.v1"

    note: Id
    version: int = Field(default=1, ge=1, le=MAX_VERSION)
    number: Id
    origin: Text = "despatch-advice"
    order: OrderRef
    purchaser_contact: Id | None = None
    partial_announced: bool = False
    mute_announced_partials: bool = False
    recorded_at: UtcTime
    lines: list[NoteLine] = Field(max_length=2_000)


class ReceivedLine(Part):
    """A received line and who ordered it."""

    line: Id
    item: Text = ""
    quantity: DecimalText
    unit: Text
    ordered_by: Id


class GoodsReceived(Fact):
    """The receipt of goods was booked: `booking` is automatic or manual."""

    TYPE: ClassVar[str] = "GoodsReceived.v1"

    receipt: Id
    booking: Text
    order: OrderRef
    note: Id | None = None
    note_number: Text = ""
    booked_at: UtcTime
    complaint_until: date | None = None
    lines: list[ReceivedLine] = Field(max_length=2_000)


class ChangedLine(Part):
    """An order line as it now stands; `delivery_date` is the seller's promise, else the buyer's wish."""

    line: Id
    delivery_date: date | None = None
    cancelled: bool = False


class OrderChanged(Fact):
    """Lines of an order were cancelled, or are due on another day: what was said of their old delivery date is void.

    An order that is cancelled as a whole (`cancelled`) names all its lines too: only what is named becomes void.
    """

    TYPE: ClassVar[str] = "OrderChanged.v1"

    order: OrderRef
    cancelled: bool = False
    lines: list[ChangedLine] = Field(max_length=2_000)


Days = Annotated[int, Field(ge=0, le=MAX_DAYS)]


class Reminders(Part):
    """The options of the basic contract: days after the delivery date, null where the reminder is not activated."""

    first: Days | None = None
    second: Days | None = None
    third: Days | None = None


class OverdueLine(Part):
    """A line whose delivery date has passed. `due_on` is the day on which this level's reminder falls due; `open` is in `unit`."""

    line: Id
    item: Text = ""
    ordered_by: Id
    ordered_by_name: Text = ""
    delivery_date: date
    due_on: date
    open: DecimalText
    unit: Text
    noted: bool = False
    cancelled: bool = False


class DeliveryNoteOverdue(Fact):
    """The delivery date has passed and the requester has not created a delivery note: level 1, 2 or 3, found on the day `as_of`."""

    TYPE: ClassVar[str] = "DeliveryNoteOverdue.v1"

    order: OrderRef
    level: int = Field(ge=1, le=3)
    as_of: date
    reminders: Reminders
    calendar: Text = "working-days"
    purchaser_contact: Id | None = None
    lines: list[OverdueLine] = Field(max_length=1_000)


class RequestedItem(Part):
    """An item that a requester wants ordered; `item` is this request's id, `net` its value."""

    item: Id
    name: Text = ""
    requester: Id
    requester_name: Text = ""
    quantity: DecimalText
    unit: Text
    net: DecimalText


class MinimumOrderValueNotReached(Fact):
    """A purchase order was to be generated (`run`), and its total lies below the minimum of the basic contract."""

    TYPE: ClassVar[str] = "MinimumOrderValueNotReached.v1"

    run: Id
    order: OrderRef
    minimum: DecimalText
    total: DecimalText
    currency: Text
    purchaser_contact: Id | None = None
    items: list[RequestedItem] = Field(max_length=1_000)
