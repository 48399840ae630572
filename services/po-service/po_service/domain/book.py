"""What a batch works on: loaded once, then carried forward in memory, document by document."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from po_service.domain.contracts import Contract
from po_service.domain.directory import Directory
from po_service.domain.incoming import Settled
from po_service.domain.orders import Order, order_id
from po_service.domain.received import Known, Received
from po_service.domain.ubl import values
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
    """Orders, contracts, people and earlier documents of the batch's order numbers.

    `known` has all documents that wait, `waiting` those that the batch may wake: only these are read again.
    """

    orders: dict[str, Order] = field(default_factory=dict)
    known: dict[Key, list[Known]] = field(default_factory=dict)
    waiting: dict[Key, list[Received]] = field(default_factory=dict)
    contracts: dict[str, Contract] = field(default_factory=dict)
    directory: Directory = field(default_factory=Directory)
    zones: dict[Key, str] = field(default_factory=dict)

    def orders_of(self, received: Received) -> list[Order]:
        """The orders that a document can mean: by tenant, number and seller, and what else it says.

        A seller with several endpoints may answer from another one than it was asked at.
        """
        reference, buyer, endpoint = received.document.order, received.buyer_endpoint, received.seller_endpoint
        seller = self.directory.companies.get((received.tenant, "supplier", endpoint))
        numbered = [
            order
            for order in self.orders.values()
            if (order.tenant, order.number) == received.key and buyer in (None, order.buyer_endpoint)
        ]
        found = [order for order in numbered if order.supplier_endpoint == endpoint]
        found = found or [order for order in numbered if seller and order.supplier == seller.id]
        dated = [order for order in found if order.issue_date == reference.issue_date]
        return dated if len(found) > 1 and dated else found

    def same_before(self, received: Received) -> list[Known]:
        """Earlier documents of the same kind, sender and number."""
        return [one for one in self.of_this_kind(received) if one.number == received.document.number]

    def of_this_kind(self, received: Received) -> list[Known]:
        """Earlier documents of the same kind and sender, about this order number."""
        document = received.document
        identity = (document.kind, document.sender.endpoint)
        return [one for one in self.known.get(received.key, []) if (one.kind, one.sender) == identity]

    def waiting_beside(self, received: Received) -> list[Known]:
        """What waits for the same order number, of the same sender."""
        sender = received.document.sender.endpoint
        return [one for one in self.known.get(received.key, []) if one.outcome == "waiting" and one.sender == sender]

    def awaiting(self, batch: Sequence[Received]) -> dict[Key, int]:
        """What waits for something that the batch brings: (tenant, sha256), and its bytes.

        Whoever sent it is a side of the order that it waits for.
        """
        brought = {(one.key, endpoint) for one in batch for endpoint in self._brought_by(one)}
        for order in self._generated():
            brought |= {((order.tenant, order.number), endpoint) for endpoint in (order.buyer_endpoint, order.supplier_endpoint)}
        return {
            (key[0], one.sha256): one.size
            for key, known in self.known.items()
            for one in known
            if one.outcome == "waiting" and (key, one.sender) in brought
        }

    def _brought_by(self, received: Received) -> tuple[str, ...]:
        """Whose waiting documents may go on after this one: of a new order both sides', all the seller's; of a change the buyer's."""
        document = received.document
        if isinstance(document, values.Order):
            buyer, seller = document.buyer.endpoint, document.seller.endpoint
            id_ = order_id(received.tenant, buyer, seller, document.number, document.issue_date)
            company = self.directory.companies.get((received.tenant, "supplier", seller))
            return () if id_ in self.orders else (buyer, seller, *(company.endpoints if company else ()))
        if isinstance(document, OrderChange) and any(one.sequence + 1 == document.sequence for one in self.orders_of(received)):
            return (document.sender.endpoint,)
        return ()

    def _generated(self) -> list[Order]:
        """Orders that no document has brought: what waits for them goes on with the next that comes."""
        documents = {one.order for known in self.known.values() for one in known if one.kind == values.Order.kind}
        return [order for order in self.orders.values() if order.id not in documents]

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
        if decision.outcome in ("waiting", "processed", "parked"):
            self.known[received.key] = [*(one for one in self.known.get(received.key, []) if one.sha256 != received.id), *_known(decision)]


def _known(decision: Decision) -> list[Known]:
    """As one that came before; what is parked has not come."""
    if decision.outcome == "parked":
        return []
    received, document = decision.received, decision.received.document
    sequence = document.sequence if isinstance(document, OrderChange) else None
    sender = document.sender.endpoint
    place = (received.record.topic, received.record.partition, received.record.offset)
    came = (decision.outcome, received.size, received.at, *place)
    return [Known(document.kind, document.number, sender, received.id, decision.order_id, sequence, *came)]
