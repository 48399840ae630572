"""The parts that several kinds of documents share: parties, contacts, periods, references."""

import re
from dataclasses import replace

from po_service.domain.ubl.node import ID, Node
from po_service.domain.ubl.values import Contact, OrderReference, Party, Period
from postroom.contracts.errors import Refused

_ADDRESS = re.compile(r"[^@\s,;<>\"]{1,64}@[^@\s,;<>\"]{1,255}")
_IDENTIFIERS = ("cbc:EndpointID", "cac:PartyIdentification/cbc:ID", "cac:PartyLegalEntity/cbc:CompanyID")
_NAMES = ("cac:PartyName/cbc:Name", "cac:PartyLegalEntity/cbc:RegistrationName")


def party(holder: Node, aside: str = "") -> Party:
    """The party of a …CustomerParty or …SupplierParty; `aside` is where older UBL puts its contact.

    Peppol asks for the EndpointID; older UBL names a party by its identification, which then stands for it.
    """
    node = holder.need_child("cac:Party")
    found = contact(node.child("cac:Contact")) or (contact(holder.child(aside)) if aside else None)
    return replace(plain_party(node), contact=found)


def identified_party(holder: Node | None, aside: str) -> Party | None:
    """A party that needs no EndpointID; None where it isn't there, or has no identifier at all."""
    node = holder.child("cac:Party") if holder else None
    return party(holder, aside) if holder and node and _identifier(node) else None


def plain_party(node: Node) -> Party:
    """A party that stands by itself, such as SenderParty; without its contact."""
    endpoint = _identifier(node)
    if not endpoint:
        raise Refused("invalid", "the party has no EndpointID", f"{node.path}/cbc:EndpointID")
    return Party(endpoint, _name(node) or endpoint)


def contact(node: Node | None) -> Contact | None:
    """A cac:Contact; one that names nobody is none. Text that is no address is left out rather than refusing the order for it."""
    if node is None:
        return None
    email = node.text("cbc:ElectronicMail")
    email = email if _ADDRESS.fullmatch(email) else ""
    name = node.text("cbc:Name", ID) or email
    return Contact(name, email or None, node.text("cbc:Telephone", ID)) if name else None


def originator(node: Node | None) -> Contact | None:
    """Who asked for a line: the party's contact, else the party itself, which is a person's name there."""
    if node is None:
        return None
    found = contact(node.child("cac:Contact"))
    name = _name(node) or _identifier(node)
    return found or (Contact(name) if name else None)


def period(node: Node | None) -> Period:
    """A …Period; empty where there is none."""
    return Period() if node is None else Period(node.day("cbc:StartDate"), node.day("cbc:EndDate"))


def order_reference(node: Node) -> OrderReference:
    """The order that this document speaks of."""
    return OrderReference(node.need("cac:OrderReference/cbc:ID"), node.day("cac:OrderReference/cbc:IssueDate"))


def _name(node: Node) -> str:
    return next((name for path in _NAMES if (name := node.text(path, ID))), "")


def _identifier(node: Node) -> str:
    for path in _IDENTIFIERS:
        if value := node.text(path, ID):
            scheme = node.attribute(path, "schemeID")
            return f"{scheme}:{value}" if scheme else value
    return ""
