"""A person at the page, in a Chromium of their own: the words of the seed, and where they are clicked."""

from collections.abc import Callable
from dataclasses import dataclass

from playwright.sync_api import Locator, Page, Route, expect
from tests.e2e.orders import Paper

NAMES = {"frida.lund": "Frida Lund", "anna.berger": "Anna Berger", "clara.novak": "Clara Novak", "bela.kovacs": "Béla Kovacs"}


@dataclass(frozen=True)
class Desk:
    """What a person does. Everything is found by its label or role, as a screen reader finds it."""

    page: Page
    url: str

    def sign_in(self, name: str) -> "Desk":
        """Choose one of the demo's people."""
        self.page.goto(f"{self.url}/sign-in")
        self.page.get_by_role("button", name=name).first.click()
        expect(self.page.get_by_role("heading", name="Purchase Orders")).to_be_visible()
        return self

    def open(self, paper: Paper, tab: str = "Communication logs") -> "Desk":
        """The tab by its address, for tests that are about something else than the way there."""
        part = "" if tab == "Lines" else f"/{tab.lower().replace(' ', '-')}"
        self.page.goto(f"{self.url}/purchase-orders/{paper.id}{part}")
        return self

    def find(self, paper: Paper, tab: str = "Communication logs") -> "Desk":
        """Purchase Orders → Consolidated by PO → Actions: Edit → the tab, as the seed says."""
        self.page.get_by_role("navigation", name="Main menu").get_by_role("link", name="Purchase Orders").click()
        self.page.get_by_role("link", name="Consolidated by PO").click()
        self.page.get_by_label("Number").fill(paper.number)
        self.page.get_by_role("button", name="Filter").click()
        self.page.get_by_role("link", name=f"Edit {paper.number}").click()
        if tab != "Lines":
            self.page.get_by_role("navigation", name="Parts of the order").get_by_role("link", name=tab).click()
        return self

    def write(self, message: str, kind: str = "Delivery", then: str = "Save") -> "Desk":
        """New communication log, in its pop-up."""
        self.page.get_by_role("button", name="New communication log").click()
        self.dialog.get_by_label("Type").select_option(kind)
        self.dialog.get_by_label("Message").fill(message)
        with self.page.expect_navigation():
            self.dialog.get_by_role("button", name=then, exact=True).click()
        return self

    def at_the_next_post(self, address: str, act: Callable[[Route], None]) -> None:
        """What befalls the next form that is sent there; that the page asks the same address for news by itself is no part of it."""
        due = [act]

        def once(route: Route) -> None:
            if route.request.method == "POST" and due:
                due.pop()(route)
            else:
                route.continue_()

        self.page.route(address, once)

    def lose_the_next_answer(self, address: str) -> None:
        """The server does what the next form asks, and its answer is lost on the way."""

        def lose(route: Route) -> None:
            route.fetch(max_redirects=0)
            route.abort()

        self.at_the_next_post(address, lose)

    def compose(self, scope: str = "latest") -> "Desk":
        """From the window latest/all to the correspondence generator."""
        label = "Only the latest communication log" if scope == "latest" else "All communication logs"
        self.dialog.get_by_label(label).check()
        self.dialog.get_by_role("button", name="Continue").click()
        expect(self.page.get_by_role("heading", name="Correspondence")).to_be_visible()
        return self

    def generator(self, paper: Paper, message: str = "The rest follows on Friday.", scope: str = "latest") -> "Desk":
        """Write a log and come as far as the correspondence generator."""
        self.open(paper).write(message, then="Save and send by email")
        return self.compose(scope)

    def address(self, *contacts: str, to: str = "") -> "Desk":
        """Tick contacts, and type further addresses."""
        for name in contacts:
            self.page.get_by_role("checkbox", name=name).check()
        self.page.get_by_label("To", exact=True).fill(to)
        return self

    def send(self, button: str = "Send") -> "Desk":
        """Send, or Send and return."""
        self.page.get_by_role("button", name=button, exact=True).click()
        return self

    @property
    def dialog(self) -> Locator:
        return self.page.get_by_role("dialog")

    @property
    def logs(self) -> Locator:
        return self.page.locator("#logs .log")

    @property
    def alert(self) -> Locator:
        return self.page.get_by_role("alert").filter(has_text=" ")

    def texts(self) -> list[str]:
        """The logs' words, in the order of the page."""
        return self.logs.locator(".words").all_inner_texts()

    def states(self, timeout: float = 15_000) -> dict[str, str]:
        """Each recipient of the newest correspondence with its state, once nothing moves any more."""
        newest = self.page.locator(".send, .history tbody tr").first
        expect(newest.locator(".recipients li")).not_to_have_count(0, timeout=timeout)
        expect(newest.locator(".state.queued")).to_have_count(0, timeout=timeout)
        # Read in one go: the page may renew itself at any moment.
        read = "rows => rows.map(row => [row.children[1].innerText.split(' ').pop(), row.children[0].innerText])"
        return dict(newest.locator(".recipients li").evaluate_all(read))
