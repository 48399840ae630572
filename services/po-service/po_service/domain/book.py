"""What a batch works on: loaded once, then carried forward in memory, document by document."""

from dataclasses import dataclass, field

from po_service.domain.contracts import Contract
from po_service.domain.directory import Directory
from po_service.domain.incoming import Settled
from po_service.domain.orders import Order
from po_service.domain.received import Known, Received
from po_service.domain.ubl.values import Attachment, OrderChange
from postroom.contracts.event import Event

Key = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Decision(Settled):
    """What becomes of one document about an order."""

    received: Received
    order: Order | None = None
    contract: Contract | None = None
    events: tuple[Event, ...] = ()
    attachments: tuple[Attachment, ...] = ()

    @property
    def order_id(self) -> str | None:
        """The order, once it is there."""
        return self.order.id if self.order else None


@dataclass(slots=True)
class Book:
    """Orders, contracts, people and earlier documents of the batch's order numbers."""

    orders: dict[str, Order] = field(default_factory=dict)
    known: dict[Key, list[Known]] = field(default_factory=dict)
    waiting: dict[Key, list[Received]] = field(default_factory=dict)
    contracts: dict[str, Contract] = field(default_factory=dict)
    directory: Directory = field(default_factory=Directory)
    zones: dict[Key, str] = field(default_factory=dict)

    def orders_of(self, received: Received) -> list[Order]:
        """The orders that a document can mean: by tenant, number and seller, and what else it says."""
        reference, buyer = received.document.order, received.buyer_endpoint
        found = [
            order
            for order in self.orders.values()
            if (order.tenant, order.number) == received.key
            and order.supplier_endpoint == received.seller_endpoint
            and buyer in (None, order.buyer_endpoint)
        ]
        dated = [order for order in found if order.issue_date == reference.issue_date]
        return dated if len(found) > 1 and dated else found

    def same_before(self, received: Received) -> list[Known]:
        """Earlier documents of the same kind, sender and number."""
        document = received.document
        identity = (document.kind, document.number, document.sender.endpoint)
        return [one for one in self.known.get(received.key, []) if (one.kind, one.number, one.sender) == identity]

    def zone(self, order: Order) -> str:
        """The zone in which the buying company's day ends."""
        company = self.directory.companies.get((order.tenant, "client", order.buyer_endpoint))
        return company.zone if company else self.zones.get((order.tenant, order.buyer), "UTC")

    def carry(self, decision: Decision) -> None:
        """Go on with what was decided."""
        received = decision.received
        if decision.order:
            self.orders[decision.order.id] = decision.order
        if decision.contract:
            self.contracts[decision.contract.id] = decision.contract
        if decision.outcome == "waiting":
            self.waiting.setdefault(received.key, []).append(received)
        if decision.outcome in ("waiting", "processed"):
            document = received.document
            sequence = document.sequence if isinstance(document, OrderChange) else None
            known = Known(
                document.kind, document.number, document.sender.endpoint, received.id, decision.order_id, sequence, decision.outcome
            )
            earlier = [one for one in self.known.get(received.key, []) if (one.sha256, one.kind) != (received.id, document.kind)]
            self.known[received.key] = [*earlier, known]
