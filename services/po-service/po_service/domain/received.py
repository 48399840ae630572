"""Each kind of document with what it is about: what is locked, loaded and waited for, and whom it brings along."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from po_service.domain.directory import Directory
from po_service.domain.incoming import Incoming
from po_service.domain.ubl.catalogue import Catalogue
from po_service.domain.ubl.invoice_response import InvoiceResponse
from po_service.domain.ubl.reading import AnyDocument
from po_service.domain.ubl.values import BUYERS, Contact, DespatchAdvice, Document, Order, OrderChange, Party
from postroom.contracts import ids
from postroom.contracts.record import Record

# By so much may the clocks of those who write documents differ.
MARGIN = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class ReceivedCatalogue(Incoming[Catalogue]):
    """A catalogue of a seller for a buyer."""

    @property
    def key(self) -> tuple[str, str]:
        """(tenant, catalog id): what is locked, loaded and waited for."""
        document = self.document
        return (self.tenant, ids.stable("catalog", self.tenant, document.provider.endpoint, document.receiver.endpoint, document.about))

    @property
    def parties(self) -> list[tuple[str, Party, list[Contact]]]:
        """(side, party, no contacts) of the companies that it may bring along."""
        return [("client", self.document.receiver, []), ("supplier", self.document.provider, [])]


@dataclass(frozen=True, slots=True)
class ReceivedResponse(Incoming[InvoiceResponse]):
    """What a buyer says of an invoice."""

    @property
    def key(self) -> tuple[str, str]:
        """(tenant, invoice number): what is locked and loaded."""
        return (self.tenant, self.document.invoice)

    @property
    def parties(self) -> list[tuple[str, Party, list[Contact]]]:
        """(side, party, no contacts) of the companies that it may bring along; the recipient counts only where it is known."""
        document = self.document
        buyers = [document.buyer, document.recipient] if document.recipient else [document.buyer]
        return [*(("client", buyer, list[Contact]()) for buyer in buyers), ("supplier", document.seller, [])]


@dataclass(frozen=True, slots=True)
class Received(Incoming[Document]):
    """A document about an order."""

    @property
    def order_number(self) -> str:
        """The order that it is about."""
        return self.document.order.number

    @property
    def key(self) -> tuple[str, str]:
        """(tenant, order number): what is locked, loaded and waited for."""
        return (self.tenant, self.document.order.number)

    @property
    def senders(self) -> tuple[str, ...]:
        """A despatch advice may be that of who despatches, or of the seller that it does it for."""
        return (self.document.sender.endpoint, *(one.endpoint for one in self._principals))

    @property
    def _principals(self) -> tuple[Party, ...]:
        document = self.document
        return (document.principal,) if isinstance(document, DespatchAdvice) and document.principal else ()

    def of_its_seller(self, directory: Directory) -> "Received":
        """A despatch advice as that of the seller whom it names, where that is another company of the directory than who despatches.

        Sellers that despatch by themselves name themselves twice, and often by a number that is no endpoint.
        """
        document = self.document
        if not isinstance(document, DespatchAdvice) or document.principal is None:
            return self
        despatching, principal = (
            directory.companies.get((self.tenant, "supplier", one.endpoint)) for one in (document.seller, document.principal)
        )
        another = principal is not None and (despatching is None or despatching.id != principal.id)
        return replace(self, document=replace(document, seller=document.principal if another else document.seller, principal=None))

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
            sellers = () if isinstance(document, BUYERS) else (document.seller, *self._principals)
            return [("supplier", one, _named([one.contact])) for one in sellers]
        buyers = [body.buyer.contact or Contact(body.buyer.name), body.originator, body.receiver, *(line.orderer for line in body.lines)]
        return [("client", body.buyer, _named(buyers)), ("supplier", body.seller, _named([body.seller.contact]))]


def _named(contacts: list[Contact | None]) -> list[Contact]:
    return [contact for contact in contacts if contact]


def incoming(document: AnyDocument, emitter: str, sha256: str, tenant: str, record: Record, **rights: tuple[str, ...]) -> Incoming[Any]:
    """The document as one of its kind; `rights` are the endpoints and sides of who handed it in."""
    if isinstance(document, Catalogue):
        return ReceivedCatalogue(emitter, sha256, tenant, document, record, **rights)
    if isinstance(document, InvoiceResponse):
        return ReceivedResponse(emitter, sha256, tenant, document, record, **rights)
    return Received(emitter, sha256, tenant, document, record, **rights)


@dataclass(frozen=True, slots=True)
class Known:
    """A document about the same order that came before: processed, or waiting; `size` in bytes, its record written `at`."""

    kind: str
    number: str
    sender: str
    sha256: str
    order: str | None
    sequence: int | None
    outcome: str
    size: int
    at: datetime
    topic: str
    partition: int
    offset: int

    def is_newer(self, record: Record) -> bool:
        """Whether it was written later: by its place, or, where it lies elsewhere, by clocks, which may differ."""
        if (self.topic, self.partition) == (record.topic, record.partition):
            return self.offset > record.offset
        return self.at - MARGIN > record.timestamp
