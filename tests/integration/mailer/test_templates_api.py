"""Templates over HTTP, the mailer's whole app running: checked on save, previewed on a past message, sent as a test to oneself."""

from collections.abc import AsyncIterator
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import httpx
import pytest
from tests.integration.mailer.conftest import World
from tests.integration.mailer.test_mailer_api import ANNA, OPERATOR, Door
from tests.integration.mailer.wishes import WRONG_DELIVERY, requested
from tests.unit.mailer.test_template_check import GOOD

from embedded.issuer import ensure_issuer
from mailer_service.app import build
from postroom.auth import Principal

OLGA = Principal(person="olga", tenant="tenant-a", side="operator", name="Olga Operator", email="olga@example.com")
EVENT = "BudgetExpired.v1"
BUDGET = {
    "budget": "B1",
    "name": "Büro",
    "kind": "user",
    "scope": "",
    "period_start": "2026-01-01",
    "period_end": "2026-12-31",
    "start_value": "1000",
    "current_value": "1234.5",
    "currency": "EUR",
    "owner": None,
    "manager": None,
    "reason": "date",
}


@pytest.fixture
async def door(world: World, tmp_path: Path) -> AsyncIterator[Door]:
    issuer = ensure_issuer(tmp_path / "issuer")
    changes = {"issuer_public": issuer.public, "kafka": "127.0.0.1:9", "custom": tmp_path / "custom"}
    app = build(world.settings.model_copy(update=changes))
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://mailer") as client,
    ):
        yield Door(client, issuer.private.read_bytes())


def read(mail: EmailMessage, kind: str) -> str:
    """A part's words, however they are wrapped."""
    part = mail.get_body((kind,))
    assert part
    return " ".join(part.get_content().split())


async def save(door: Door, message_type: str = "budget-warning", **files: str) -> httpx.Response:
    body = {"event": EVENT, "files": {**GOOD, **{name.replace("_", "."): text for name, text in files.items()}}}
    return await door(OLGA, "PUT", f"/templates/{message_type}", json=body)


async def test_what_is_saved_is_listed_shown_and_in_force_at_once(world: World, door: Door, tmp_path: Path) -> None:
    house = {one["message_type"]: one for one in (await door(OLGA, "GET", "/templates")).json()["templates"]}
    assert house["wrong-delivery"] == {"message_type": "wrong-delivery", "whose": "house", "languages": ["en", "de"], "problem": None}
    saved = await save(door)
    assert (saved.status_code, saved.json()["whose"], saved.json()["examples"]) == (
        200,
        "customer",
        ["cost-code-exhausted", "minimal", "user-budget"],
    )
    assert (tmp_path / "custom" / "templates" / "budget-warning" / "de" / "body.txt").read_text() == GOOD["de/body.txt"]
    assert (await door(OLGA, "GET", "/templates/budget-warning")).json()["files"] == GOOD
    await world.take_in(requested(message="m-1", message_type="budget-warning", facts=BUDGET))
    await world.until_states(sent=1)
    gone = await door(OLGA, "DELETE", "/templates/budget-warning")
    assert gone.json() == {"message_type": "budget-warning", "removed": True, "whose": None}
    assert (await door(OLGA, "GET", "/templates/budget-warning")).status_code == 404


async def test_a_faulty_template_is_refused_with_all_its_faults_and_nothing_is_written(door: Door, tmp_path: Path) -> None:
    refused = await save(door, body_txt="\n{{ facts.nmae }}", body_html="<p>{{ facts.name|safe }}</p>")
    problem = refused.json()
    assert (refused.status_code, problem["code"], problem["field"]) == (422, "template_invalid", "files.body.html")
    assert {(one["file"], one["line"]) for one in problem["findings"]} == {("body.html", 1), ("body.txt", 2)}
    assert problem["detail"].startswith("body.html, line 1: The filter safe is refused")
    assert not (tmp_path / "custom").exists()
    checked = await door(OLGA, "POST", "/templates/budget-warning/check", json={"event": EVENT, "files": GOOD})
    assert (checked.json()["ok"], checked.json()["findings"]) == (True, [])
    assert not (tmp_path / "custom").exists()


async def test_the_event_is_known_from_past_messages_or_asked_for(world: World, door: Door) -> None:
    body = {"files": GOOD}
    asked = await door(OLGA, "POST", "/templates/wrong-delivery/check", json=body)
    assert (asked.status_code, asked.json()["field"]) == (422, "event")
    assert "DeliveryNoteRecorded.v1" in asked.json()["detail"]
    await world.take_in(requested())
    known = (await door(OLGA, "POST", "/templates/wrong-delivery/check", json=body)).json()
    assert (known["event"], known["ok"]) == ("DeliveryNoteRecorded.v1", False)
    unknown = await door(OLGA, "POST", "/templates/wrong-delivery/check", json={"event": "Nonsense.v1", **body})
    assert "There is no event 'Nonsense.v1'" in unknown.json()["detail"]


@pytest.mark.parametrize("message_type", ["correspondence", "digest"])
async def test_what_tells_of_no_event_can_be_replaced_too(door: Door, message_type: str) -> None:
    files = (await door(OLGA, "GET", f"/templates/{message_type}")).json()["files"]
    files.setdefault("de/subject.txt", files["subject.txt"])  # a correspondence's subject is what a person wrote, in any language
    saved = await door(OLGA, "PUT", f"/templates/{message_type}", json={"files": files})
    assert (saved.status_code, saved.json()["whose"], saved.json()["examples"]) == (200, "customer", [])


async def test_an_operator_sees_in_the_status_what_can_not_be_used(door: Door, tmp_path: Path) -> None:
    assert (await door(OLGA, "GET", "/operations/status")).json()["faulty_templates"] == []
    folder = tmp_path / "custom" / "templates" / "budget-warning"
    folder.mkdir(parents=True)
    (folder / "subject.txt").write_text("alone")
    await save(door, "another")  # which has the folder read at once
    [fault] = (await door(OLGA, "GET", "/operations/status")).json()["faulty_templates"]
    assert fault.startswith("budget-warning: body.html: It is missing")


async def test_a_preview_shows_a_past_message_in_other_words_and_sends_nothing(world: World, door: Door) -> None:
    await world.take_in(requested(message="m-1"))
    await world.until_states(sent=1)
    path = "/templates/wrong-delivery/preview"
    english = (await door(OLGA, "POST", path, json={"message": "m-1"})).json()
    assert english["subject"].startswith("Wrong delivery: 8 of 10 pcs")
    assert "Why you got this" in english["html"]
    german = (await door(OLGA, "POST", path, json={"message": "m-1", "language": "de-AT"})).json()
    assert "Bestellung 4711" in german["subject"]
    files = {"subject.txt": "Ours: {{ facts.number }}", "body.txt": "t", "body.html": "<p>h</p>"}
    ours = (await door(OLGA, "POST", path, json={"message": "m-1", "files": files})).json()
    assert ours["subject"] == "Ours: LS-2201"
    wrong = await door(OLGA, "POST", "/templates/budget-expired/preview", json={"message": "m-1"})
    assert (wrong.status_code, wrong.json()["code"]) == (422, "template_failed")
    assert (await door(OLGA, "POST", path, json={"message": "nonsense"})).status_code == 404
    assert (await door(OLGA, "POST", "/templates/nonsense/preview", json={"facts": {}})).status_code == 404
    assert (await door(OLGA, "POST", path, json={})).status_code == 422
    assert await world.states() == {"sent": 1}


async def test_a_preview_of_an_event_fills_in_what_it_leaves_out(door: Door) -> None:
    """So that a template which passed the check shows any event of its type, as the mail will."""
    path = "/templates/order-changed/preview"
    words = "{{ message.order_number }}: {{ facts.lines[0].cancelled }}"
    files = {"subject.txt": words, "body.txt": "t", "body.html": "<p>h</p>"}
    facts = {"order": {"id": "o-1", "number": "4711"}, "lines": [{"line": "1"}]}
    asked = {"facts": facts, "event": "OrderChanged.v1", "files": files}
    assert (await door(OLGA, "POST", path, json=asked)).json()["subject"] == "4711: False"
    refused = await door(OLGA, "POST", path, json={**asked, "facts": {**facts, "lines": [{}]}})
    assert (refused.status_code, refused.json()["field"]) == (422, "facts.lines.0.line")
    assert (await door(OLGA, "POST", path, json={**asked, "event": "Nothing.v1"})).json()["code"] == "unknown_event"


async def test_a_test_goes_to_oneself_marked_and_is_in_nobodys_inbox(world: World, door: Door) -> None:
    await world.take_in(requested(message="m-1"))
    await world.until_states(sent=1)
    sent = await door(OLGA, "POST", "/templates/wrong-delivery/test", json={"message": "m-1", "language": "de"})
    assert (sent.status_code, sent.json()["to"]) == (202, "olga@example.com")
    await world.until_states(sent=2)
    [mail] = [message_from_bytes(body, policy=policy.default) for to, body in world.sink.taken if to == "olga@example.com"]
    assert mail["Subject"] == sent.json()["subject"]
    assert mail["Subject"].startswith("[Test] ")
    assert "einen Test der Vorlage „wrong-delivery“" in read(mail, "plain")
    assert "Olga Operator" in read(mail, "html")
    [shown] = (await door(OLGA, "GET", "/messages", params={"ref": sent.json()["message"]})).json()["messages"]
    assert shown["envelopes"][0]["state"] == "sent"
    assert [row["message"] for row in await world.pool.fetch("SELECT message FROM inbox")] == ["m-1"]


async def test_a_test_needs_an_address_and_a_template_that_fits(world: World, door: Door) -> None:
    refused = await door(OPERATOR, "POST", "/templates/wrong-delivery/test", json={"facts": WRONG_DELIVERY})
    assert (refused.status_code, refused.json()["code"]) == (422, "no_address")
    refused = await door(OLGA, "POST", "/templates/wrong-delivery/test", json={"facts": {}})
    assert (refused.status_code, refused.json()["code"]) == (422, "template_failed")
    assert await world.states() == {}


async def test_the_dry_run_of_rules_sees_the_mail(door: Door) -> None:
    wanted = {
        "message_type": "wrong-delivery",
        "facts": WRONG_DELIVERY,
        "recipient": {"name": "Berta", "language": "de-AT", "zone": "Europe/Vienna"},
        "reason": "Sie sind der Einkaufskontakt",
        "order_number": "4711",
    }
    shown = (await door(OLGA, "POST", "/preview", json=wanted)).json()
    assert set(shown) == {"subject", "text", "html"}
    assert "Berta" in shown["text"]
    assert "Sie sind der Einkaufskontakt." in shown["text"]
    missing = await door(OLGA, "POST", "/preview", json={**wanted, "message_type": "nothing"})
    assert (missing.status_code, missing.json()["code"]) == (404, "no_template")


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("GET", "/templates", None),
        ("GET", "/templates/wrong-delivery", None),
        ("PUT", "/templates/wrong-delivery", {"files": GOOD}),
        ("DELETE", "/templates/wrong-delivery", None),
        ("POST", "/templates/wrong-delivery/check", {"files": GOOD}),
        ("POST", "/templates/wrong-delivery/preview", {"facts": {}}),
        ("POST", "/templates/wrong-delivery/test", {"facts": {}}),
        ("POST", "/preview", {"message_type": "wrong-delivery", "facts": {}}),
    ],
)
async def test_templates_are_the_operators(door: Door, method: str, path: str, body: Any) -> None:
    assert (await door(ANNA, method, path, json=body)).status_code == 403


@pytest.mark.parametrize("message_type", ["..", "a%2Fb", "_plain_pdf", "Upper", "a" * 100])
async def test_nothing_outside_of_the_folder_is_written(door: Door, tmp_path: Path, message_type: str) -> None:
    body = {"event": EVENT, "files": GOOD}
    assert (await door(OLGA, "PUT", f"/templates/{message_type}", json=body)).status_code in {404, 405, 422}
    assert (await door(OLGA, "DELETE", f"/templates/{message_type}")).status_code in {404, 405}
    assert not (tmp_path / "custom").exists()


async def test_without_a_customers_folder_saving_says_how_to_get_one(world: World, tmp_path: Path) -> None:
    issuer = ensure_issuer(tmp_path / "issuer")
    app = build(world.settings.model_copy(update={"issuer_public": issuer.public, "kafka": "127.0.0.1:9"}))
    async with app.router.lifespan_context(app), httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://mailer") as client:
        door = Door(client, issuer.private.read_bytes())
        refused = await save(door)
        assert (refused.status_code, refused.json()["code"]) == (409, "no_custom_folder")
        assert "POSTROOM_CUSTOM" in refused.json()["detail"]
        checked = await door(OLGA, "POST", "/templates/budget-warning/check", json={"event": EVENT, "files": GOOD})
        assert checked.json()["ok"]
