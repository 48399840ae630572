"""Real Peppol files, unchanged; what is expected was written down by hand from the XML."""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from tests.integration.po.support import Room, sample

FOLDERS = [parent / "shared" / "data" / "peppol" for parent in Path(__file__).parents]
PEPPOL = next((folder for folder in FOLDERS if folder.is_dir()), None)
pytestmark = pytest.mark.skipif(PEPPOL is None, reason="the real Peppol files (../shared/data/peppol) are not on this machine")


@dataclass(frozen=True)
class Expected:
    """What an order file says: lines as (id, item, quantity, unit, price, net, orderer, delivery date)."""

    number: str
    issue_date: str
    buyer: str
    supplier: str
    contract: str
    currency: str
    estimated: str
    lines: list[tuple[str, str, str, str, str, str, str, str]]
    contacts: set[tuple[str, str | None, str]]


FOGGERTY = ("Martin Foggerty", "martin.foggerty@cityhospital.se", "buyer")
JOHN = ("John", "john@cityhospital.se", "receiver")
ORDERS = {
    "order-example.xml": Expected(
        "34", "2018-09-01", "Helseforetak", "Medical", "34322", "NOK", "2012-10-31",
        [
            ("1", "Needle 4mm", "120", "EA", "50.000", "6300.00", "Josef K.", "2010-02-25"),
            ("2", "Wet tissues", "15", "EA", "15.000", "225.00", "Josef K.", "2012-10-31"),
        ],
        {
            ("Ole Olsen", "post@helseforetak.no", "buyer"), ("Julie Jensen", "post@helse.no", "originator"),
            ("Josef K.", None, "originator"), ("Ole", "ole@helseforetak.no", "receiver"), ("Nils Nilsen", "post@medical.no", "supplier"),
        },
    ),
    "order-uc1.xml": Expected(
        "1", "2013-07-01", "City Hospital", "The Supplier AB", "C1", "EUR", "2013-07-16",
        [
            ("1", "Brown sauce", "10", "NAR", "4", "40", "Martin Foggerty", "2013-07-16"),
            ("2", "White sauce", "5", "NAR", "6", "30", "Martin Foggerty", "2013-07-16"),
            ("3", "Pepper sauce", "15", "NAR", "3", "45", "Martin Foggerty", "2013-07-16"),
        ],
        {FOGGERTY, JOHN},
    ),
    "order-uc2.xml": Expected(
        "1", "2013-07-01", "City Hospital", "The Supplier AB", "C1", "EUR", "2013-07-16",
        [
            ("1", "Item 1", "10", "NAR", "40", "400", "Martin Foggerty", "2013-07-16"),
            ("2", "Item 2", "50", "NAR", "6", "300", "Martin Foggerty", "2013-07-16"),
        ],
        {FOGGERTY, JOHN},
    ),
    "order-uc3.xml": Expected(
        "5", "2013-07-01", "City Hospital", "Translation Services AS", "C1", "EUR", "2013-07-16",
        [("1", "Translation", "1", "DAY", "400", "400", "Martin Foggerty", "2013-07-16")],
        {FOGGERTY, JOHN},
    ),
    "sc1-Order.xml": Expected(
        "Order-1", "2022-02-01", "City Hospital 345433", "The Supplier AB", "C1", "EUR", "2022-03-01",
        [
            ("1", "Item 1", "10", "NAR", "40", "400", "Martin Foggerty", "2022-03-01"),
            ("2", "Item 2", "50", "NAR", "6", "300", "Martin Foggerty", "2022-03-01"),
        ],
        {FOGGERTY, JOHN},
    ),
}  # fmt: skip
FOLLOWING = ["sc1-Order.xml", "sc1-OrderResponse.xml", "sc1-OrderChange.xml", "sc1-OrderCancellation.xml"]


def peppol(name: str) -> bytes:
    assert PEPPOL is not None
    return (PEPPOL / name).read_bytes()


@pytest.mark.parametrize(("name", "expected"), ORDERS.items(), ids=ORDERS)
async def test_an_order_has_its_lines_contacts_contract_and_dates(room: Room, name: str, expected: Expected) -> None:
    tally = await room.take(peppol(name))
    assert (tally.processed, tally.parked) == (1, 0)
    order = await room.pool.fetchrow("SELECT * FROM orders")
    assert order is not None
    seen = [
        str(order[field])
        for field in ("number", "issue_date", "buyer_name", "supplier_name", "contract_number", "currency", "estimated_delivery")
    ]
    assert seen == [
        expected.number,
        expected.issue_date,
        expected.buyer,
        expected.supplier,
        expected.contract,
        expected.currency,
        expected.estimated,
    ]
    lines = await room.pool.fetch(
        """
        SELECT line, item, quantity, unit, price, net, p.name, coalesce(l.requested_end, o.requested_end)
        FROM order_lines l JOIN orders o ON o.id = l.order_id JOIN people p ON p.id = l.ordered_by ORDER BY position
        """
    )
    assert [tuple(map(str, line)) for line in lines] == expected.lines
    contacts = await room.pool.fetch("SELECT p.name, p.email, c.role FROM order_contacts c JOIN people p ON p.id = c.person")
    assert {tuple(contact) for contact in contacts} == expected.contacts
    contract = await room.pool.fetchrow("SELECT c.provisional, p.name FROM contracts c JOIN people p ON p.id = c.purchaser_contact")
    assert contract is not None
    assert tuple(contract) == (True, next(name for name, _, role in expected.contacts if role == "buyer"))


async def test_an_order_brings_its_documents(room: Room) -> None:
    await room.take(peppol("order-example.xml"))
    rows = await room.pool.fetch("SELECT filename, media_type, sha256 IS NOT NULL, uri FROM order_documents ORDER BY filename")
    assert [tuple(row) for row in rows] == [
        ("Hours-spend.csv", "application/pdf", True, ""),
        ("Timesheet", "application/octet-stream", False, "http://www.suppliersite.eu/sheet001.html"),
    ]


async def test_response_change_and_cancellation_follow_their_order(room: Room) -> None:
    for name in FOLLOWING[:3]:
        await room.take(peppol(name))
    assert await room.parked() == []
    lines = await room.pool.fetch("SELECT line, quantity, net, estimated, response_code FROM order_lines ORDER BY line")
    assert [tuple(line) for line in lines] == [
        ("1", Decimal(5), Decimal(200), date(2022, 2, 20), "3"),
        ("2", Decimal(50), Decimal(300), date(2022, 2, 20), "3"),
    ]
    assert await room.column("SELECT sequence FROM orders") == [1]
    await room.take(peppol(FOLLOWING[3]))
    assert await room.column("SELECT cancelled FROM orders") == [True]


async def test_an_update_of_the_catalogue_of_its_contract(room: Room) -> None:
    """Use cases 1 and 2: each has an ID of its own, the contract is the same. One article is new, one is deleted by its GTIN alone, and
    one is said to be updated, but only by a GTIN."""
    await room.take(peppol("catalogue-uc1.xml"))
    await room.take(peppol("catalogue-uc2.xml"))
    assert await room.parked() == []
    first, second = await room.published()
    assert (first["version"], first["counts"], first["cause"]) == (1, {"added": len(first["changes"])}, "changed")
    shown = [(one["kind"], one["item"], one["name"]) for one in second["changes"]]
    assert shown == [("added", "2451027", "Ballpoint pen. Black 0.7 mm"), ("removed", "2451037", "Ballpoint pen. Red 0.7 mm")]
    assert (second["catalog"], second["version"], second["managers"]) == (first["catalog"], 2, [])
    catalog = await room.pool.fetchrow("SELECT * FROM catalogs")
    assert catalog is not None
    assert (catalog["name"], catalog["document_number"], catalog["version"]) == ("Peppol Test Catalogue", "1235", 2)
    company = await room.pool.fetchrow("SELECT side, name FROM companies WHERE id = $1", catalog["company"])
    assert company is not None
    assert tuple(company) == ("client", "Medical AS")
    item = await room.pool.fetchrow("SELECT * FROM catalog_items WHERE item = '2451015'")
    assert item is not None
    assert (item["price"], item["currency"], item["unit"], item["standard"]) == (Decimal("20.00"), "NOK", "XBX", "05790000436057")
    assert (item["valid_from"], item["valid_until"]) == (date(2019, 9, 1), date(2020, 12, 31))
    own = await room.pool.fetchrow("SELECT valid_from, valid_until FROM catalog_items WHERE item = '7690213'")
    assert own is not None
    assert tuple(own) == (date(2019, 9, 1), date(2019, 12, 31))


async def test_a_rejected_invoice_and_one_under_query_are_failed_checks(room: Room) -> None:
    for name in ("rejected", "missing-po", "accepted"):
        await room.take(peppol(f"invoice-response-{name}.xml"))
    assert await room.outcomes() == [("InvoiceResponse", "processed")] * 3
    rejected, queried = await room.published()
    assert (rejected["number"], rejected["code"], rejected["stage"], rejected["orders"]) == ("inv021", "RE REF", "invoice-response", [])
    assert rejected["text"].startswith("Rejected: A textual explanation for why the invoice is being rejected.")
    assert (queried["code"], queried["text"], queried["orders"]) == ("UQ REF PIN", "Under query: references incorrect", ["PO0001"])
    assert queried["details"] == ["BT-13: PO0001", "Asked for: provide information"]
    assert (queried["invoice"], queried["supplier"]) == (rejected["invoice"], "Seller company")
    invoice = await room.pool.fetchrow("SELECT number, response_code, provisional, orders FROM invoices")
    assert invoice is not None
    assert tuple(invoice) == ("inv021", "AP", True, ["PO0001"])


async def test_all_files_at_once_and_again(room: Room) -> None:
    """In one batch, in alphabetical order: despatch advices wait, since their orders are not among the files."""
    assert PEPPOL is not None
    files = sorted(PEPPOL.glob("*.xml"))
    first = await room.take(*(file.read_bytes() for file in files))
    assert (first.processed, first.parked) == (16, 0)
    assert await room.column("SELECT order_number FROM ubl_documents WHERE outcome = 'waiting' ORDER BY id") == [
        "AEG012345",
        "4321",
        "4321",
    ]
    assert len(await room.column("SELECT id FROM orders")) == 5
    told = len(await room.column("SELECT id FROM outbox WHERE topic <> 'parked.po-service'"))
    again = await room.take(*(file.read_bytes() for file in files))
    assert (again.processed, again.duplicates) == (0, 16)
    assert len(await room.column("SELECT id FROM outbox WHERE topic <> 'parked.po-service'")) == told


def _lines(note: dict[str, Any]) -> list[tuple[str, ...]]:
    return [
        tuple(line[field] for field in ("line", "item", "ordered", "previously_delivered", "delivered", "delivered_unit"))
        for line in note["lines"]
    ]


async def test_despatch_uc1_fulfils_two_lines_of_order_4321(room: Room) -> None:
    await room.take(sample("order-4321.xml"), peppol("despatch-uc1.xml"))
    (note,) = await room.published()
    assert (note["number"], note["order"]["number"], note["order"]["supplier"], note["partial_announced"]) == (
        "1234",
        "4321",
        "Consortial",
        False,
    )
    assert _lines(note) == [("1", "Item123", "10", "0", "10", "EA"), ("2", "Item456", "10", "0", "10", "EA")]
    assert await room.column("SELECT name FROM people WHERE id = $1", note["purchaser_contact"]) == ["Karin Berg"]
    assert await room.column("SELECT delivery_date FROM delivery_notes") == [date(2019, 3, 16)]


async def test_despatch_uc2_is_short_and_over(room: Room) -> None:
    """Lines 2 and 4 announce a rest, line 3 says nothing will come, line 5 is too much: not a mere announced part."""
    await room.take(sample("order-4321.xml"), peppol("despatch-uc2.xml"))
    (note,) = await room.published()
    assert note["partial_announced"] is False
    assert [(line[0], line[4]) for line in _lines(note)] == [("1", "10"), ("2", "6"), ("3", "6"), ("4", "6"), ("5", "12")]


async def test_the_second_despatch_counts_what_the_first_brought(room: Room) -> None:
    await room.take(sample("order-4321.xml"), peppol("despatch-uc2.xml"), peppol("despatch-uc1.xml"))
    _, second = await room.published()
    assert [(line[0], line[3], line[4]) for line in _lines(second)] == [("1", "10", "10"), ("2", "6", "10")]


async def test_the_despatch_example_announces_its_rest(room: Room) -> None:
    await room.take(peppol("despatch-example.xml"), sample("order-AEG012345.xml"))
    (note,) = await room.published()
    assert (note["partial_announced"], _lines(note)) == (True, [("1", "beeswax", "12", "0", "10", "C62")])
    contacts = await room.column("SELECT p.name FROM order_contacts c JOIN people p ON p.id = c.person ORDER BY p.name")
    assert contacts == ["Fred Churchill", "Mrs Bouquet"]
