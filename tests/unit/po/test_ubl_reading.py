"""What the reader of UBL refuses, and how it says so."""

import re
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest

from po_service.domain.ubl import values
from po_service.domain.ubl.reading import read
from postroom.contracts.errors import Refused

SAMPLES = Path(__file__).parents[2] / "samples"
ORDER = (SAMPLES / "order-4321.xml").read_text("utf-8")
DESPATCH = (SAMPLES / "despatch-4321.xml").read_text("utf-8")
CHANGE = (SAMPLES / "change-1.xml").read_text("utf-8")
HEAD = '<?xml version="1.0" encoding="UTF-8"?>\n'
LAUGHS = "".join(f'<!ENTITY l{number} "{f"&l{number - 1};" * 10 if number else "ha"}">' for number in range(10))
UBL = "urn:oasis:names:specification:ubl:schema:xsd"


def refusal(raw: str | bytes) -> Refused:
    with pytest.raises(Refused) as caught:
        read(raw.encode() if isinstance(raw, str) else raw)
    return caught.value


def mended(old: str, new: str, document: str = ORDER, count: int = -1) -> str:
    assert old in document
    return document.replace(old, new, count)


@pytest.mark.parametrize(
    "raw",
    [
        mended(HEAD, HEAD + f"<!DOCTYPE Order [{LAUGHS}]>").replace("Item123", "&l9;"),
        mended(HEAD, HEAD + '<!DOCTYPE Order [<!ENTITY x SYSTEM "file:///etc/passwd">]>').replace("Item123", "&x;"),
        mended(HEAD, HEAD + '<!DOCTYPE Order SYSTEM "http://127.0.0.1:9/order.dtd">'),
        mended(HEAD, HEAD + '<!DOCTYPE Order [<!ATTLIST Order a CDATA "b">]>'),
    ],
    ids=["billion laughs", "file", "network", "defaults"],
)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_a_doctype_is_refused_before_anything_expands(raw: str, encoding: str) -> None:
    found = refusal(raw.replace('encoding="UTF-8"', f'encoding="{encoding}"').encode(encoding))
    assert (found.reason, found.path) == ("invalid", "/!DOCTYPE")


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"{}",
        b"\xff\xfe\x00",
        b"<a>\xff</a>",
        ORDER[:-20].encode(),
        ORDER.replace("Item123", "&unknown;").encode(),
        mended("UTF-8", "klingon").encode(),
        b"<a>" * 300 + b"</a>" * 300,
        ORDER.encode() + b"<more/>",
        b"\x00" * 100,
    ],
    ids=["empty", "json", "bytes", "not utf-8", "cut", "entity", "encoding", "deep", "two roots", "zeros"],
)
def test_what_is_no_xml_is_unreadable(raw: bytes) -> None:
    assert refusal(raw).reason == "unreadable"


@pytest.mark.parametrize(
    ("raw", "reason", "path"),
    [
        ("<Order/>", "invalid", "/Order"),
        (f'<Order xmlns="{UBL}:Order-2"/>', "invalid", "/Order/cbc:ID"),
        (f'<Invoice xmlns="{UBL}:Invoice-2"/>', "unsupported", "/Invoice"),
        (f'<Order xmlns="{UBL}:Order-3"/>', "unsupported", "/Order"),
        (mended("<Order xmlns=", '<Order xmlns:x="relative" x:a="" xmlns='), "invalid", "/Order"),
        (mended("2013-03-01", "1.3.2013"), "invalid", "/Order/cbc:IssueDate"),
        (mended("2013-03-01", "2013-02-30"), "invalid", "/Order/cbc:IssueDate"),
        (mended(">C-4321<", f">{'9' * 201}<"), "invalid", "/Order/cac:Contract/cbc:ID"),
        (mended(">10<", ">ten<", count=1), "invalid", "/Order/cac:OrderLine[1]/cac:LineItem/cbc:Quantity"),
        (mended(">10<", ">-1<", count=1), "invalid", "/Order/cac:OrderLine[1]/cac:LineItem/cbc:Quantity"),
        (mended(">10<", ">1e9<", count=1), "invalid", "/Order/cac:OrderLine[1]/cac:LineItem/cbc:Quantity"),
        (mended("<cbc:ID>5</cbc:ID>", "<cbc:ID>4</cbc:ID>"), "invalid", "/Order/cac:OrderLine/cac:LineItem/cbc:ID"),
        (mended("cac:OrderLine>", "cac:Other>"), "invalid", "/Order/cac:OrderLine"),
        (mended('<cbc:EndpointID schemeID="0088">7385000000124</cbc:EndpointID>', ""), "invalid",
         "/Order/cac:SellerSupplierParty/cac:Party/cbc:EndpointID"),
        (mended("SequenceNumberID>1<", "SequenceNumberID>0<", CHANGE), "invalid", "/OrderChange/cbc:SequenceNumberID"),
        (mended("SequenceNumberID>1<", "SequenceNumberID>first<", CHANGE), "invalid", "/OrderChange/cbc:SequenceNumberID"),
        (mended("</cbc:LineID>", "</cbc:LineID><cac:OrderReference><cbc:ID>4322</cbc:ID></cac:OrderReference>", DESPATCH), "unsupported",
         "/DespatchAdvice/cac:DespatchLine/cac:OrderLineReference/cac:OrderReference/cbc:ID"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_named_with_its_place(raw: str, reason: str, path: str) -> None:
    found = refusal(raw)
    assert (found.reason, found.path) == (reason, path), found


def test_too_many_bytes_are_refused_unread() -> None:
    assert refusal(b"<" + b"a" * (10 * 1024 * 1024)).reason == "too_large"


def test_a_text_beyond_the_parsers_bound_is_too_large() -> None:
    found = refusal(mended("<cbc:ID>", "<cbc:ID>" + "x" * 10_000_001, ORDER, 1))
    assert found.reason == "too_large"
    assert "attachment" in found.detail


@pytest.mark.parametrize(("element", "value"), [("cbc:Quantity", "\u0663"), ("cbc:IssueDate", "2026-W10-1"), ("cbc:IssueDate", "20261123")])
def test_only_numbers_and_days_as_xml_schema_writes_them(element: str, value: str) -> None:
    written = re.sub(rf"(<{element}[^>]*>)[^<]*", rf"\g<1>{value}", ORDER, count=1)
    found = refusal(written)
    assert found.reason == "invalid"
    assert element in found.path


@pytest.mark.parametrize("cut", range(0, len(ORDER), 97))
def test_wherever_a_document_is_cut_it_is_refused(cut: int) -> None:
    assert refusal(ORDER[:cut]).reason == "unreadable"


def test_an_envelope_makes_no_other_document() -> None:
    header = "http://www.unece.org/cefact/namespaces/StandardBusinessDocumentHeader"
    inner = f"<sh:StandardBusinessDocumentHeader/>{ORDER.removeprefix(HEAD)}"
    wrapped = f'<sh:StandardBusinessDocument xmlns:sh="{header}">{inner}</sh:StandardBusinessDocument>'
    assert read(wrapped.encode()) == read(ORDER.encode())


def test_another_encoding_makes_no_other_document() -> None:
    text = mended("Karin Berg", "Kärin Berg")
    assert read(text.encode()) == read(text.replace("UTF-8", "ISO-8859-1").encode("iso-8859-1"))


def test_values_are_exact_and_zones_of_dates_are_left_out() -> None:
    _, order = read(mended("2013-03-01", "2013-03-01+01:00").replace(">5.00<", ">5.000000000001<").encode())
    assert isinstance(order, values.Order)
    assert (order.issue_date, order.lines[0].price) == (date(2013, 3, 1), Decimal("5.000000000001"))


def test_text_that_is_no_address_is_left_out() -> None:
    _, order = read(mended("karin@buyer.example", "ask at the desk").encode())
    assert isinstance(order, values.Order)
    assert order.buyer.contact == values.Contact("Karin Berg")


def test_a_contact_beside_its_party_is_found() -> None:
    raw = mended("Contact>", "Nothing>").replace(
        "</cac:BuyerCustomerParty>", "<cac:BuyerContact><cbc:Name>Bo</cbc:Name></cac:BuyerContact></cac:BuyerCustomerParty>"
    )
    _, order = read(raw.encode())
    assert isinstance(order, values.Order)
    assert order.buyer.contact == values.Contact("Bo")
