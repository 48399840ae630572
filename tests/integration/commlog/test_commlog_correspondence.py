"""From the open window to the accepted send, on a real database."""

import asyncio
from typing import Any

import orjson
import pytest
from tests.integration.commlog.acts import log, opened, requests, send
from tests.integration.commlog.conftest import House

from commlog_service.domain.correspondences import DOCUMENT_BYTES
from postroom.blobs import Blobs
from postroom.contracts.commlog import FrozenLogs


async def test_the_set_is_frozen_when_the_window_opens(house: House) -> None:
    window = await opened(house, "all")
    await log(house, "l2", "Later")
    again = (await house.ask("GET", f"/correspondences/{window['id']}")).json()
    assert [one["message"] for one in again["logs"]] == ["Late"]
    assert again["subject"] == "Purchase order PO-o1: communication log"
    assert [one["person"] for one in again["contacts"]] == ["sam", "bea", "max"]
    assert [one["filename"] for one in again["documents"]] == ["plan.pdf"]
    assert again["state"] == "open"
    both = (await house.ask("POST", "/orders/o1/correspondences", {"scope": "all"})).json()
    assert [one["message"] for one in both["logs"]] == ["Late", "Later"]
    assert (await house.ask("POST", "/orders/o1/correspondences", {})).json()["field"] == "scope"
    assert await requests(house) == []


async def test_a_send_asks_for_one_mail_with_pinned_bytes(house: House) -> None:
    window = await opened(house)
    answer = await send(house, window["id"], documents=["doc-o1"], to=["board@buyer.example", "BEA@buyer.example"], attach_pdf=True)
    assert answer.status_code == 202, answer.text
    assert [(one["address"], one["state"]) for one in answer.json()["recipients"]] == [
        ("bea@buyer.example", "queued"),
        ("board@buyer.example", "queued"),
    ]
    (fact,) = await requests(house)
    assert fact.reply_to == "sam@seller.example"
    assert fact.correspondence == answer.json()["send"]
    assert (fact.subject, fact.scope, fact.log_count, fact.attach_pdf) == ("Edited", "latest", 1, True)
    assert [one.document for one in fact.documents] == ["doc-o1"]
    blob = await Blobs(house.settings.blobs).get("acme", fact.logs.sha256)
    frozen = FrozenLogs.model_validate_json(blob)
    assert (len(blob), frozen.subject, [one.message for one in frozen.logs]) == (fact.logs.size, "Edited", ["Late"])
    assert (frozen.order.number, frozen.order.supplier, frozen.buyer) == ("PO-o1", "Seller", "Buyer")
    history = await house.rows("SELECT kind, entry, content FROM history NATURAL JOIN history_contents ORDER BY entry")
    assert [(one["kind"], one["entry"]) for one in history] == [("log", 1), ("send", 2)]
    assert orjson.loads(history[1]["content"])["documents"][0]["sha256"] == fact.documents[0].sha256


async def test_one_click_is_one_correspondence_even_when_its_retry_comes_late(house: House) -> None:
    window = await opened(house)
    answers = await asyncio.gather(*(send(house, window["id"], documents=["doc-o1"]) for _ in range(4)))
    house.neighbours.deleted.add("doc-o1")
    house.away()
    late = await send(house, window["id"], documents=["doc-o1"])
    assert {answer.status_code for answer in (*answers, late)} == {202}
    assert len({answer.json()["send"] for answer in (*answers, late)}) == 1
    assert len(await requests(house)) == 1


async def test_a_deliberate_identical_send_asks_first(house: House) -> None:
    window = await opened(house)
    first = (await send(house, window["id"])).json()["send"]
    second = await send(house, window["id"], "s2")
    assert (second.status_code, second.json()["code"], second.json()["send"]) == (409, "identical_send", first)
    assert (await send(house, window["id"], "s3", to=["other@buyer.example"])).status_code == 202
    assert (await send(house, window["id"], "s4", confirm_identical=True)).status_code == 202
    shown = (await house.ask("GET", f"/correspondences/{window['id']}")).json()
    assert (shown["state"], len(shown["sends"])) == ("sent", 3)


@pytest.mark.parametrize(
    ("changes", "status", "code", "field"),
    [
        ({"to": ["nobody"]}, 422, "invalid_address", "to.0"),
        ({"to": [], "contacts": []}, 422, "no_recipient", "to"),
        ({"contacts": ["max"]}, 422, "no_address", "contacts.0"),
        ({"contacts": ["stranger"]}, 422, "unknown_contact", "contacts.0"),
        ({"subject": "a\r\nBcc: x@y.example"}, 422, "invalid", "subject"),
        ({"documents": ["foreign"]}, 404, "unknown_document", "documents"),
        ({"documents": ["gone"]}, 409, "document_deleted", "documents"),
        ({"documents": ["big"]}, 413, "too_large", "documents"),
    ],
)
async def test_what_is_wrong_is_named_and_nothing_sent(house: House, changes: dict[str, Any], status: int, code: str, field: str) -> None:
    house.neighbours.add("o1")
    house.neighbours.documents["o1"].append({"document": "big", "filename": "big.zip", "size": DOCUMENT_BYTES + 1, "sha256": "1" * 64})
    house.neighbours.deleted.add("gone")
    window = (await house.ask("POST", "/orders/o1/correspondences", {"scope": "latest", "log": await log(house)})).json()
    answer = await send(house, window["id"], **changes)
    assert (answer.status_code, answer.json()["code"], answer.json()["field"]) == (status, code, field)
    assert await requests(house) == []
    assert (await send(house, window["id"])).status_code == 202, "the same key is free again after a refusal"


async def test_contacts_are_those_at_the_click(house: House) -> None:
    window = await opened(house)
    contacts = house.neighbours.contacts["o1"]
    house.neighbours.contacts["o1"] = [{**contacts[1], "email": "new@buyer.example"}]
    gone = await send(house, window["id"], contacts=["max"])
    assert gone.json()["code"] == "unknown_contact"
    answer = await send(house, window["id"], contacts=["bea"], to=[])
    assert [one["address"] for one in answer.json()["recipients"]] == ["new@buyer.example"]


async def test_a_send_without_documents_is_accepted_while_the_order_service_is_away(house: House) -> None:
    window = await opened(house)
    house.away()
    assert (await send(house, window["id"])).status_code == 202
    lacking = await send(house, window["id"], "s2", documents=["doc-o1"])
    assert (lacking.status_code, lacking.json()["code"]) == (503, "po_unavailable")
    assert len(await requests(house)) == 1


async def test_the_pdf_shows_the_edited_subject_and_changes_nothing(house: House) -> None:
    window = await opened(house)
    answer = await house.ask("POST", f"/correspondences/{window['id']}/pdf", {"subject": "Mine"})
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/pdf")
    assert FrozenLogs.model_validate_json(answer.content.removeprefix(b"%PDF-")).subject == "Mine"
    assert (await house.ask("POST", f"/correspondences/{window['id']}/pdf")).status_code == 200
    assert await requests(house) == []
    house.away()
    assert (await house.ask("POST", f"/correspondences/{window['id']}/pdf")).json()["code"] == "mailer_unavailable"
