"""From the open window to the accepted send, on a real database."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
import pytest
from tests.integration.commlog.conftest import House

from commlog_service import handlers
from commlog_service.domain.correspondences import DOCUMENT_BYTES
from postroom.blobs import Blobs
from postroom.contracts import cloudevents, emitters, event, topics
from postroom.contracts.commlog import CorrespondenceRequested, FrozenLogs
from postroom.contracts.messages import Cause
from postroom.contracts.outcomes import EnvelopeOutcome
from postroom.contracts.reading import Reader
from postroom.contracts.record import Record
from postroom.intake import Intake, Tally

CLIENT = {"side": "client", "company": "buyer", "person": "bea"}
RIVAL = {"company": "rival", "person": "rita"}
ABROAD = {"side": "client", "company": "buyer", "tenant": "other", "person": "olga"}
SEND = {"contacts": ["bea"], "to": ["board@buyer.example"], "subject": "Edited"}


async def log(house: House, key: str = "l1", message: str = "Late") -> str:
    return str((await house.ask("POST", "/orders/o1/logs", {"type": "General", "message": message}, key=key)).json()["log"])


async def opened(house: House, scope: str = "latest") -> dict[str, Any]:
    house.neighbours.add("o1")
    last = await log(house)
    answer = await house.ask("POST", "/orders/o1/correspondences", {"scope": scope, "log": last})
    assert answer.status_code == 201, answer.text
    return dict(answer.json())


async def send(house: House, window: str, key: str = "s1", **changes: Any) -> Any:
    return await house.ask("POST", f"/correspondences/{window}/send", {**SEND, **changes}, key=key)


async def requests(house: House) -> list[CorrespondenceRequested]:
    rows = await house.rows("SELECT value, headers FROM outbox ORDER BY id")
    return [
        CorrespondenceRequested.model_validate(orjson.loads(row["value"]))
        for row in rows
        if dict(row["headers"])["ce_type"] == "CorrespondenceRequested.v1"
    ]


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
    assert fact.correspondence == answer.json()["send"]
    assert (fact.subject, fact.scope, fact.log_count, fact.attach_pdf) == ("Edited", "latest", 1, True)
    assert [one.document for one in fact.documents] == ["doc-o1"]
    blob = await Blobs(house.settings.blobs).get("acme", fact.logs.sha256)
    frozen = FrozenLogs.model_validate_json(blob)
    assert (len(blob), frozen.subject, [one.message for one in frozen.logs]) == (fact.logs.size, "Edited", ["Late"])
    assert (frozen.order.number, frozen.order.supplier, frozen.buyer) == ("PO-o1", "Seller", "Buyer")
    history = await house.rows("SELECT kind, entry, content FROM history ORDER BY entry")
    assert [(one["kind"], one["entry"]) for one in history] == [("log", 1), ("send", 2)]
    assert history[1]["content"]["documents"][0]["sha256"] == fact.documents[0].sha256


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


async def test_every_route_keeps_strangers_out(house: House) -> None:
    window = await opened(house)
    await send(house, window["id"])
    routes: list[tuple[str, str, Any, str | None]] = [
        ("GET", "/orders/o1/logs", None, None),
        ("POST", "/orders/o1/logs", {"type": "General", "message": "x"}, "r1"),
        ("POST", "/orders/o1/correspondences", {"scope": "all"}, None),
        ("GET", "/orders/o1/correspondences", None, None),
        ("GET", f"/correspondences/{window['id']}", None, None),
        ("POST", f"/correspondences/{window['id']}/send", SEND, "r2"),
        ("POST", f"/correspondences/{window['id']}/pdf", None, None),
    ]
    for method, path, body, key in routes:
        for who in (RIVAL, ABROAD, {**ABROAD, "side": "supplier", "company": "seller"}):
            answer = await house.ask(method, path, body, key=key, **who)
            assert answer.status_code == 404, (method, path, who, answer.text)
        assert (await house.http.request(method, path, json=body)).status_code == 401
    assert (await house.ask("GET", "/explain?ref=o1")).status_code == 403
    assert (await house.ask("GET", "/operations/parked")).status_code == 403
    assert (await house.ask("GET", f"/correspondences/{window['id']}", **CLIENT)).status_code == 404, "a window is its own side's"
    shown = (await house.ask("GET", "/orders/o1/correspondences", **CLIENT)).json()["correspondences"]
    assert [(one["sender"]["name"], one["subject"]) for one in shown] == [("Sam", "Edited")]


async def test_an_operator_finds_logs_and_sends_by_any_reference(house: House) -> None:
    window = await opened(house)
    sent = (await send(house, window["id"])).json()["send"]
    operator = {"side": "operator", "company": None, "person": "ops"}
    for ref in ("o1", "PO-o1", window["logs"][0]["log"]):
        found = (await house.ask("GET", f"/explain?ref={ref}", **operator)).json()
        assert (len(found["logs"]), [one["send"] for one in found["correspondences"]]) == (1, [sent])
    assert len((await house.ask("GET", f"/explain?ref={sent}", **operator)).json()["correspondences"]) == 1
    nothing = (await house.ask("GET", "/explain?ref=o1", **{**operator, "tenant": "other"})).json()
    assert nothing == {"logs": [], "correspondences": []}
    assert (await house.ask("GET", "/explain?ref=zz", **operator)).json() == {"logs": [], "correspondences": []}
    status = (await house.ask("GET", "/operations/status", **operator)).json()
    assert (status["logs"], status["sends"], status["recipients"]) == (1, 1, {"queued": 2})


async def take_in(house: House, offset: int, *facts: EnvelopeOutcome) -> Tally:
    """These outcomes, as records of Kafka, through the service's own intake."""
    declared = topics.declared((known := emitters.load(house.settings.emitters)).values())
    intake = Intake(
        service="commlog-service", pool=house.app.state.wiring.worker, decode=Reader(declared, known), handle=handlers.record_outcomes
    )
    records = []
    for number, fact in enumerate(facts):
        headers, value = cloudevents.encode(event.new(fact, source="mailer-service", subject=fact.envelope, tenant="acme", key="o1"))
        records.append(Record("outcomes", 0, offset + number, b"o1", tuple(headers), value, datetime.now(UTC)))
    return await intake.process(records, "test")


def outcome(send_id: str, address: str, state: str, attempt: int, seconds: int = 10) -> EnvelopeOutcome:
    cause = Cause(emitter="commlog-service", source="commlog-service", id=send_id, type="CorrespondenceRequested.v1")
    at = datetime.now(UTC) + timedelta(seconds=seconds)
    return EnvelopeOutcome(
        message="m",
        envelope=f"e-{address}",
        address=address,
        correspondence=send_id,
        state=state,
        attempt=attempt,
        code=250,
        detail="ok",
        at=at,
        cause=cause,
    )


async def test_outcomes_reach_each_recipient_and_older_ones_change_nothing(house: House) -> None:
    window = await opened(house)
    sent = (await send(house, window["id"])).json()["send"]
    tally = await take_in(
        house,
        0,
        outcome(sent, "bea@buyer.example", "deferred", 1),
        outcome(sent, "bea@buyer.example", "sent", 2, 20),
        outcome(sent, "BOARD@buyer.example", "bounced", 1),
        outcome("never-sent", "x@y.example", "sent", 1),
        outcome(sent, "nobody@buyer.example", "sent", 1).model_copy(update={"correspondence": None}),
    )
    assert (tally.processed, tally.parked) == (4, 1)
    await take_in(house, 5, outcome(sent, "bea@buyer.example", "deferred", 1, 99))
    shown = (await house.ask("GET", "/orders/o1/correspondences", **CLIENT)).json()["correspondences"][0]["recipients"]
    assert [(one["address"], one["state"], one["code"]) for one in shown] == [
        ("bea@buyer.example", "sent", 250),
        ("board@buyer.example", "bounced", 250),
    ]
