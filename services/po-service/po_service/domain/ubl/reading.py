"""Raw bytes → one of the documents we know."""

from collections.abc import Callable

from lxml import etree

from po_service.domain.ubl import following, ordering, xml
from po_service.domain.ubl.catalogue import Catalogue, catalogue
from po_service.domain.ubl.invoice_response import InvoiceResponse, invoice_response
from po_service.domain.ubl.node import Node
from po_service.domain.ubl.values import Document
from postroom.contracts.errors import Refused

_UBL = "urn:oasis:names:specification:ubl:schema:xsd:"
AnyDocument = Document | Catalogue | InvoiceResponse
PARSERS: dict[str, Callable[[Node], AnyDocument]] = {
    "Order": ordering.order,
    "OrderChange": ordering.order_change,
    "OrderCancellation": following.order_cancellation,
    "OrderResponse": following.order_response,
    "DespatchAdvice": following.despatch_advice,
    "Catalogue": catalogue,
    "ApplicationResponse": invoice_response,
}


def read(raw: bytes) -> tuple[str, AnyDocument]:
    """(sha256 of the canonical XML, the document). Raises Refused: unreadable, invalid, unsupported or too_large."""
    root = xml.root_of(raw)
    name = etree.QName(root)
    if not (name.namespace or "").startswith(_UBL):
        raise Refused(
            "invalid", f"the root <{name.localname}> is no UBL 2.1 document (its namespace starts with {_UBL})", f"/{name.localname}"
        )
    parse = PARSERS.get(name.localname)
    if parse is None or name.namespace != f"{_UBL}{name.localname}-2":
        raise Refused("unsupported", f"{name.localname} is not processed; processed are {', '.join(PARSERS)}", f"/{name.localname}")
    return xml.canonical_hash(root), parse(Node(root))
