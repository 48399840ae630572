"""Facts of po-service about invoices. Key: the invoice."""

from typing import ClassVar

from pydantic import Field

from postroom.contracts.fields import MAX_VERSION, DecimalText, Fact, Id, Text


class InvoiceCheckFailed(Fact):
    """An error occurred while an invoice was processed: `stage` says where, `code` and `text` what. The same code again is no news."""

    TYPE: ClassVar[str] = "InvoiceCheckFailed.v1"

    invoice: Id
    version: int = Field(default=1, ge=1, le=MAX_VERSION)
    number: Id
    supplier: Text = ""
    orders: list[Text] = []
    stage: Text = ""
    code: Text
    text: Text = ""
    details: list[Text] = Field(default=[], max_length=100)
    amount: DecimalText | None = None
    expected: DecimalText | None = None
    currency: Text = ""
