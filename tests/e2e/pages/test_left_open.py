"""A page that lies open while its services stumble: it goes on asking, disturbs nobody while nothing has changed, and keeps the focus."""

from typing import Any

from playwright.sync_api import Route, expect
from tests.e2e.orders import Paper
from tests.e2e.pages.desk import Desk
from tests.e2e.pages.test_b10_to_b20_correspondence import address_of


def test_the_result_outlives_failures_and_is_not_shown_anew_while_nothing_has_changed(desk: Desk, paper: Paper) -> None:
    """No answer, an error, twice the same: the window stays as it is, with the focus on the button, and the end is shown."""
    asked: list[str] = []

    def stumble(route: Route) -> None:
        asked.append(route.request.url)
        if len(asked) == 1:
            route.abort()
        elif len(asked) == 2:
            route.fulfill(status=503, content_type="text/html", headers={"x-problem": "service_unavailable"}, body="<p>away</p>")
        elif len(asked) <= 4:
            route.fulfill(status=200, content_type="text/html", body=as_it_is[0])
        else:
            route.continue_()

    desk.generator(paper).address(to=address_of(paper, "stumbles"))
    desk.page.route("**/result?*", stumble)
    desk.send()
    expect(desk.page.get_by_role("status").filter(has_text="Accepted")).to_be_visible()
    expect(desk.page.get_by_role("button", name="Send", exact=True)).to_be_focused()
    as_it_is = [desk.page.locator("#sends").evaluate("one => { one.mark = 1; return one.outerHTML; }")]
    desk.page.wait_for_function("() => document.querySelector('#sends').mark !== 1", timeout=15_000)
    assert len(asked) >= 5
    assert desk.states() == {address_of(paper, "stumbles"): "sent"}
    expect(desk.page.get_by_text("No answer came")).to_have_count(0)
    expect(desk.page.get_by_role("status").filter(has_text="Accepted")).to_be_visible()


def test_a_pdf_that_cannot_be_made_is_told_in_the_window_and_nothing_typed_is_lost(desk: Desk, paper: Paper) -> None:
    desk.generator(paper).address("Anna Berger", to=address_of(paper, "pdf"))
    desk.page.get_by_label("Subject").fill("\u2028 is no line")
    desk.page.get_by_role("button", name="Generate PDF").click()
    expect(desk.alert.filter(has_text="The subject holds a line break")).to_be_visible()
    expect(desk.page.get_by_label("To", exact=True)).to_have_value(address_of(paper, "pdf"))
    expect(desk.page.get_by_role("checkbox", name="Anna Berger")).to_be_checked()


def test_an_error_that_comes_after_escape_opens_the_pop_up_again(desk: Desk, paper: Paper) -> None:
    """Whoever closed it while the answer was awaited would never hear that nothing was saved."""
    desk.open(paper)
    desk.page.get_by_role("button", name="New communication log").click()

    def closed_meanwhile(route: Route) -> None:
        desk.page.keyboard.press("Escape")
        route.continue_()

    desk.at_the_next_post("**/communication-logs", closed_meanwhile)
    desk.dialog.get_by_role("button", name="Save", exact=True).click()
    expect(desk.dialog.get_by_text("The type is missing")).to_be_visible()


def test_nothing_is_typed_into_the_void_while_an_answer_is_awaited(desk: Desk, paper: Paper) -> None:
    """What came after the click was in neither the log nor the form that came back with the error."""
    desk.open(paper)
    desk.page.get_by_role("button", name="New communication log").click()
    desk.dialog.get_by_label("Type").select_option("Delivery")
    message = desk.dialog.get_by_label("Message")
    message.fill("Eight of ten are here")
    refused = {"status": 503, "content_type": "text/html; charset=utf-8", "headers": {"x-problem": "service_unavailable"}}

    def typed_meanwhile(route: Route) -> None:
        message.press_sequentially(", and two are broken")
        route.fulfill(**refused, body="<p>Away just now.</p>")  # type: ignore[arg-type]

    desk.at_the_next_post("**/communication-logs", typed_meanwhile)
    desk.dialog.get_by_role("button", name="Save", exact=True).click()
    expect(desk.alert.filter(has_text="Away just now.")).to_be_visible()
    expect(message).to_have_value("Eight of ten are here")
    message.press("End")
    message.press_sequentially(", and two are broken")
    expect(message).to_have_value("Eight of ten are here, and two are broken")
    desk.dialog.get_by_role("button", name="Save", exact=True).click()
    expect(desk.page.get_by_text("Eight of ten are here, and two are broken")).to_be_visible()


def test_a_step_back_from_a_filter_shows_the_list_as_it_was_with_the_news(desk: Desk, paper: Paper) -> None:
    page = desk.page
    page.get_by_label("Number").fill(paper.number)
    page.get_by_role("button", name="Filter").click()
    expect(page.get_by_role("link", name=f"Edit {paper.number}")).to_be_visible()
    page.get_by_label("Status").select_option("Cancelled")
    expect(page.get_by_text("No order fits these filters")).to_be_visible()
    page.go_back()
    expect(page.get_by_role("link", name=f"Edit {paper.number}")).to_be_visible()
    expect(page.get_by_label("Status")).to_have_value("")
    # The page's script lives on with the page that is shown.
    assert page.evaluate("document.getElementById('unread') === badge")


def test_a_step_back_after_signing_out_shows_nothing_of_it(desk: Desk, paper: Paper) -> None:
    """Neither what the browser kept of the page, nor the page that it kept whole."""
    desk.open(paper).write("Read by Frida alone.")
    expect(desk.page.get_by_text("Read by Frida alone.")).to_be_visible()
    with desk.page.expect_navigation():
        desk.page.evaluate("dispatchEvent(new PageTransitionEvent('pageshow', { persisted: true }))")
    expect(desk.page.get_by_text("Read by Frida alone.")).to_be_visible()
    desk.page.get_by_role("button", name="Sign out").click()
    expect(desk.page.get_by_role("heading", name="Sign in")).to_be_visible()
    desk.page.go_back()
    expect(desk.page.get_by_role("heading", name="Sign in")).to_be_visible()
    expect(desk.page.get_by_text("Read by Frida alone.")).to_have_count(0)


def test_a_refusal_leaves_what_was_sent_before_in_sight(desk: Desk, paper: Paper) -> None:
    desk.generator(paper).address(to=address_of(paper, "before")).send()
    assert desk.states() == {address_of(paper, "before"): "sent"}
    away: dict[str, Any] = {"status": 503, "content_type": "text/html; charset=utf-8", "headers": {"x-problem": "service_unavailable"}}
    desk.at_the_next_post("**/send", lambda route: route.fulfill(**away, body="<p>Away just now.</p>"))
    desk.send()
    expect(desk.alert.filter(has_text="Away just now.")).to_be_visible()
    assert desk.states() == {address_of(paper, "before"): "sent"}
    expect(desk.page.get_by_role("button", name="Send", exact=True)).to_be_focused()
