"""Take the pictures of docs/page.md: `make pictures-of-pages`, or python -m tests.pictures.pages beside `make up`.

An order of the demo is played first, in a house that may hold others. Each page at 1280 pixels and, as a phone shows it, at 390.
"""

import io
import sys
from pathlib import Path
from uuid import uuid4

from PIL import Image
from playwright.sync_api import Browser, Page, sync_playwright
from rich.console import Console
from tests.e2e import orders
from tests.e2e.conftest import House
from tests.e2e.orders import Paper
from tests.e2e.pages.desk import Desk
from tests.e2e.test_replies_by_mail import Thread
from tests.pictures.__main__ import COLOURS

from embedded import chromium, control
from embedded.demo import cast, scenes
from embedded.demo.door import Door
from embedded.demo.stage import Stage
from embedded.paths import RUN

FOLDER = Path(__file__).parents[2] / "docs" / "images" / "pages"
SIZES = {"": (1280, 860), "-phone": (390, 844)}


class Album:
    """Takes a page at each size, in few colours."""

    def __init__(self, desk: Desk) -> None:
        self.desk = desk

    def take(self, name: str, *, whole: bool = False) -> None:
        """The page as it stands; `whole` to its end."""
        for suffix, (width, height) in SIZES.items():
            self.desk.page.set_viewport_size({"width": width, "height": height})
            self.desk.page.wait_for_timeout(150)
            image = Image.open(io.BytesIO(self.desk.page.screenshot(full_page=whole)))
            path = FOLDER / f"{name}{suffix}.png"
            image.convert("RGB").quantize(COLOURS, dither=Image.Dither.NONE).save(path, "PNG", optimize=True)
            sys.stdout.write(f"{path.name}  {path.stat().st_size // 1024} kB\n")


def supplier(album: Album, paper: Paper) -> None:
    """The seed's way, as Frida goes it."""
    desk, page = album.desk, album.desk.page
    page.goto(f"{desk.url}/sign-in")
    album.take("sign-in")
    desk.sign_in("Frida Lund")
    album.take("purchase-orders")
    desk.find(paper, "Lines")
    album.take("lines")
    for tab in ("Documents", "Contacts", "Deliveries"):
        desk.page.get_by_role("navigation", name="Parts of the order").get_by_role("link", name=tab).click()
        album.take(tab.lower())
    desk.open(paper).write("Two desks are late: the oak tops arrive on Thursday.")
    door_says(desk, paper)
    page.reload()
    page.get_by_role("button", name="New communication log").click()
    desk.dialog.get_by_label("Type").select_option("Delivery")
    desk.dialog.get_by_label("Message").fill("The rest is on its way; the assembly sheet is attached.\nTwo pallets, one lorry, gate 3.")
    album.take("new-communication-log")
    with page.expect_navigation():
        desk.dialog.get_by_role("button", name="Save and send by email").click()
    album.take("latest-or-all")
    desk.compose("all").address("Anna Berger", to=f"bounce-depot@{paper.number.lower()}.example, yard@{paper.number.lower()}.example")
    page.get_by_text("Select documents").click()
    page.get_by_role("checkbox", name="assembly-sheet.txt").check()
    album.take("correspondence-generator", whole=True)
    desk.send()
    desk.states()
    album.take("sent", whole=True)
    desk.open(paper, "Correspondence")
    album.take("correspondence")
    desk.open(paper)
    album.take("communication-logs")
    page.goto(f"{desk.url}/purchase-orders/none")
    album.take("not-found")


def door_says(desk: Desk, paper: Paper) -> None:
    """The client's word in between, so that both sides are seen."""
    door = Door(control.endpoints(RUN))
    body = {"type": "General", "message": "Thursday is fine. Please ring the bell at gate 3, the porter knows."}
    door.call(cast.ANNA, "POST", f"/api/orders/{paper.id}/logs", json=body, headers={"Idempotency-Key": f"picture-{paper.id}"})


def replies(album: Album, _: Paper) -> None:
    """What came by mail: in the thread, and held until a person has looked."""
    thread = Thread(House(RUN, control.endpoints(RUN)))
    strange = "We are the carrier: may we come on Friday instead?"
    thread.deliver(
        thread.answer(thread.address, "Thursday is fine. A picture of the gate is attached.", photo=True),
        thread.answer("Eva Spedition <eva@carrier.example>", strange),
    )
    thread.held(strange)
    album.desk.sign_in("Frida Lund").open(thread.paper)
    album.take("replies")


def client(album: Album, paper: Paper) -> None:
    """Anna's side, in German."""
    desk = album.desk.sign_in("Anna Berger")
    desk.page.get_by_role("button", name="Deutsch").click()
    desk.page.goto(f"{desk.url}/purchase-orders/{paper.id}/communication-logs")
    album.take("client-german")
    desk.page.goto(f"{desk.url}/inbox")
    desk.page.wait_for_timeout(500)
    album.take("inbox-german")
    desk.page.locator("tbody th a").first.click()
    album.take("message-german")


def operator(album: Album, paper: Paper) -> None:
    """Who looks after it."""
    desk = album.desk.sign_in("Operator")
    desk.page.goto(f"{desk.url}/operations")
    album.take("operations")
    desk.page.goto(f"{desk.url}/why?ref={paper.number}")
    album.take("why")


def main() -> None:
    """All of it."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    endpoints = control.endpoints(RUN)
    scenes.set_the_scene(Stage(Door(endpoints), Console(quiet=True)))
    door = Door(endpoints)
    paper = orders.place(door, f"PO-2026-{uuid4().int % 9000 + 1000}")
    orders.deliver_short(door, paper)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium.find(), args=["--no-sandbox"])
        for scene in (supplier, replies, client, operator):
            scene(Album(Desk(_page(browser), endpoints["gateway_url"])), paper)
        browser.close()


def _page(browser: Browser) -> Page:
    return browser.new_context(color_scheme="light", locale="en-GB").new_page()


if __name__ == "__main__":
    main()
