"""A raw document as it came, and what became of it."""

from dataclasses import dataclass
from typing import ClassVar

from pydantic import ConfigDict, SkipValidation

from po_service.domain.ubl.values import BUYERS, Contact, Document, Order, OrderChange, Party
from postroom.contracts.errors import Refused
from postroom.contracts.event import Event
from postroom.contracts.fields import Fact
from postroom.contracts.record import Record


@dataclass(frozen=True, slots=True)
class Received:
    """A document with who handed it in; `id` is the sha256 of its canonical XML."""

    emitter: str
    id: str
    tenant: str
    document: Document
    record: Record
    endpoints: tuple[str, ...] = ("*",)
    sides: tuple[str, ...] = ("client", "supplier")

    @property
    def event(self) -> Event:
        """As the intake takes it; (emitter, emitter, sha256) is its identity."""
        document = self.document
        return Event(
            emitter=self.emitter,
            source=self.emitter,
            id=self.id,
            type=UblDocument.TYPE,
            time=self.record.timestamp,
            subject=document.number,
            key=document.order.number,
            tenant=self.tenant,
            data=UblDocument(received=self),
            hash=self.id,
        )

    @property
    def key(self) -> tuple[str, str]:
        """(tenant, order number): what is locked, loaded and waited for."""
        return (self.tenant, self.document.order.number)

    @property
    def seller_endpoint(self) -> str:
        """Whose order it is about."""
        document = self.document
        if isinstance(document, OrderChange):
            return document.body.seller.endpoint
        return document.seller.endpoint

    @property
    def buyer_endpoint(self) -> str | None:
        """Who ordered; a seller's document needn't say."""
        document = self.document
        if isinstance(document, OrderChange):
            return document.body.buyer.endpoint
        return document.buyer.endpoint if isinstance(document, BUYERS) else None

    @property
    def body(self) -> Order | None:
        """The order's own content, of an order or a change."""
        return self.document.body if isinstance(self.document, OrderChange) else self.document if isinstance(self.document, Order) else None

    @property
    def parties(self) -> list[tuple[str, Party, list[Contact]]]:
        """(side, party, contacts) of those whose companies and people this document may bring along."""
        document, body = self.document, self.body
        if body is None:
            return [("supplier", document.seller, _named([document.seller.contact]))] if not isinstance(document, BUYERS) else []
        buyers = [body.buyer.contact or Contact(body.buyer.name), body.originator, body.receiver, *(line.orderer for line in body.lines)]
        return [("client", body.buyer, _named(buyers)), ("supplier", body.seller, _named([body.seller.contact]))]

    def check_sender(self) -> None:
        """Raise Refused('forbidden') unless whoever handed it in may speak for the sending party."""
        endpoint = self.document.sender.endpoint
        side = "client" if isinstance(self.document, BUYERS) else "supplier"
        if side not in self.sides:
            raise Refused(
                "forbidden", f"{self.emitter!r} may not hand in a {self.document.kind}, which is the other side's to send", "sender"
            )
        if "*" not in self.endpoints and endpoint not in self.endpoints:
            raise Refused("forbidden", f"{self.emitter!r} may not speak for the sending party {endpoint}", "sender")


def _named(contacts: list[Contact | None]) -> list[Contact]:
    return [contact for contact in contacts if contact]


class UblDocument(Fact):
    """A UBL document on its way in; never published, so its type has no topic."""

    TYPE: ClassVar[str] = "UBL.v1"
    model_config = ConfigDict(frozen=True, arbitrary_types_allowed=True)

    received: SkipValidation[Received]


def of_event(event: Event) -> Received:
    """The document that an event of the intake carries."""
    assert isinstance(event.data, UblDocument)  # noqa: S101 - our own decoder made it
    return event.data.received


@dataclass(frozen=True, slots=True)
class Known:
    """A document about the same order that came before: processed, or waiting."""

    kind: str
    number: str
    sender: str
    sha256: str
    order: str | None
    sequence: int | None
    outcome: str
