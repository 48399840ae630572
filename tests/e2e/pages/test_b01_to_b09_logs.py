"""Part B of the product's list, items 1 to 9: a log is created, and what is to be sent is chosen. Numbered as there."""

from collections.abc import Callable

from playwright.sync_api import expect
from tests.e2e.conftest import House
from tests.e2e.orders import Paper
from tests.e2e.pages.conftest import RIVALS_CLERK, Desks
from tests.e2e.pages.desk import Desk

from embedded.demo import cast, scenes
from embedded.demo.door import until


def api_logs(house: House, paper: Paper, who: str = cast.FRIDA) -> list[str]:
    """The order's logs as the API tells them."""
    return [log["message"] for log in house.door.get(who, f"/api/orders/{paper.id}/logs")["logs"]]


def test_b01_edit_in_consolidated_by_po_opens_the_order_and_a_supplier_sees_only_its_own(desks: Desks, paper: Paper) -> None:
    frida = desks().find(paper, "Lines")
    expect(frida.page.get_by_role("heading", name=paper.number)).to_be_visible()
    expect(frida.page.get_by_role("cell", name="Height-adjustable desk")).to_be_visible()
    rita = desks(RIVALS_CLERK)
    expect(rita.page.get_by_text("There is no order for your company yet")).to_be_visible()
    rita.page.goto(f"{rita.url}/purchase-orders/{paper.id}")
    expect(rita.page.get_by_role("heading", name="There is no such page")).to_be_visible()


def test_b02_the_tab_lists_the_orders_logs_and_has_new_communication_log(desk: Desk, paper: Paper) -> None:
    desk.find(paper)
    expect(desk.page.get_by_text("Nothing was written on this order yet")).to_be_visible()
    desk.write("First.").write("Second.")
    assert desk.texts() == ["First.", "Second."]
    expect(desk.page.get_by_role("button", name="New communication log")).to_be_visible()


def test_b03_type_and_message_are_needed_and_named_and_types_are_the_tenants(town: House, desk: Desk, paper: Paper) -> None:
    desk.open(paper)
    desk.page.get_by_role("button", name="New communication log").click()
    desk.dialog.get_by_label("Message").fill("Without a type.")
    desk.dialog.get_by_role("button", name="Save", exact=True).click()
    expect(desk.dialog.get_by_role("alert").filter(has_text="The type is missing")).to_be_visible()
    expect(desk.dialog.get_by_label("Message")).to_have_value("Without a type.")
    desk.dialog.get_by_label("Type").select_option("Quality")
    desk.dialog.get_by_label("Message").fill("  ")
    desk.dialog.get_by_role("button", name="Save", exact=True).click()
    expect(desk.dialog.get_by_role("alert").filter(has_text="The message is missing")).to_be_visible()
    assert api_logs(town, paper) == []
    before = town.door.get(cast.FRIDA, "/api/log-types")
    try:
        town.door.call(scenes.OPERATOR, "PUT", "/api/log-types", json={**before, "types": [*before["types"], "Customs"]})
        desk.page.reload()
        desk.write("Held at the border.", kind="Customs")
    finally:
        town.door.call(scenes.OPERATOR, "PUT", "/api/log-types", json=before)
    expect(desk.logs.locator(".kind")).to_have_text("Customs")


def test_b04_save_stores_publishes_and_mails_nobody(town: House, desk: Desk, paper: Paper) -> None:
    """LogCreated reaches the rules, which tell the client in-app; not one envelope is made."""
    desk.open(paper).write("Only saved.")
    told = until("the decision about LogCreated", lambda: _events(town, paper, "LogCreated.v1"))
    assert {decision["message"]["unmailed"] for decision in told[0]["decisions"] if decision["message"]} == {
        "in-app only: the rule names no e-mail for this message"
    }
    assert all(not decision["message"]["envelopes"] for decision in told[0]["decisions"] if decision["message"])
    assert town.door.mails(cast.address(cast.ANNA), paper.number) == []


def _events(house: House, paper: Paper, type_: str) -> list[dict] | None:  # type: ignore[type-arg]
    found = [one for one in house.door.get(scenes.OPERATOR, f"/explain/{paper.id}")["events"] if one["type"] == type_]
    whole = found and all(isinstance(one["message"], dict) or not one["message"] for one in found[0]["decisions"]) and found[0]["decisions"]
    return found if whole else None


def test_b05_save_and_send_by_email_stores_first_and_leaving_keeps_the_log_unsent(town: House, desk: Desk, paper: Paper) -> None:
    desk.open(paper).write("Stored before anything is sent.", then="Save and send by email")
    expect(desk.dialog.get_by_role("heading", name="What do you want to send?")).to_be_visible()
    assert api_logs(town, paper) == ["Stored before anything is sent."]
    desk.page.keyboard.press("Escape")
    assert desk.texts() == ["Stored before anything is sent."]
    expect(desk.logs.first).not_to_contain_text("sent by e-mail")
    assert town.door.get(cast.FRIDA, f"/api/orders/{paper.id}/correspondences")["correspondences"] == []


def test_b06_a_double_click_is_one_log(town: House, desk: Desk, paper: Paper) -> None:
    desk.open(paper)
    desk.page.get_by_role("button", name="New communication log").click()
    desk.dialog.get_by_label("Type").select_option("Price")
    desk.dialog.get_by_label("Message").fill("Clicked twice.")
    desk.dialog.get_by_role("button", name="Save", exact=True).dblclick()
    expect(desk.page.get_by_text("Saved. It is on the order")).to_be_visible()
    assert api_logs(town, paper) == ["Clicked twice."]


def test_b06_a_lost_answer_and_the_second_try_are_one_log(town: House, desk: Desk, paper: Paper) -> None:
    """The server does what was asked, its answer is lost, the page says so and keeps the text; the same button again is the same log."""
    desk.open(paper)
    desk.lose_the_next_answer("**/communication-logs")
    desk.page.get_by_role("button", name="New communication log").click()
    desk.dialog.get_by_label("Type").select_option("Price")
    desk.dialog.get_by_label("Message").fill("Told once.")
    desk.dialog.get_by_role("button", name="Save", exact=True).click()
    expect(desk.dialog.get_by_role("alert").filter(has_text="No answer came")).to_be_visible()
    expect(desk.dialog.get_by_label("Message")).to_have_value("Told once.")
    assert api_logs(town, paper) == ["Told once."]
    desk.dialog.get_by_role("button", name="Save", exact=True).click()
    expect(desk.page.get_by_text("Saved. It is on the order")).to_be_visible()
    assert api_logs(town, paper) == ["Told once."]


def test_b07_the_window_offers_only_the_latest_or_all_and_one_must_be_chosen(desk: Desk, paper: Paper) -> None:
    desk.open(paper).write("One.", then="Save and send by email")
    expect(desk.dialog.get_by_role("radio")).to_have_count(2)
    expect(desk.dialog.get_by_role("radio", checked=True)).to_have_count(0)
    desk.dialog.get_by_role("button", name="Continue").click()
    expect(desk.dialog.get_by_role("alert").filter(has_text="Choose which logs to send")).to_be_visible()
    desk.compose("all")


def test_b08_latest_is_the_log_just_saved_and_all_is_chronological(town: House, desk: Desk, paper: Paper) -> None:
    """The client writes in between: the latest is still the one that was saved here."""
    desk.open(paper).write("First of mine.").write("Latest of mine.", then="Save and send by email")
    body = {"type": "General", "message": "A word from the client."}
    town.door.call(cast.ANNA, "POST", f"/api/orders/{paper.id}/logs", json=body, headers={"Idempotency-Key": f"b08-{paper.id}"})
    desk.compose("latest")
    desk.page.get_by_text("1 log is sent").click()
    assert desk.page.locator(".preview .words").all_inner_texts() == ["Latest of mine."]
    desk.page.goto(f"{desk.url}/purchase-orders/{paper.id}/communication-logs")
    desk.page.get_by_role("button", name="Send by email").click()
    desk.compose("all")
    desk.page.get_by_text("3 logs are sent").click()
    assert desk.page.locator(".preview .words").all_inner_texts() == ["First of mine.", "Latest of mine.", "A word from the client."]
    expect(desk.page.locator(".preview .log-head").last).to_contain_text("General")
    expect(desk.page.locator(".preview .log-head").last).to_contain_text("Anna Berger, Stadtwerke Linz")
    expect(desk.page.locator(".preview time")).to_have_count(3)


def test_b09_the_set_is_frozen_and_never_holds_another_orders_logs(
    town: House, desk: Desk, paper: Paper, new_paper: Callable[[], Paper]
) -> None:
    other = new_paper()
    body = {"type": "General", "message": "Of another order."}
    town.door.call(cast.FRIDA, "POST", f"/api/orders/{other.id}/logs", json=body, headers={"Idempotency-Key": f"b09-{other.id}"})
    desk.generator(paper, "Frozen.", "all")
    window = desk.page.url
    later = {"type": "General", "message": "Written after the window was opened."}
    town.door.call(cast.FRIDA, "POST", f"/api/orders/{paper.id}/logs", json=later, headers={"Idempotency-Key": f"b09-{paper.id}"})
    desk.page.goto(window)
    desk.page.get_by_text("1 log is sent").click()
    assert desk.page.locator(".preview .words").all_inner_texts() == ["Frozen."]
    desk.address(to=f"b09@{paper.number.lower()}.example").send()
    [mail] = until("the mail", lambda: town.door.mails(f"b09@{paper.number.lower()}.example") or None)
    assert "Frozen." in mail["Snippet"]
    assert "Written after" not in mail["Snippet"]
    assert "another order" not in mail["Snippet"]
