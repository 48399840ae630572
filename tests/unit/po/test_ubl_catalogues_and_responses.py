"""What the readers of catalogues and invoice responses take, and what they refuse with its place."""

import random
import re
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest

from po_service.domain.ubl.catalogue import Catalogue, CatalogueLine
from po_service.domain.ubl.invoice_response import InvoiceResponse, Reason
from po_service.domain.ubl.reading import read
from po_service.domain.ubl.values import Period
from postroom.contracts.errors import Refused

SAMPLES = Path(__file__).parents[2] / "samples"
FIRST, SECOND, RESPONSE = ((SAMPLES / f"{name}.xml").read_text("utf-8") for name in ("catalogue-1", "catalogue-2", "invoice-response"))
LINE, ITEM = "/Catalogue/cac:CatalogueLine", "/cac:Item/cac:SellersItemIdentification/cbc:ID"
PRICE = '<cac:Price>\n        <cbc:PriceAmount currencyID="EUR">19.90</cbc:PriceAmount>'
ANSWER = "/ApplicationResponse/cac:DocumentResponse"


def mended(old: str, new: str, document: str = FIRST, count: int = -1) -> str:
    assert old in document
    return document.replace(old, new, count)


def catalogue(raw: str) -> Catalogue:
    document = read(raw.encode())[1]
    assert isinstance(document, Catalogue)
    return document


def response(raw: str) -> InvoiceResponse:
    document = read(raw.encode())[1]
    assert isinstance(document, InvoiceResponse)
    return document


def test_a_catalogue_says_what_is_offered_until_when() -> None:
    document = catalogue(FIRST)
    assert (document.number, document.action, document.version, document.about) == ("CAT-1", "Add", "1", "C-4321")
    assert (document.provider.endpoint, document.receiver.name) == ("0088:7385000000124", "IYT Corporation")
    drill, bits = document.lines
    assert drill == CatalogueLine(
        "Add", "D-18", "09012345678904", "Cordless drill 18 V", "With two batteries", "EA", Decimal("129.00"), "EUR",
        Period(date(2026, 11, 1), date(2027, 10, 31)),
    )  # fmt: skip
    assert bits.valid == Period(date(2026, 11, 1), date(2026, 12, 31))


def test_without_an_action_it_replaces_and_without_a_contract_it_is_named_by_its_source_or_itself() -> None:
    plain = re.sub(r"<cac:ReferencedContract>.*</cac:ReferencedContract>|<cbc:ActionCode>Add</cbc:ActionCode>", "", FIRST, flags=re.DOTALL)
    assert (catalogue(plain).action, catalogue(plain).about) == ("Replace", "CAT-1")
    source = "<cac:SourceCatalogueReference><cbc:ID>CAT-0</cbc:ID></cac:SourceCatalogueReference><cac:ProviderParty>"
    assert catalogue(mended("<cac:ProviderParty>", source, plain)).about == "CAT-0"


def test_the_price_that_holds_longest_counts_and_one_for_many_says_so() -> None:
    later = '<cac:Price><cbc:PriceAmount currencyID="EUR">21.90</cbc:PriceAmount><cbc:BaseQuantity>100</cbc:BaseQuantity>'
    period = "<cac:ValidityPeriod><cbc:EndDate>2027-06-30</cbc:EndDate></cac:ValidityPeriod></cac:Price>"
    group = f"<cac:RequiredItemLocationQuantity>{later}{period}</cac:RequiredItemLocationQuantity>"
    bits = catalogue(mended("<cac:Item>\n      <cbc:Name>Drill", group + "<cac:Item>\n      <cbc:Name>Drill")).lines[1]
    assert (bits.price, bits.unit, bits.valid.end) == (Decimal("21.90"), "100 EA", date(2027, 6, 30))


def test_an_item_without_a_price_or_a_name_is_one_all_the_same() -> None:
    bare = re.sub(r"<cac:Required.*?</cac:RequiredItemLocationQuantity>|<cbc:Name>Cordless[^/]*/cbc:Name>", "", FIRST, flags=re.DOTALL)
    drill = catalogue(bare).lines[0]
    assert (drill.price, drill.name, drill.valid.end) == (None, "With two batteries", date(2027, 10, 31))


def test_a_line_to_delete_needs_its_item_only() -> None:
    assert catalogue(SECOND).lines[1] == CatalogueLine("Delete", "D-19", "")


def test_a_whole_catalogue_is_deleted_without_lines() -> None:
    deleted = re.sub(r"<cac:CatalogueLine>.*</cac:CatalogueLine>", "", mended("Update", "Delete", SECOND, 1), flags=re.DOTALL)
    assert catalogue(deleted).lines == ()


@pytest.mark.parametrize(
    ("raw", "reason", "path"),
    [
        (mended(">Add<", ">REPLACE<", count=1), "invalid", "/Catalogue/cbc:ActionCode"),
        (mended(">Update<", ">Replace<", SECOND), "invalid", f"{LINE}[1]/cbc:ActionCode"),
        (re.sub(r"<cac:CatalogueLine>.*</cac:CatalogueLine>", "", FIRST, flags=re.DOTALL), "invalid", LINE),
        (mended("<cbc:ID>D-19</cbc:ID>", ""), "invalid", f"{LINE}[2]{ITEM}"),
        (mended("19.90", "-19.90"), "invalid", f"{LINE}[2]/cac:RequiredItemLocationQuantity/cac:Price/cbc:PriceAmount"),
        (mended("19.90", "19,90"), "invalid", f"{LINE}[2]/cac:RequiredItemLocationQuantity/cac:Price/cbc:PriceAmount"),
        (mended("2027-10-31", "2026-10-31"), "invalid", "/Catalogue/cac:ValidityPeriod"),
        (mended("2026-12-31", "2026-10-31"), "invalid", f"{LINE}[2]/cac:LineValidityPeriod"),
        (mended("2026-11-01</cbc:IssueDate>", "soon</cbc:IssueDate>"), "invalid", "/Catalogue/cbc:IssueDate"),
        (mended('<cbc:EndpointID schemeID="0088">7385000000124</cbc:EndpointID>', ""), "invalid",
         "/Catalogue/cac:ProviderParty/cbc:EndpointID"),
        (mended("cac:ReceiverParty>", "cac:Somebody>"), "invalid", "/Catalogue/cac:ReceiverParty"),
        (mended("<cac:Item>", "<cac:Thing>").replace("</cac:Item>", "</cac:Thing>"), "invalid", f"{LINE}[1]/cac:Item"),
        (mended("<cbc:ID>CAT-1</cbc:ID>", ""), "invalid", "/Catalogue/cbc:ID"),
        (mended("trns:invoice_response", "trns:mlr", RESPONSE), "unsupported", "/ApplicationResponse/cbc:CustomizationID"),
        (mended(">RE<", ">ZZ<", RESPONSE), "invalid", f"{ANSWER}/cac:Response/cbc:ResponseCode"),
        (mended("<cbc:ResponseCode>RE</cbc:ResponseCode>", "", RESPONSE), "invalid", f"{ANSWER}/cac:Response/cbc:ResponseCode"),
        (mended("<cbc:ID>INV-88</cbc:ID>", "", RESPONSE), "invalid", f"{ANSWER}/cac:DocumentReference/cbc:ID"),
        (mended(">380<", ">220<", RESPONSE), "invalid", f"{ANSWER}/cac:DocumentReference"),
        (mended("</cac:DocumentReference>", "</cac:DocumentReference><cac:DocumentReference/>", RESPONSE), "unsupported",
         f"{ANSWER}/cac:DocumentReference"),
        (mended("</cac:DocumentResponse>", "</cac:DocumentResponse><cac:DocumentResponse/>", RESPONSE), "unsupported", ANSWER),
        (mended("cac:DocumentResponse>", "cac:Other>", RESPONSE), "invalid", ANSWER),
        (mended("cac:SenderParty>", "cac:Sender>", RESPONSE), "invalid", "/ApplicationResponse/cac:SenderParty"),
        (mended("</cac:Response>", "<cac:Status/>" * 50 + "</cac:Response>", RESPONSE), "invalid", f"{ANSWER}/cac:Response/cac:Status"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_named_with_its_place(raw: str, reason: str, path: str) -> None:
    with pytest.raises(Refused) as caught:
        read(raw.encode())
    assert (caught.value.reason, caught.value.path) == (reason, path), caught.value


def test_a_response_says_what_is_wrong_and_what_is_asked_for() -> None:
    document = response(RESPONSE)
    assert (document.number, document.code, document.invoice, document.invoice_date) == ("IR-1", "RE", "INV-88", date(2026, 11, 18))
    assert (document.buyer.endpoint, document.seller.name, document.orders) == ("0088:7398000000124", "Consortial", ())
    assert document.reasons == (
        Reason("OPStatusReason", "PRI", "The price of line 1 is not the agreed one.", (("BT-146", "129.00"),)),
        Reason("OPStatusAction", "CNF", "", ()),
    )


def test_orders_are_those_referred_to_and_the_one_that_should_have_been() -> None:
    reference = "<cac:DocumentReference><cbc:ID>4711</cbc:ID><cbc:DocumentTypeCode>220</cbc:DocumentTypeCode></cac:DocumentReference>"
    raw = mended("BT-146", "BT-13", mended("<cac:DocumentReference>", reference + "<cac:DocumentReference>", RESPONSE))
    assert response(mended(">129.00<", ">4712<", raw)).orders == ("4711", "4712")


def test_who_is_answered_for_is_told() -> None:
    party = '<cac:RecipientParty><cac:PartyIdentification><cbc:ID schemeID="0088">9</cbc:ID></cac:PartyIdentification></cac:RecipientParty>'
    recipient = response(mended("</cac:DocumentResponse>", party + "</cac:DocumentResponse>", RESPONSE)).recipient
    assert recipient is not None
    assert recipient.endpoint == "0088:9"


@pytest.mark.parametrize("document", [FIRST, SECOND, RESPONSE], ids=["catalogue", "update", "response"])
@pytest.mark.parametrize("seed", range(4))
def test_whatever_is_done_to_it_it_is_read_or_refused(document: str, seed: int) -> None:
    """Elements dropped, doubled, emptied, moved and filled with nonsense: each gives a document or a refusal, never another error."""
    chance, reasons = random.Random(seed), []  # noqa: S311 - no secret
    spans = [match.span() for match in re.finditer(r"<(c[ab]c:\w+)(?:\s[^>]*)?>(?:[^<]*|.*?)</\1>", document, re.DOTALL)]
    nonsense = ("", "\u0663", "1e9", "-1", "2026-02-30", "9" * 300, "9999-12-31", "\u202e", "NaN", "&#10;", "<cbc:ID/>", "Ω" * 5_000)
    for _ in range(150):
        (start, end), other = chance.choice(spans), document[slice(*chance.choice(spans))]
        piece = document[start:end]
        filled = re.sub(r">[^<]+<", lambda _: f">{chance.choice(nonsense)}<", piece, count=1)
        raw = document[:start] + chance.choice(["", piece * 2, other, piece + other, filled]) + document[end:]
        try:
            read(raw.encode())
        except Refused as refusal:
            reasons.append(refusal.reason)
    assert len(reasons) > 10
    assert set(reasons) <= {"invalid", "unreadable", "unsupported"}


@pytest.mark.parametrize("document", [FIRST, RESPONSE], ids=["catalogue", "response"])
def test_wherever_it_is_cut_it_is_refused(document: str) -> None:
    for cut in range(0, len(document) - 20, 97):
        with pytest.raises(Refused, match="unreadable"):
            read(document[:cut].encode())
