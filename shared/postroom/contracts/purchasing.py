"""Facts of po-service about orders, deliveries and budgets. Key: the order, or the budget where there is none."""

from datetime import date
from typing import ClassVar

from pydantic import Field

from postroom.contracts.fields import DecimalText, Fact, Id, Part, Text, UtcTime


class OrderRef(Part):
    """The order that something happened to."""

    id: Id
    number: Id
    supplier: Text = ""
    contract: Id | None = None


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
    version: int = Field(default=1, ge=1)
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


class BudgetExpired(Fact):
    """A budget ran out: `reason` is date or exhausted, `kind` user, cost-code, credit-card or other."""

    TYPE: ClassVar[str] = "BudgetExpired.v1"

    budget: Id
    name: Text
    kind: Text
    scope: Text = ""
    period_start: date
    period_end: date
    start_value: DecimalText
    current_value: DecimalText
    currency: Text
    owner: Id | None = None
    manager: Id | None = None
    reason: Text
