"""Basic contracts: who is told of a wrong delivery, and how the receipt of goods is booked."""

from dataclasses import dataclass
from decimal import Decimal

from postroom.contracts import ids


@dataclass(frozen=True, slots=True)
class Contract:
    """A basic contract of a buying company; `provisional` until the API completes what a document brought along."""

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


def contract_id(tenant: str, buyer: str, number: str) -> str:
    """A contract is known by its number within the buying company."""
    return ids.stable("contract", tenant, buyer, number)
