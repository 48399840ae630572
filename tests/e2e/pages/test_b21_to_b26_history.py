"""Part B of the product's list, items 21 to 26: who sees what, the history, and what happens while something is down. Numbered as there."""

import time
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import psutil
from playwright.sync_api import expect
from tests.e2e.conftest import House
from tests.e2e.orders import Paper
from tests.e2e.pages.conftest import Desks
from tests.e2e.pages.desk import Desk
from tests.e2e.pages.test_b10_to_b20_correspondence import address_of, sends
from tests.e2e.test_replies_by_mail import PHOTO, Thread

from embedded import control
from embedded.demo import cast, scenes
from embedded.demo.door import until


def test_b21_the_client_sees_the_logs_also_those_only_saved_also_when_the_mail_bounces(desks: Desks, paper: Paper) -> None:
    frida = desks().open(paper).write("Only saved.")
    frida.write("Sent to a dead address.", then="Save and send by email")
    frida.compose().address(to=address_of(paper, "bounce-b21")).send()
    assert frida.states() == {address_of(paper, "bounce-b21"): "bounced"}
    clara = desks(cast.CLARA).open(paper)
    assert clara.texts() == ["Only saved.", "Sent to a dead address."]


def test_b21_a_tenant_may_hide_what_was_only_saved(town: House, desks: Desks, paper: Paper) -> None:
    desks().open(paper).write("A draft of ours.")
    before = town.door.get(cast.FRIDA, "/api/log-types")
    try:
        town.door.call(scenes.OPERATOR, "PUT", "/api/log-types", json={**before, "visible_unsent": False})
        clara = desks(cast.CLARA).open(paper)
        assert clara.texts() == []
    finally:
        town.door.call(scenes.OPERATOR, "PUT", "/api/log-types", json=before)
    clara.page.reload()
    assert clara.texts() == ["A draft of ours."]


def test_b22_there_is_no_way_to_edit_or_delete_a_log(town: House, desk: Desk, paper: Paper) -> None:
    desk.open(paper).write("For good.")
    log = town.door.get(cast.FRIDA, f"/api/orders/{paper.id}/logs")["logs"][0]
    buttons = [one.inner_text() for one in desk.page.locator("#logs").get_by_role("button").all()]
    assert buttons == []
    expect(desk.page.locator("#logs form")).to_have_count(0)
    headers = {"authorization": f"Bearer {town.door._token(cast.FRIDA)}"}
    for method in ("PUT", "PATCH", "DELETE", "POST"):
        answer = httpx.request(method, f"{desk.url}/api/orders/{paper.id}/logs/{log['log']}", headers=headers, json={"message": "Changed."})
        assert answer.status_code in (404, 405), (method, answer.text)
    desk.write("A correction is a new log.")
    assert desk.texts() == ["For good.", "A correction is a new log."]


def test_b23_each_send_is_recorded_with_all_that_it_was(town: House, desk: Desk, paper: Paper) -> None:
    desk.generator(paper, "Recorded.", "all")
    desk.page.get_by_text("Select documents").click()
    desk.page.get_by_role("checkbox", name="assembly-sheet.txt").check()
    desk.page.get_by_label("Subject").fill(f"Recorded {paper.number}")
    desk.address("Anna Berger", to=address_of(paper, "recorded")).send("Send and return")
    assert set(desk.states().values()) == {"sent"}
    row = desk.page.locator(".history tbody tr").first
    for shown in ("All communication logs: 1", "Frida Lund", "Nordlicht Office AS", "assembly-sheet.txt", f"Recorded {paper.number}"):
        expect(row).to_contain_text(shown)
    [one] = sends(town, paper)
    [document] = one["documents"]
    stored = town.door.get(cast.FRIDA, f"/api/orders/{paper.id}/documents")["documents"][0]
    assert (document["document"], document["sha256"]) == (stored["document"], stored["sha256"])
    assert one["logs"] == [log["log"] for log in town.door.get(cast.FRIDA, f"/api/orders/{paper.id}/logs")["logs"]]
    assert {to["address"]: to["state"] for to in one["recipients"]} == {
        "anna.berger@stadtwerke.example": "sent",
        address_of(paper, "recorded"): "sent",
    }


def test_b24_both_sides_see_the_same_in_the_same_order_as_text_and_no_bcc(desks: Desks, paper: Paper) -> None:
    """What looks like HTML is shown as it was written, and nothing of it runs."""
    hostile = "<img src=x onerror=\"document.title='owned'\"><script>document.title='owned'</script> & \"quotes\" 'n' <b>bold</b>"
    frida = desks().open(paper).write(hostile)
    clara = desks(cast.CLARA).open(paper)
    clara.write("An answer.", kind="General")
    frida.page.reload()
    assert frida.texts() == clara.texts() == [hostile, "An answer."]
    expect(frida.logs.last).to_have_class("log client")
    assert "owned" not in frida.page.title() + clara.page.title()
    expect(frida.page.locator("#logs img, #logs script, #logs b")).to_have_count(0)
    frida.page.goto(f"{frida.url}/purchase-orders/{paper.id}/communication-logs")
    frida.page.get_by_role("button", name="Send by email").click()
    frida.compose("all")
    expect(frida.page.get_by_text("bcc")).to_have_count(0)


def test_b24_a_word_of_the_other_side_appears_by_itself(desks: Desks, paper: Paper) -> None:
    """The inbox's live news renew the logs of the page that is open, and the count beside Inbox."""
    anna = desks(cast.ANNA).open(paper)
    desks().open(paper).write("You see this without a reload.")
    expect(anna.page.get_by_text("You see this without a reload.")).to_be_visible()
    expect(anna.page.locator("#unread")).to_be_visible()


def test_b25_a_reply_by_mail_joins_the_thread_with_its_file_and_a_strangers_is_held(town: House, desks: Desks) -> None:
    """By mail to the address that the correspondence was sent with; what a person must see first, they decide on the order's page."""
    thread = Thread(town)
    fine, strange, away = (f"{words} {uuid4().hex[:8]}" for words in ("Thursday is fine.", "May I come, too?", "I am on holiday."))
    thread.deliver(
        thread.answer(thread.address, fine, photo=True),
        thread.answer("Eve <eve@carrier.example>", strange),
        thread.answer(thread.address, away, Auto_Submitted="auto-replied"),
    )
    thread.held(strange)
    thread.held(away)
    frida = desks().open(thread.paper)
    reply = frida.logs.filter(has_text=fine)
    expect(reply).to_contain_text("by e-mail")
    expect(reply.locator(".kind")).to_have_text("Reply")
    with frida.page.expect_download() as download:
        reply.get_by_role("link", name="corner.jpg").click()
    assert Path(download.value.path()).read_bytes() == PHOTO
    expect(frida.logs.filter(has_text=strange)).to_have_count(0)
    held = frida.page.get_by_role("article").filter(has_text=strange)
    expect(held).to_contain_text("Nobody of this order writes from this address")
    held.get_by_role("button", name="Let it in").click()
    expect(frida.logs.filter(has_text=strange)).to_contain_text("let in by Frida Lund")
    frida.page.get_by_role("article").filter(has_text=away).get_by_role("button", name="Leave it out").click()
    expect(frida.page.get_by_role("article").filter(has_text=away)).to_have_count(0)
    clara = desks(cast.CLARA).open(thread.paper)
    expect(clara.logs.filter(has_text=fine)).to_be_visible()
    expect(clara.logs.filter(has_text=strange)).to_be_visible()
    expect(clara.logs.filter(has_text=away)).to_have_count(0)
    clara.page.get_by_role("navigation", name="Parts of the order").get_by_role("link", name="Documents").click()
    expect(clara.page.get_by_text("corner.jpg")).to_have_count(0)


def test_b26_while_the_mailer_is_down_save_works_and_sending_queues_and_delivers_once(town: House, desk: Desk, paper: Paper) -> None:
    desk.generator(paper, "Written while the mailer was down.")
    mailer = psutil.Process(_pid(town, "mailer-service"))
    mailer.suspend()
    try:
        desk.address(to=address_of(paper, "later")).send("Send and return")
        expect(desk.page.locator(".state.queued")).to_be_visible()
        desk.open(paper).write("Saved meanwhile.")
        assert desk.texts() == ["Written while the mailer was down.", "Saved meanwhile."]
        assert town.door.mails(address_of(paper, "later")) == []
    finally:
        mailer.resume()
    until("the mail", lambda: town.door.mails(address_of(paper, "later")) or None)
    desk.open(paper, "Correspondence")
    assert desk.states(timeout=30_000) == {address_of(paper, "later"): "sent"}
    time.sleep(1)
    assert len(town.door.mails(address_of(paper, "later"))) == 1


def _pid(house: House, name: str) -> int:
    pids: dict[str, Any] = control.endpoints(house.run)["pids"]  # type: ignore[assignment]
    return int(pids[name])
