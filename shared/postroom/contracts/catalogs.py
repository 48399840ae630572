"""Facts of po-service about catalogs. Key: the catalog."""

from datetime import date
from typing import Annotated, ClassVar

from pydantic import Field

from postroom.contracts.fields import MAX_VERSION, Fact, Id, Part, Text

Count = Annotated[int, Field(ge=0, le=MAX_VERSION)]


class ItemChange(Part):
    """One item's change: `kind` is added, removed, price, description, validity (other dates) or expired (the price is no longer valid).

    `old` and `new` are as a person reads them in any language: a decimal in a string, a date, a text. `currency` belongs to a price.
    """

    item: Id
    name: Text = ""
    kind: Text
    old: Text = ""
    new: Text = ""
    currency: Text = ""
    valid_until: date | None = None


class CatalogItemsChanged(Fact):
    """Products of a catalog changed: `counts` says how often each kind of change, `changes` shows the first of them.

    `notify_on` are the kinds that the catalog's managers want to hear of; empty: all.
    """

    TYPE: ClassVar[str] = "CatalogItemsChanged.v1"

    catalog: Id
    name: Text = ""
    version: int = Field(ge=1, le=MAX_VERSION)
    supplier: Text = ""
    cause: Text = "changed"
    managers: list[Id] = Field(default=[], max_length=200)
    notify_on: list[Text] = []
    counts: dict[Text, Count] = {}
    changes: list[ItemChange] = Field(max_length=1_000)
