"""The documents that the world's companies exchange, as small as UBL allows."""

from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

_SPACES = (
    'xmlns:cac="urn:oasis:names:specification:ubl:schema:xsd:CommonAggregateComponents-2" '
    'xmlns:cbc="urn:oasis:names:specification:ubl:schema:xsd:CommonBasicComponents-2"'
)


@dataclass(frozen=True)
class Trade:
    """Who buys from whom: two endpoints."""

    buyer: str
    seller: str


def order(
    trade: Trade,
    number: str,
    issued: date,
    contract: str,
    lines: Mapping[str, tuple[str, Decimal, date]],
    *,
    seller_contact: str = "",
    enclosed: bytes = b"",
) -> bytes:
    """`lines`: line → (the orderer's mail address, quantity, requested day); `seller_contact`: a mail address at the supplier.

    `enclosed` are the bytes of a document that comes with it.
    """
    body = f"<cac:Contract><cbc:ID>{contract}</cbc:ID></cac:Contract>{_enclosed(enclosed) if enclosed else ''}"
    body += _buyer(trade) + _seller(trade, seller_contact)
    for line, (address, quantity, day) in lines.items():
        body += (
            f'<cac:OrderLine><cac:LineItem><cbc:ID>{line}</cbc:ID><cbc:Quantity unitCode="EA">{quantity}</cbc:Quantity>'
            f"<cac:Delivery><cac:RequestedDeliveryPeriod><cbc:EndDate>{day}</cbc:EndDate></cac:RequestedDeliveryPeriod></cac:Delivery>"
            f"<cac:OriginatorParty><cac:Contact><cbc:Name>{address}</cbc:Name><cbc:ElectronicMail>{address}</cbc:ElectronicMail>"
            f"</cac:Contact></cac:OriginatorParty><cac:Item><cbc:Name>Item {line}</cbc:Name></cac:Item></cac:LineItem></cac:OrderLine>"
        )
    return _document("Order", number, issued, "<cbc:DocumentCurrencyCode>EUR</cbc:DocumentCurrencyCode>" + body)


def response(trade: Trade, number: str, issued: date, order_number: str, promised: Mapping[str, date]) -> bytes:
    """The supplier's word on each line's day."""
    body = f"<cbc:OrderResponseCode>CA</cbc:OrderResponseCode>{_of(order_number)}{_seller(trade)}{_buyer(trade)}"
    for line, day in promised.items():
        body += (
            f"<cac:OrderLine><cac:LineItem><cbc:ID>{line}</cbc:ID><cbc:LineStatusCode>3</cbc:LineStatusCode><cac:Delivery>"
            f"<cac:PromisedDeliveryPeriod><cbc:EndDate>{day}</cbc:EndDate></cac:PromisedDeliveryPeriod></cac:Delivery></cac:LineItem>"
            f"<cac:OrderLineReference><cbc:LineID>{line}</cbc:LineID></cac:OrderLineReference></cac:OrderLine>"
        )
    return _document("OrderResponse", number, issued, body)


def cancellation(trade: Trade, number: str, issued: date, order_number: str) -> bytes:
    """The buyer takes the order back."""
    note = "<cbc:CancellationNote>Not needed any more</cbc:CancellationNote>"
    return _document("OrderCancellation", number, issued, f"{note}{_of(order_number)}{_buyer(trade)}{_seller(trade)}")


def despatch_advice(trade: Trade, number: str, issued: date, order_number: str, quantities: Mapping[str, Decimal]) -> bytes:
    """What the supplier has sent."""
    seller = _party("DespatchSupplierParty", trade.seller)
    body = f"{_of(order_number)}{seller}{_party('DeliveryCustomerParty', trade.buyer)}"
    for line, quantity in quantities.items():
        body += (
            f'<cac:DespatchLine><cbc:ID>{line}</cbc:ID><cbc:DeliveredQuantity unitCode="EA">{quantity}</cbc:DeliveredQuantity>'
            f"<cac:OrderLineReference><cbc:LineID>{line}</cbc:LineID></cac:OrderLineReference>"
            f"<cac:Item><cbc:Name>Item {line}</cbc:Name></cac:Item></cac:DespatchLine>"
        )
    return _document("DespatchAdvice", number, issued, body)


def _document(kind: str, number: str, issued: date, body: str) -> bytes:
    space = f'xmlns="urn:oasis:names:specification:ubl:schema:xsd:{kind}-2"'
    return f"<{kind} {space} {_SPACES}><cbc:ID>{number}</cbc:ID><cbc:IssueDate>{issued}</cbc:IssueDate>{body}</{kind}>".encode()


def _enclosed(content: bytes) -> str:
    coded = f'mimeCode="text/plain" filename="terms.txt">{b64encode(content).decode()}'
    held = f"<cac:Attachment><cbc:EmbeddedDocumentBinaryObject {coded}</cbc:EmbeddedDocumentBinaryObject></cac:Attachment>"
    return f"<cac:AdditionalDocumentReference><cbc:ID>terms</cbc:ID>{held}</cac:AdditionalDocumentReference>"


def _of(order_number: str) -> str:
    return f"<cac:OrderReference><cbc:ID>{order_number}</cbc:ID></cac:OrderReference>"


def _buyer(trade: Trade) -> str:
    return _party("BuyerCustomerParty", trade.buyer)


def _seller(trade: Trade, contact: str = "") -> str:
    return _party("SellerSupplierParty", trade.seller, contact)


def _party(role: str, endpoint: str, contact: str = "") -> str:
    scheme, _, id_ = endpoint.partition(":")
    party = f'<cbc:EndpointID schemeID="{scheme}">{id_}</cbc:EndpointID><cac:PartyName><cbc:Name>{endpoint}</cbc:Name></cac:PartyName>'
    if contact:
        party += f"<cac:Contact><cbc:Name>{contact}</cbc:Name><cbc:ElectronicMail>{contact}</cbc:ElectronicMail></cac:Contact>"
    return f"<cac:{role}><cac:Party>{party}</cac:Party></cac:{role}>"
