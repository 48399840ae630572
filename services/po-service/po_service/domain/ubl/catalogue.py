"""Catalogue: what a seller offers (Peppol transaction 19).

Each document has an ID of its own; what makes several of them one catalogue is the contract in their header ("Replaces the entire
catalogue referring to the contract"). Without a contract it is the source catalogue that they name, else their own ID.
"""

from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from typing import ClassVar

from po_service.domain.ubl.node import ID, Node
from po_service.domain.ubl.parts import period, plain_party
from po_service.domain.ubl.values import Party, Period
from postroom.contracts.errors import Refused

MAX_LINES = 50_000
ADD, REPLACE, UPDATE, DELETE = "Add", "Replace", "Update", "Delete"
EVER = Period()
_PRICE = "cac:RequiredItemLocationQuantity/cac:Price"


@dataclass(frozen=True, slots=True)
class CatalogueLine:
    """One item. `code` is the seller's number, else the standard one (GTIN); `action` is Add, Update or Delete, or empty."""

    action: str
    code: str
    standard: str
    name: str = ""
    description: str = ""
    unit: str = ""
    price: Decimal | None = None
    currency: str = ""
    valid: Period = EVER


@dataclass(frozen=True, slots=True)
class Catalogue:
    """A catalogue, or changes of one, as `action` says; `about` names it among those of this provider and receiver."""

    kind: ClassVar[str] = "Catalogue"

    number: str
    issue_date: date
    action: str
    name: str
    version: str
    about: str
    provider: Party
    receiver: Party
    lines: tuple[CatalogueLine, ...]

    @property
    def sender(self) -> Party:
        """Catalogues are the seller's to send, or its provider's."""
        return self.provider


def catalogue(root: Node) -> Catalogue:
    """A Catalogue; its default is to replace all that was there."""
    action = _action(root, (ADD, REPLACE, UPDATE, DELETE)) or REPLACE
    valid = _period(root.child("cac:ValidityPeriod"), EVER)
    lines = tuple(_line(node, valid) for node in root.children("cac:CatalogueLine"))
    if len(lines) > MAX_LINES or not (lines or action == DELETE):
        raise Refused("invalid", f"{len(lines)} lines; a catalogue has 1 to {MAX_LINES}", f"{root.path}/cac:CatalogueLine")
    number = root.need("cbc:ID")
    return Catalogue(
        number=number,
        issue_date=root.need_day("cbc:IssueDate"),
        action=action,
        name=root.text("cbc:Name", ID),
        version=root.text("cbc:VersionID", ID),
        about=root.text("cac:ReferencedContract/cbc:ID", ID) or root.text("cac:SourceCatalogueReference/cbc:ID", ID) or number,
        provider=plain_party(root.need_child("cac:ProviderParty")),
        receiver=plain_party(root.need_child("cac:ReceiverParty")),
        lines=lines,
    )


def _action(node: Node, known: tuple[str, ...]) -> str:
    """The code as the specification writes it: REPLACE is none."""
    code = node.text("cbc:ActionCode", ID)
    if code and code not in known:
        raise Refused("invalid", f"{code[:40]!r} is none of the action codes {', '.join(known)}", f"{node.path}/cbc:ActionCode")
    return code


def _line(node: Node, catalogues: Period) -> CatalogueLine:
    item = node.need_child("cac:Item")
    standard = item.text("cac:StandardItemIdentification/cbc:ID", ID)
    code = item.text("cac:SellersItemIdentification/cbc:ID", ID) or standard
    if not code:
        detail = "an item needs the seller's identification or a standard one"
        raise Refused("invalid", detail, f"{item.path}/cac:SellersItemIdentification/cbc:ID")
    line = CatalogueLine(_action(node, (ADD, UPDATE, DELETE)), code, standard)
    if line.action == DELETE:
        return line
    prices = [_price(price, line, node, catalogues) for price in node.children(_PRICE)]
    # Several prices are those of one after the other, or of quantities: the one that holds longest is the item's.
    priced = max(prices, key=lambda one: one.valid.end or date.max, default=line)
    return replace(
        priced,
        name=item.text("cbc:Name") or item.text("cbc:Description") or code,
        description=item.text("cbc:Description"),
        unit=f"{priced.unit} {node.text('cbc:OrderableUnit', ID)}".strip(),
        valid=priced.valid if prices else _period(node.child("cac:LineValidityPeriod"), catalogues),
    )


def _price(price: Node, line: CatalogueLine, node: Node, catalogues: Period) -> CatalogueLine:
    """The line with this price; one for several units says so in `unit`."""
    amount, base = price.decimal("cbc:PriceAmount"), price.quantity("cbc:BaseQuantity")
    if amount is not None and amount < 0:
        raise Refused("invalid", "a price can't be negative", f"{price.path}/cbc:PriceAmount")
    valid = _period(price.child("cac:ValidityPeriod"), _period(node.child("cac:LineValidityPeriod"), catalogues))
    unit = f"{base.normalize():f}" if base not in (None, 1) else ""
    return replace(line, price=amount, currency=price.attribute("cbc:PriceAmount", "currencyID"), valid=valid, unit=unit)


def _period(node: Node | None, outer: Period) -> Period:
    """The period there; what it leaves open is as in the one around it."""
    own = period(node)
    found = Period(own.start or outer.start, own.end or outer.end)
    if node and found.start and found.end and found.end < found.start:
        raise Refused("invalid", f"the period ends on {found.end}, before it starts on {found.start}", node.path)
    return found
