"""Who sees a correspondence, and what became of it."""

from datetime import UTC, datetime, timedelta
from typing import Any

from tests.integration.commlog.acts import ABROAD, CLIENT, RIVAL, SEND, opened, send
from tests.integration.commlog.conftest import House

from commlog_service import handlers
from postroom.contracts import cloudevents, emitters, event, topics
from postroom.contracts.messages import Cause
from postroom.contracts.outcomes import EnvelopeOutcome
from postroom.contracts.reading import Reader
from postroom.contracts.record import Record
from postroom.intake import Intake, Tally


async def test_every_route_keeps_strangers_out(house: House) -> None:
    window = await opened(house)
    sent = (await send(house, window["id"], documents=["doc-o1"])).json()["send"]
    routes: list[tuple[str, str, Any, str | None]] = [
        ("GET", "/orders/o1/logs", None, None),
        ("POST", "/orders/o1/logs", {"type": "General", "message": "x"}, "r1"),
        ("POST", "/orders/o1/correspondences", {"scope": "all"}, None),
        ("GET", "/orders/o1/correspondences", None, None),
        ("GET", f"/correspondences/{window['id']}", None, None),
        ("POST", f"/correspondences/{window['id']}/send", SEND, "r2"),
        ("POST", f"/correspondences/{window['id']}/pdf", None, None),
        ("GET", f"/sends/{sent}/documents/doc-o1", None, None),
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
    assert nothing == {"logs": [], "correspondences": [], "more": False}
    assert (await house.ask("GET", "/explain?ref=zz", **operator)).json() == nothing
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
