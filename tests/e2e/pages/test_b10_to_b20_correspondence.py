"""Part B of the product's list, items 10 to 20: the correspondence generator. Numbered as there."""

import io
import re
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import expect
from pypdf import PdfReader
from tests.e2e.conftest import House
from tests.e2e.orders import Paper
from tests.e2e.pages.desk import Desk

from embedded.demo import cast
from embedded.demo.door import until
from embedded.errors import EmbeddedError


def sends(house: House, paper: Paper) -> list[dict[str, Any]]:
    """What was sent about the order, as the API tells it."""
    found: list[dict[str, Any]] = house.door.get(cast.FRIDA, f"/api/orders/{paper.id}/correspondences")["correspondences"]
    return found


def address_of(paper: Paper, name: str) -> str:
    """An address that no other test writes to."""
    return f"{name}@{paper.number.lower()}.example"


def upload(house: House, paper: Paper, filename: str, content: bytes) -> str:
    """Put a document on the order; its id."""
    path = f"/api/orders/{paper.id}/documents?filename={filename}"
    headers = {"content-type": "application/octet-stream"}
    return str(house.door.call(cast.FRIDA, "POST", path, content=content, headers=headers)["document"])


def test_b10_contacts_can_be_ticked_several_at_once_and_duplicates_collapse(town: House, desk: Desk, paper: Paper) -> None:
    """Anna is ticked and her address typed too, in other letters: she gets one mail."""
    desk.generator(paper).address("Anna Berger", "Béla Kovacs", to="ANNA.BERGER@stadtwerke.example").send()
    assert sorted(desk.states()) == ["anna.berger@stadtwerke.example", "bela.kovacs@stadtwerke.example"]
    assert len(sends(town, paper)[0]["recipients"]) == 2


def test_b11_typed_addresses_stand_beside_contacts_an_invalid_one_is_named_and_nobody_is_refused(
    town: House, desk: Desk, paper: Paper
) -> None:
    desk.generator(paper).send()
    expect(desk.alert.filter(has_text="there is nobody to send to")).to_be_visible()
    desk.address("Anna Berger", to=f"{address_of(paper, 'good')}; not-an-address").send()
    expect(desk.alert.filter(has_text="'not-an-address' is no e-mail address")).to_be_visible()
    assert sends(town, paper) == []
    expect(desk.page.get_by_label("To", exact=True)).to_have_value(f"{address_of(paper, 'good')}; not-an-address")
    desk.address(to=address_of(paper, "good")).send()
    assert desk.states() == {"anna.berger@stadtwerke.example": "sent", address_of(paper, "good"): "sent"}


def test_b12_the_subject_is_prefilled_and_the_edited_one_goes_into_mail_pdf_and_history(town: House, desk: Desk, paper: Paper) -> None:
    desk.generator(paper)
    expect(desk.page.get_by_label("Subject")).to_have_value(f"Purchase order {paper.number}: communication log")
    edited = f"Über {paper.number} – two desks"
    desk.page.get_by_label("Subject").fill(edited)
    assert edited in pdf_of(desk)
    desk.address(to=address_of(paper, "subject")).send("Send and return")
    expect(desk.page.get_by_role("cell", name=edited)).to_be_visible()
    [mail] = until("the mail", lambda: town.door.mails(address_of(paper, "subject")) or None)
    assert mail["Subject"] == edited
    window = desk.page.get_attribute("#history", "data-clears") or sends(town, paper)[0]["correspondence"]
    body = {"to": [address_of(paper, "injected")], "subject": "One\r\nBcc: everybody@example.org"}
    path = f"/api/correspondences/{window.removeprefix('correspondence:')}/send"
    with pytest.raises(EmbeddedError, match="line break"):
        town.door.call(cast.FRIDA, "POST", path, json=body, headers={"Idempotency-Key": f"b12-{paper.id}"})


def pdf_of(desk: Desk) -> str:
    """Generate PDF; its text."""
    with desk.page.expect_download() as download:
        desk.page.get_by_role("button", name="Generate PDF").click()
    pages = PdfReader(io.BytesIO(Path(download.value.path()).read_bytes())).pages
    return re.sub(r"\s+", " ", " ".join(page.extract_text() for page in pages))


def test_b13_the_blue_arrow_expands_select_documents_collapsed_and_unticked_at_first(desk: Desk, paper: Paper) -> None:
    desk.generator(paper)
    document = desk.page.get_by_role("checkbox", name="assembly-sheet.txt")
    expect(document).to_be_hidden()
    blue = desk.page.locator("details.documents .arrow").evaluate("arrow => getComputedStyle(arrow).borderLeftColor")
    red, green, blueness = (int(part) for part in re.findall(r"\d+", blue)[:3])
    assert blueness > red + 80
    assert blueness > green + 80
    desk.page.locator("details.documents .arrow").click()
    expect(document).to_be_visible()
    expect(document).not_to_be_checked()


def test_b14_only_documents_of_the_order_can_be_chosen_and_foreign_ids_are_refused(
    town: House, desk: Desk, paper: Paper, new_paper: Any
) -> None:
    other = new_paper()
    foreign = upload(town, other, "of-another-order.txt", b"not yours")
    desk.generator(paper)
    desk.page.get_by_text("Select documents").click()
    expect(desk.page.locator("[name=documents]")).to_have_count(1)
    expect(desk.page.locator("input[type=file]")).to_have_count(0)
    # A page that somebody has tampered with: the id is refused at the Send click, and nothing is sent.
    desk.page.locator("[name=documents]").evaluate("(box, id) => { box.value = id; box.checked = true; }", foreign)
    desk.address(to=address_of(paper, "foreign")).send()
    expect(desk.alert.filter(has_text="does not lie on the order")).to_be_visible()
    assert sends(town, paper) == []


def test_b15_a_document_deleted_before_sending_is_a_clear_error_and_the_cap_is_told_before(town: House, desk: Desk, paper: Paper) -> None:
    gone = upload(town, paper, "gone.txt", b"soon deleted")
    desk.generator(paper)
    desk.page.get_by_text("Select documents").click()
    expect(desk.page.get_by_text("Up to 20 MB are attached")).to_be_visible()
    desk.page.get_by_role("checkbox", name="gone.txt").check()
    expect(desk.page.get_by_text("Together 1 KB: all of it is attached.")).to_be_visible()
    town.door.call(cast.FRIDA, "DELETE", f"/api/orders/{paper.id}/documents/{gone}")
    desk.address(to=address_of(paper, "gone")).send()
    expect(desk.alert.filter(has_text="The document 'gone.txt' was deleted from the order")).to_be_visible()
    assert sends(town, paper) == []
    assert town.door.mails(address_of(paper, "gone")) == []


def test_b16_send_stays_with_all_inputs_and_shows_the_result(desk: Desk, paper: Paper) -> None:
    desk.generator(paper).address("Anna Berger", to=address_of(paper, "stays"))
    window = desk.page.url
    desk.page.get_by_text("Select documents").click()
    desk.page.get_by_role("checkbox", name="assembly-sheet.txt").check()
    desk.send()
    expect(desk.page.get_by_role("status").filter(has_text="Accepted: it goes to 2 recipients")).to_be_visible()
    assert desk.page.url == window
    expect(desk.page.get_by_role("checkbox", name="Anna Berger")).to_be_checked()
    expect(desk.page.get_by_label("To", exact=True)).to_have_value(address_of(paper, "stays"))
    expect(desk.page.get_by_role("checkbox", name="assembly-sheet.txt")).to_be_checked()
    assert set(desk.states().values()) == {"sent"}


def test_b17_send_and_return_goes_back_to_the_order_and_stays_when_it_is_refused(desk: Desk, paper: Paper) -> None:
    desk.generator(paper)
    window = desk.page.url
    desk.address(to="nobody").send("Send and return")
    expect(desk.alert.filter(has_text="'nobody' is no e-mail address")).to_be_visible()
    assert desk.page.url == window
    desk.address(to=address_of(paper, "returns")).send("Send and return")
    expect(desk.page.get_by_role("heading", name=paper.number)).to_be_visible()
    assert f"/purchase-orders/{paper.id}/" in desk.page.url
    assert desk.states() == {address_of(paper, "returns"): "sent"}


def test_b18_one_click_is_one_correspondence_and_an_identical_second_one_is_asked_about(town: House, desk: Desk, paper: Paper) -> None:
    desk.generator(paper).address(to=address_of(paper, "once"))
    desk.page.get_by_role("button", name="Send", exact=True).dblclick()
    expect(desk.page.get_by_role("status").filter(has_text="Accepted")).to_be_visible()
    assert len(sends(town, paper)) == 1
    desk.states()
    desk.send()
    expect(desk.alert.filter(has_text="The same was sent to the same people before")).to_be_visible()
    assert len(sends(town, paper)) == 1
    desk.send("Send it again")
    expect(desk.page.get_by_role("status").filter(has_text="Accepted")).to_be_visible()
    assert len(sends(town, paper)) == 2
    assert desk.states() == {address_of(paper, "once"): "sent"}
    assert len(until("both mails", lambda: _two(town.door.mails(address_of(paper, "once"))))) == 2


def test_b18_what_is_asked_about_an_identical_one_binds_no_later_click(desk: Desk, paper: Paper) -> None:
    """Send and return was asked about; whoever then chooses other people and Send stays in the window."""
    desk.generator(paper).address(to=address_of(paper, "first")).send()
    desk.states()
    desk.send("Send and return")
    expect(desk.alert.filter(has_text="The same was sent to the same people before")).to_be_visible()
    window = desk.page.url
    desk.address(to=address_of(paper, "second")).send()
    expect(desk.page.get_by_role("status").filter(has_text="Accepted")).to_be_visible()
    assert desk.page.url == window
    desk.send("Send and return")
    desk.send("Send it again")
    expect(desk.page.get_by_role("heading", name=paper.number, exact=True)).to_be_visible()


def _two(mails: list[dict[str, Any]]) -> list[dict[str, Any]] | None:
    return mails if len(mails) > 1 else None


def test_b19_generate_pdf_shows_the_chosen_logs_sends_nothing_and_changes_nothing(town: House, desk: Desk, paper: Paper) -> None:
    before = town.door.total()
    desk.generator(paper, "Zażółć gęślą jaźń – Ωμέγα – Привет <b>not bold</b>")
    text = pdf_of(desk)
    for shown in (paper.number, "Nordlicht Office AS", "Stadtwerke Linz", "Delivery", "Frida Lund", "Zażółć gęślą jaźń", "Ωμέγα", "Привет"):
        assert shown in text
    assert "<b>not bold</b>" in text
    assert re.search(r"\d\d:\d\d", text)
    assert sends(town, paper) == []
    assert town.door.total() == before
    expect(desk.page.get_by_role("heading", name="Correspondence")).to_be_visible()


def test_b20_accepted_and_delivered_differ_and_each_recipient_is_shown(desk: Desk, paper: Paper) -> None:
    """The states go on changing without a reload; one address bounces, and its server's words are shown."""
    bad = address_of(paper, "bounce-b20")
    desk.generator(paper).address(to=f"{address_of(paper, 'fine')}, {bad}").send()
    expect(desk.page.get_by_role("status").filter(has_text="Accepted")).to_be_visible()
    assert desk.states() == {address_of(paper, "fine"): "sent", bad: "bounced"}
    expect(desk.page.locator(".send").get_by_text("User unknown")).to_be_visible()
    expect(desk.page.get_by_text("delivered", exact=True)).to_have_count(0)
