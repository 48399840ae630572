"""Two people, two tabs, the back button, a session that ran out, Kafka away: nothing lost or doubled, and the page says what happened."""

from collections.abc import Callable

import psutil
from playwright.sync_api import Page, expect
from tests.e2e.conftest import House
from tests.e2e.orders import Paper
from tests.e2e.pages.conftest import Desks
from tests.e2e.pages.desk import Desk
from tests.e2e.pages.test_b01_to_b09_logs import _events, api_logs
from tests.e2e.pages.test_b21_to_b26_history import _pid

from embedded.demo import cast
from embedded.demo.door import until


def begin(desk: Desk, message: str) -> None:
    """Open the pop-up and type, without saving."""
    desk.page.get_by_role("button", name="New communication log").click()
    desk.dialog.get_by_label("Type").select_option("General")
    desk.dialog.get_by_label("Message").fill(message)


def save(desk: Desk) -> None:
    with desk.page.expect_navigation():
        desk.dialog.get_by_role("button", name="Save", exact=True).click()


def other_tab(desk: Desk, paper: Paper) -> Desk:
    """A second tab of the same person."""
    page: Page = desk.page.context.new_page()
    page.goto(f"{desk.url}/purchase-orders/{paper.id}/communication-logs")
    return Desk(page, desk.url)


def test_two_people_write_at_once_and_both_read_the_same(desks: Desks, paper: Paper) -> None:
    frida, anna = desks().open(paper), desks(cast.ANNA).open(paper)
    begin(frida, "From the supplier.")
    begin(anna, "From the client.")
    save(frida)
    save(anna)
    frida.page.reload()
    assert frida.texts() == anna.texts()
    assert sorted(frida.texts()) == ["From the client.", "From the supplier."]


def test_two_tabs_are_two_logs_and_share_no_typed_text(town: House, desk: Desk, paper: Paper) -> None:
    desk.open(paper)
    begin(desk, "In the first tab.")
    second = other_tab(desk, paper)
    begin(second, "In the second tab.")
    save(desk)
    save(second)
    assert api_logs(town, paper) == ["In the first tab.", "In the second tab."]


def test_the_back_button_brings_no_second_log(town: House, desk: Desk, paper: Paper) -> None:
    """What the history shows again was saved; saving it once more is the same log, and other words are asked about."""
    desk.open(paper)
    begin(desk, "Saved once.")
    save(desk)
    desk.page.go_back()
    desk.page.go_forward()
    expect(desk.logs).to_have_count(1)
    assert api_logs(town, paper) == ["Saved once."]


def test_words_that_were_changed_after_a_lost_answer_are_a_new_log_and_the_page_says_so(town: House, desk: Desk, paper: Paper) -> None:
    desk.open(paper)
    desk.lose_the_next_answer("**/communication-logs")
    begin(desk, "As it was first.")
    desk.dialog.get_by_role("button", name="Save", exact=True).click()
    expect(desk.dialog.get_by_text("No answer came")).to_be_visible()
    desk.dialog.get_by_label("Message").fill("As it was changed.")
    desk.dialog.get_by_role("button", name="Save", exact=True).click()
    expect(desk.dialog.get_by_text("This form was saved before, with other words")).to_be_visible()
    assert api_logs(town, paper) == ["As it was first."]
    save(desk)
    assert api_logs(town, paper) == ["As it was first.", "As it was changed."]


def test_a_session_that_ran_out_while_writing_loses_nothing(town: House, desk: Desk, paper: Paper) -> None:
    desk.open(paper)
    begin(desk, "Typed for half an hour.")
    desk.page.context.clear_cookies()
    desk.dialog.get_by_role("button", name="Save", exact=True).click()
    expect(desk.page.get_by_text("Your session ran out")).to_be_visible()
    assert api_logs(town, paper) == []
    desk.page.get_by_role("button", name="Frida Lund").click()
    desk.page.get_by_role("button", name="New communication log").click()
    expect(desk.dialog.get_by_label("Message")).to_have_value("Typed for half an hour.")
    expect(desk.dialog.get_by_label("Type")).to_have_value("General")
    save(desk)
    assert api_logs(town, paper) == ["Typed for half an hour."]


def test_escape_closes_the_pop_up_keeps_what_was_typed_and_gives_the_focus_back(desk: Desk, paper: Paper) -> None:
    """All of it by the keyboard."""
    desk.open(paper)
    opener = desk.page.get_by_role("button", name="New communication log")
    opener.focus()
    desk.page.keyboard.press("Enter")
    expect(desk.dialog.get_by_label("Type")).to_be_focused()
    desk.page.keyboard.press("D")
    desk.page.keyboard.press("Tab")
    desk.page.keyboard.type("Typed by keys alone.")
    desk.page.keyboard.press("Escape")
    expect(desk.dialog).to_be_hidden()
    expect(opener).to_be_focused()
    desk.page.reload()
    opener.focus()
    desk.page.keyboard.press("Space")
    expect(desk.dialog.get_by_label("Message")).to_have_value("Typed by keys alone.")
    desk.page.keyboard.press("Tab")
    desk.page.keyboard.press("Tab")
    expect(desk.dialog.get_by_role("button", name="Save", exact=True)).to_be_focused()
    with desk.page.expect_navigation():
        desk.page.keyboard.press("Enter")
    assert desk.texts() == ["Typed by keys alone."]


def test_somebody_else_signed_in_meanwhile_and_nothing_is_written_in_their_name(town: House, desk: Desk, paper: Paper) -> None:
    """Two tabs, two people, one cookie: the first tab's form is refused, and its text stays."""
    desk.open(paper)
    begin(desk, "Frida's words.")
    second = other_tab(desk, paper)
    second.page.get_by_role("button", name="Sign out").click()
    second.page.get_by_role("button", name="Anna Berger").click()
    desk.dialog.get_by_role("button", name="Save", exact=True).click()
    expect(desk.dialog.get_by_text("Somebody else signed in since this page was opened")).to_be_visible()
    expect(desk.dialog.get_by_label("Message")).to_have_value("Frida's words.")
    assert api_logs(town, paper) == []


def test_a_log_written_while_kafka_is_down_is_saved_and_told_once_afterwards(town: House, desk: Desk, paper: Paper) -> None:
    desk.open(paper)
    kafka = psutil.Process(_pid(town, "kafka"))
    kafka.suspend()
    try:
        desk.write("Written while Kafka was down.")
        assert desk.texts() == ["Written while Kafka was down."]
    finally:
        kafka.resume()
    [told] = until("the decision", lambda: _events(town, paper, "LogCreated.v1"), patience=60)
    assert told["decisions"]


def test_without_scripts_the_seeds_way_works_too(browser: object, town: House, paper: Paper, new_paper: Callable[[], Paper]) -> None:
    """Every form is a form: write, choose, address, send, read the outcome."""
    context = browser.new_context(java_script_enabled=False)  # type: ignore[attr-defined]
    desk = Desk(context.new_page(), town.endpoints["gateway_url"]).sign_in("Frida Lund").open(paper)
    desk.page.get_by_role("button", name="New communication log").click()
    desk.page.get_by_role("button", name="Save", exact=True).click()
    expect(desk.page.get_by_text("The type is missing")).to_be_visible()
    desk.page.get_by_label("Type").select_option("Delivery")
    desk.page.get_by_label("Message").fill("Without any script.")
    desk.page.get_by_role("button", name="Save and send by email").click()
    desk.page.get_by_label("Only the latest communication log").check()
    desk.page.get_by_role("button", name="Continue").click()
    desk.page.get_by_label("To", exact=True).fill("wrong")
    desk.page.get_by_role("button", name="Send", exact=True).click()
    expect(desk.page.get_by_text("'wrong' is no e-mail address")).to_be_visible()
    expect(desk.page.get_by_label("To", exact=True)).to_have_value("wrong")
    desk.page.get_by_label("To", exact=True).fill(f"plain@{paper.number.lower()}.example")
    desk.page.get_by_role("button", name="Send and return").click()
    expect(desk.page.get_by_text("Accepted. What becomes of it stands here")).to_be_visible()
    until("the mail", lambda: town.door.mails(f"plain@{paper.number.lower()}.example") or None)
    context.close()
