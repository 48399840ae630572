"""Each page as a screen reader, a keyboard and a small window find it: axe-core with no finding, and nothing wider than the window."""

from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect
from tests.e2e.conftest import House
from tests.e2e.orders import Paper
from tests.e2e.pages.conftest import Desks
from tests.e2e.pages.desk import Desk

from embedded.demo import cast

TABS = ("", "/documents", "/contacts", "/deliveries", "/communication-logs", "/correspondence")
_AXE = Axe()


def findings(page: Page) -> list[tuple[str, str, str]]:
    """What axe-core finds: its impact, its rule, and the first place."""
    found: list[dict[str, Any]] = _AXE.run(page).response["violations"]
    return [(one["impact"], one["id"], one["nodes"][0]["html"][:200]) for one in found]


def check(page: Page) -> None:
    assert findings(page) == [], page.url
    assert page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth"), f"{page.url} is too wide"


@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (390, "dark")])
def test_every_page_of_the_way_has_no_finding(desks: Desks, paper: Paper, width: int, scheme: str) -> None:
    desk = desks(cast.FRIDA, color_scheme=scheme)
    page = desk.page
    page.set_viewport_size({"width": width, "height": 844})
    check(page)
    desk.open(paper).write("A log with quite a long wordcombinationthatdoesnotbreakanywhereandgoesonandonandonandonforever. " * 3)
    desk.write("Another.", then="Save and send by email")
    check(page)
    desk.compose("all").address("Anna Berger", to=f"axe@{paper.number.lower()}.example")
    page.get_by_text("Select documents").click()
    page.get_by_text("2 logs are sent").click()
    check(page)
    page.get_by_label("To", exact=True).fill("wrong")
    desk.send()
    expect(desk.alert.filter(has_text="is no e-mail address")).to_be_visible()
    check(page)
    desk.address(to=f"axe@{paper.number.lower()}.example").send("Send and return")
    desk.states()
    for tab in TABS:
        page.goto(f"{desk.url}/purchase-orders/{paper.id}{tab}")
        check(page)
    page.goto(f"{desk.url}/purchase-orders/{paper.id}/communication-logs")
    page.get_by_role("button", name="New communication log").click()
    desk.dialog.get_by_role("button", name="Save", exact=True).click()
    expect(desk.dialog.get_by_role("alert").filter(has_text="The type is missing")).to_be_visible()
    check(page)
    page.goto(f"{desk.url}/purchase-orders/nothing")
    check(page)


def test_the_inbox_has_no_finding(desks: Desks, paper: Paper) -> None:
    anna = desks(cast.ANNA)
    desks().open(paper).write("To be read by Anna.")
    anna.page.goto(f"{anna.url}/inbox")
    message = anna.page.get_by_role("link", name=paper.number)
    expect(message).to_be_visible(timeout=15_000)
    check(anna.page)
    message.click()
    expect(anna.page.get_by_text("To be read by Anna.")).to_be_visible()
    check(anna.page)
    anna.page.get_by_text("Forward", exact=True).first.click()
    check(anna.page)


def test_signing_in_has_no_finding(town: House, browser: Browser) -> None:
    page = browser.new_page(viewport={"width": 390, "height": 844})
    for path in ("/sign-in", "/sign-in?ended=1"):
        page.goto(town.endpoints["gateway_url"] + path)
        check(page)
    page.close()


def test_in_german_too(desk: Desk, paper: Paper) -> None:
    desk.page.get_by_role("button", name="Deutsch").click()
    expect(desk.page.get_by_role("heading", name="Bestellungen")).to_be_visible()
    assert desk.page.get_attribute("html", "lang") == "de"
    desk.page.goto(f"{desk.url}/purchase-orders/{paper.id}/communication-logs")
    desk.page.get_by_role("button", name="Neuer Kommunikationseintrag").click()
    desk.dialog.get_by_role("button", name="Speichern", exact=True).click()
    expect(desk.dialog.get_by_text("Die Art fehlt: Wählen Sie eine.")).to_be_visible()
    check(desk.page)
