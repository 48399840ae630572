"""Chromium at the reference web page of a whole house."""

from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright
from rich.console import Console
from tests.e2e import orders
from tests.e2e.conftest import House
from tests.e2e.orders import Paper
from tests.e2e.pages.desk import NAMES, Desk

from embedded import chromium
from embedded.demo import cast, scenes
from embedded.demo.stage import Stage

# A machine that also does something else; what doesn't come at all fails as surely.
expect.set_options(timeout=15_000)
Desks = Callable[..., Desk]
RIVAL, RIVALS_CLERK = "rival-office", "rita.rival"
# A refused form, or a conflict that is asked about, is an answer; what the browser says of it is no fault of the page.
_EXPECTED = ("htmx:", "Failed to load resource")


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """A Chromium for each file: Playwright's loop runs as long as it does, and other tests need their own."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium.find(), args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def town(house: House) -> House:
    """The house with the demo's companies and people, and a second supplier."""
    stage = Stage(house.door, Console(quiet=True))
    scenes.set_the_scene(stage)
    rival = {"name": "Rival Office AS", "side": "supplier", "endpoints": ["0192:111222333"]}
    house.door.call(scenes.OPERATOR, "PUT", f"/api/companies/{RIVAL}", json=rival)
    clerk = {"name": "Rita Rival", "email": "rita@rival.example", "company": RIVAL}
    house.door.call(scenes.OPERATOR, "PUT", f"/api/people/{RIVALS_CLERK}", json=clerk)
    return house


@pytest.fixture
def new_paper(town: House) -> Callable[[], Paper]:
    """Makes orders: of the demo's supplier for the demo's client, with a document."""

    return lambda: orders.place(town.door)


@pytest.fixture
def paper(new_paper: Callable[[], Paper]) -> Paper:
    """An order of the test's own."""
    return new_paper()


@pytest.fixture
def desks(town: House, browser: Browser) -> Iterator[Desks]:
    """`desks("frida.lund")` is her, signed in, in a browser that shares nothing; any fault that a page reports fails the test."""
    contexts: list[BrowserContext] = []
    faults: list[str] = []

    def make(person: str = cast.FRIDA, **options: object) -> Desk:
        context = browser.new_context(viewport={"width": 1280, "height": 900}, **options)  # type: ignore[arg-type]
        context.set_default_timeout(10_000)
        contexts.append(context)
        page = context.new_page()
        watch(page, faults)
        return Desk(page, town.endpoints["gateway_url"]).sign_in({**NAMES, RIVALS_CLERK: "Rita Rival", "operator": "Operator"}[person])

    yield make
    for context in contexts:
        context.close()
    assert not faults, faults


def watch(page: Page, faults: list[str]) -> None:
    """Collect script errors and what the content security policy has stopped."""
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.on("console", lambda said: faults.extend([said.text] if said.type == "error" and not said.text.startswith(_EXPECTED) else []))


@pytest.fixture
def desk(desks: Desks) -> Desk:
    """Frida, the supplier's clerk."""
    return desks()
