"""A person opens the mailbox in a real browser and reads what came."""

from collections.abc import Iterator
from uuid import uuid4

import pytest
from playwright.sync_api import Page, expect, sync_playwright
from rich.console import Console
from tests.e2e.conftest import House

from embedded import chromium
from embedded.demo import cast, scenes
from embedded.demo.door import until
from embedded.demo.scenes import received
from embedded.demo.stage import Stage

pytestmark = pytest.mark.browser


@pytest.fixture
def page() -> Iterator[Page]:
    """A fresh page; any error in its console fails the test."""
    errors: list[str] = []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium.find(), args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 1280, "height": 900})
        page.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
        yield page
        browser.close()
    assert errors == []


def test_the_mail_reads_well_in_the_mailbox(house: House, page: Page) -> None:
    """The list names it; opened, its HTML stands in a frame of its own, and the text beside it."""
    scenes.set_the_scene(Stage(house.door, Console(quiet=True)))
    order = f"PAGE-{uuid4().hex[:6]}"
    house.door.write("in.erp", [received(order, order, cast.BELA, "<b>Cable</b> & drum")])
    until("the mail", lambda: house.door.mails(cast.address(cast.BELA), order) or None)
    page.goto(house.endpoints["mailbox_url"])
    page.get_by_role("searchbox").fill(order)
    page.get_by_role("searchbox").press("Enter")
    page.get_by_role("link", name=order).first.click()
    frame = page.frame_locator("iframe")
    expect(frame.get_by_text("The goods have arrived")).to_be_visible()
    # What an event says is text, also when it looks like a tag.
    expect(frame.get_by_text("<b>Cable</b> & drum").first).to_be_visible()
