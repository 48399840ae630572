"""Facts of po-service about demand: templates, quantity requests and the replies to them. Key: the template or request."""

from datetime import date
from typing import ClassVar

from pydantic import Field

from postroom.contracts.fields import MAX_VERSION, DecimalText, Fact, Id, Part, Text, UtcTime


class Assigned(Part):
    """A person assigned to a template, and as what: buyer or requester."""

    person: Id
    role: Text


class DemandItem(Part):
    """A line of a template or of a quantity request; without a quantity that is what is asked for."""

    item: Id
    name: Text = ""
    quantity: DecimalText | None = None
    unit: Text = ""


class TemplateDue(Fact):
    """A template or quantity request (`kind`) is due: `occurrence` is the day it was due on, `as_of` the company's day it was found."""

    TYPE: ClassVar[str] = "TemplateDue.v1"

    template: Id
    kind: Text = "template"
    name: Text
    owner: Id | None = None
    assigned: list[Assigned] = Field(max_length=500)
    occurrence: date
    as_of: date | None = None
    valid_from: date | None = None
    valid_until: date | None = None
    active: bool = True
    withdrawn: bool = False
    items: list[DemandItem] = Field(default=[], max_length=1_000)


class TemplateWithdrawn(Fact):
    """A template or quantity request was withdrawn or switched off: nobody needs to be told any more that it is due."""

    TYPE: ClassVar[str] = "TemplateWithdrawn.v1"

    template: Id
    kind: Text = "template"
    name: Text = ""


class QuantityRequestReplied(Fact):
    """A requester submitted a reply to a quantity request; a changed reply is the next revision. `purchaser` released the request."""

    TYPE: ClassVar[str] = "QuantityRequestReplied.v1"

    request: Id
    name: Text
    reply: Id
    revision: int = Field(default=1, ge=1, le=MAX_VERSION)
    requester: Id
    requester_name: Text = ""
    purchaser: Id | None = None
    replied_at: UtcTime
    replied_on: date
    valid_from: date | None = None
    valid_until: date | None = None
    lines: list[DemandItem] = Field(max_length=1_000)
