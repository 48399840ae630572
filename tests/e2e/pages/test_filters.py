"""The filters of Consolidated by PO: what they find, that they stand in the address, and what is said where nothing fits."""

import re

from playwright.sync_api import expect
from tests.e2e.conftest import House
from tests.e2e.orders import Paper, deliver_short
from tests.e2e.pages.desk import Desk


def test_each_filter_finds_the_order_and_stands_in_the_address(town: House, desk: Desk, paper: Paper) -> None:
    """Issued on 2 November 2026, delivery by 20 November, one note with less than was ordered: a backorder."""
    deliver_short(town.door, paper)
    shipped = paper.note
    page, found = desk.page, desk.page.get_by_role("link", name=f"Edit {paper.number}")
    for filters, fits in (
        (f"number={paper.number.lower()}", True),
        (f"shipment={shipped}", True),
        (f"shipment={shipped}&backorder=true", True),
        (f"shipment={shipped}&backorder=false", False),
        (f"shipment={shipped}&issued_from=2026-11-02&issued_to=2026-11-02", True),
        (f"shipment={shipped}&issued_from=2026-11-03", False),
        (f"shipment={shipped}&issued_to=2026-11-01", False),
        (f"shipment={shipped}&status=overdue", True),
        (f"shipment={shipped}&status=delivered", False),
    ):
        page.goto(f"{desk.url}/purchase-orders?{filters}")
        expect(found).to_have_count(1 if fits else 0)
        if not fits:
            expect(page.get_by_text("No order fits these filters")).to_be_visible()
    page.get_by_role("link", name="Show all").click()
    page.get_by_label("Shipment").fill(shipped)
    page.get_by_label("Backorder").select_option("Yes")
    # Before the answer comes, the order stands there too, among all.
    expect(page).to_have_url(re.compile(f"shipment={shipped}.*backorder=true"))
    expect(found).to_be_visible()
    expect(page.get_by_role("row", name=paper.number)).to_contain_text("Backorder")
    page.reload()
    expect(page.get_by_label("Backorder")).to_have_value("true")
    expect(found).to_be_visible()


def test_days_the_wrong_way_round_are_said_and_the_filters_stay(desk: Desk) -> None:
    desk.page.get_by_label("Issued from").fill("2026-11-03")
    desk.page.get_by_label("Issued to").fill("2026-11-01")
    expect(desk.page.get_by_role("alert").filter(has_text="exchange them, or leave one out")).to_be_visible()
    expect(desk.page.get_by_label("Issued to")).to_have_value("2026-11-01")
