"""Basic contracts: who delivers, who is told of what, and how the receipt of goods is booked."""

from dataclasses import dataclass
from decimal import Decimal

from po_service.domain.calendars import WORKING_DAYS
from postroom.contracts import ids


@dataclass(frozen=True, slots=True)
class Contract:
    """A basic contract of a buying company; `provisional` until the API completes what a document brought along.

    A reminder that is activated has its days after the delivery date, any other None.
    """

    tenant: str
    id: str
    number: str
    buyer: str
    purchaser_contact: str | None = None
    automatic_receipt: bool = False
    receipt_days: int | None = None
    complaint_days: int | None = None
    mute_announced_partials: bool = False
    minimum_order_value: Decimal | None = None
    currency: str = ""
    provisional: bool = True
    supplier: str | None = None
    first_reminder: int | None = None
    second_reminder: int | None = None
    third_reminder: int | None = None
    reminder_calendar: str = WORKING_DAYS

    @property
    def reminders(self) -> dict[int, int]:
        """Level → days after the delivery date, of those that are activated."""
        days = {1: self.first_reminder, 2: self.second_reminder, 3: self.third_reminder}
        return {level: after for level, after in days.items() if after is not None}


def contract_id(tenant: str, buyer: str, number: str) -> str:
    """A contract is known by its number within the buying company."""
    return ids.stable("contract", tenant, buyer, number)
