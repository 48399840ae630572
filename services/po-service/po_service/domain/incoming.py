"""A raw document as it came, whatever its kind, and what became of it."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, ClassVar, Generic, TypeVar

from pydantic import ConfigDict, SkipValidation

from po_service.domain.ubl.invoice_response import InvoiceResponse
from po_service.domain.ubl.reading import AnyDocument
from po_service.domain.ubl.values import BUYERS
from postroom.contracts.errors import Refused
from postroom.contracts.event import Event
from postroom.contracts.fields import Fact
from postroom.contracts.record import Record

Kind = TypeVar("Kind", bound=AnyDocument)


@dataclass(frozen=True, slots=True)
class Incoming(Generic[Kind]):
    """A document with who handed it in; `id` is the sha256 of its canonical XML."""

    emitter: str
    id: str
    tenant: str
    document: Kind
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
            time=self.at,
            subject=document.number,
            key=self.order_number or document.number,
            tenant=self.tenant,
            data=UblDocument(received=self),
            hash=self.id,
        )

    @property
    def at(self) -> datetime:
        """When the log took it: made again from the log, what follows from it says the same moment."""
        return self.record.timestamp

    @property
    def size(self) -> int:
        """Bytes, as it came."""
        return len(self.record.value or b"")

    @property
    def order_number(self) -> str | None:
        """The order that it is about; None for a catalogue or what is said of an invoice."""
        return None

    @property
    def senders(self) -> tuple[str, ...]:
        """The endpoint of the sending party; several as long as it isn't known which of them it is."""
        return (self.document.sender.endpoint,)

    def check_sender(self) -> None:
        """Raise Refused('forbidden') unless whoever handed it in may speak for the sending party."""
        side = "client" if isinstance(self.document, (*BUYERS, InvoiceResponse)) else "supplier"
        if side not in self.sides:
            raise Refused(
                "forbidden", f"{self.emitter!r} may not hand in a {self.document.kind}, which is the other side's to send", "sender"
            )
        if "*" not in self.endpoints and not {*self.senders} & {*self.endpoints}:
            raise Refused("forbidden", f"{self.emitter!r} may not speak for the sending party {' or '.join(self.senders)}", "sender")


class UblDocument(Fact):
    """A UBL document on its way in; never published, so its type has no topic."""

    TYPE: ClassVar[str] = "UBL.v1"
    model_config = ConfigDict(frozen=True, arbitrary_types_allowed=True)

    received: SkipValidation[Incoming[Any]]


def of_event(event: Event) -> Incoming[Any]:
    """The document that an event of the intake carries."""
    assert isinstance(event.data, UblDocument)  # noqa: S101 - our own decoder made it
    return event.data.received


@dataclass(frozen=True, slots=True)
class Settled:
    """What became of one document: processed, waiting (with what it waits for), duplicate or, of one that had waited, parked."""

    received: Incoming[Any]
    outcome: str
    reason: str = field(default="", kw_only=True)
    refusal: Refused | None = field(default=None, kw_only=True)

    @property
    def order_id(self) -> str | None:
        """The order that it is about, where there is one."""
        return None

    @property
    def catalog_id(self) -> str | None:
        """The catalog that it is about."""
        return None

    @property
    def invoice_id(self) -> str | None:
        """The invoice that it is about."""
        return None
