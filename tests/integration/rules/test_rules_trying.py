"""Rules are checked before they count, and an event is tried: what it would lead to is told, and nothing is stored or sent."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import orjson
import pytest
import yaml
from tests.conftest import FreshDatabase
from tests.integration.gateway.conftest import served
from tests.integration.rules.conftest import person_changed
from tests.integration.rules.door import Door, issuer_in, opened
from tests.unit.rules.rules_support import goods_received, log_created, note_line, note_recorded

import mailer_service.app
import mailer_service.settings
from notification_rules.settings import Settings
from postroom.contracts import cloudevents
from postroom.contracts.event import Event

RULE: dict[str, Any] = {
    "name": "own-receipt",
    "event": "GoodsReceived.v1",
    "message_type": "goods-receipt",
    "replaces": "goods-receipt",
    "when": [{"is": 'order.number == "4321"', "otherwise": "another order"}, {"is": "note == null", "otherwise": "there is a note"}],
    "recipients": [{"hop": "orderer", "person": "lines[0].ordered_by", "because": "you ordered"}],
    "claim": {"key": "[receipt]", "about": "receipt", "told": "told before"},
}
TABLES = ("events", "claims", "decisions", "undecided", "outbox", "intake", "preferences")


@asynccontextmanager
async def _door(fresh_database: FreshDatabase, folder: Path, mailer_url: str = "http://127.0.0.1:1") -> AsyncIterator[Door]:
    issuer = issuer_in(folder)
    settings = await fresh_database(Settings, "notification_rules", issuer_public=issuer.public, kafka="127.0.0.1:1", mailer_url=mailer_url)
    async with opened(settings, issuer) as made:
        await made.rules.take(person_changed("anna", language="de"), person_changed("purchaser"), person_changed("bert"))
        yield made


@pytest.fixture
async def door(fresh_database: FreshDatabase, tmp_path: Path) -> AsyncIterator[Door]:
    """The mailer is away."""
    async with _door(fresh_database, tmp_path) as made:
        yield made


def _file(**changes: Any) -> str:
    return yaml.safe_dump({"rules": [{**RULE, **changes}]})


def _json(event: Event) -> dict[str, Any]:
    return dict(orjson.loads(cloudevents.structured(event)))


async def _post(door: Door, path: str, **body: Any) -> httpx.Response:
    answer: httpx.Response = await door.call("POST", path, "olga", side="operator", json=body)
    return answer


async def _tried(door: Door, **body: Any) -> dict[str, Any]:
    answer = await _post(door, "/rules/try", **body)
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


def _rule(answer: dict[str, Any], name: str) -> dict[str, Any]:
    return next(dict(rule) for rule in answer["rules"] if rule["rule"] == name)


async def _rows(door: Door) -> dict[str, int]:
    return {table: await door.rules.pool.fetchval(f"SELECT count(*) FROM {table}") for table in TABLES}  # noqa: S608 - our own names


async def test_a_file_is_checked_beside_the_houses(door: Door) -> None:
    answer = await _post(door, "/rules/check", text=_file(), name="own.yaml")
    assert answer.json() == {
        "file": "own.yaml",
        "rules": [
            {
                "name": "own-receipt",
                "event": "GoodsReceived.v1",
                "message_type": "goods-receipt",
                "mandatory": False,
                "replaces": "goods-receipt",
            }
        ],
        "would_park": [],
    }
    with_chain = _file(recipients=[{"chain": "administrators"}])
    assert (await _post(door, "/rules/check", text=with_chain)).status_code == 200, "its chains are the house's too"
    assert (await _post(door, "/rules/check", text=with_chain, alone=True)).status_code == 422
    house = await _post(door, "/rules/check", text=door.rules.library.house, alone=True)
    assert (house.status_code, house.json()["would_park"]) == (200, []), "no golden example is parked"
    assert "own-receipt" not in {rule["name"] for rule in (await door.get("/rules", "olga", side="operator"))["rules"]}


@pytest.mark.parametrize("key", ["[string(complaint_until), R]", '["a" + complaint_until, R]'])
async def test_a_check_runs_the_rules_over_the_examples(door: Door, key: str) -> None:
    """What may be null is null in one of them; the reason says so, not that there is no string()."""
    answer = await _post(door, "/rules/check", text=_file(when=[], claim={"key": key, "about": "order.id", "told": "told before"}))
    assert answer.status_code == 200, answer.text
    parkings = answer.json()["would_park"]
    assert {(one["rule"], one["example"]) for one in parkings} == {("own-receipt", "manual"), ("own-receipt", "minimal")}
    assert "null" in parkings[0]["detail"]


async def test_an_error_names_rule_field_and_line(door: Door) -> None:
    loop = "chains: {x: [{chain: x}]}\n" + _file(recipients=[{"chain": "x"}])
    for text, rule, field, line in (
        (_file(when=[{"is": "nothing", "otherwise": "x"}]), "own-receipt", "when.0.is", 15),
        (_file(name="goods-receipt", replaces=None), "goods-receipt", "name", 8),
        ("rules:\n  [", "", None, 3),
        (loop, "own-receipt", "recipients.0.chain", 11),
    ):
        answer = await _post(door, "/rules/check", text=text, name="own.yaml")
        problem = answer.json()
        assert (answer.status_code, problem["code"], problem["file"]) == (422, "rules_invalid", "own.yaml"), answer.text
        assert (problem["rule"], problem["field"]) == (rule, field), problem
        assert problem["line"] == line, (text, problem)
        assert problem["detail"].startswith(f"own.yaml:{line}: ")


async def test_a_try_tells_everything_and_stores_nothing(door: Door) -> None:
    before = await _rows(door)
    answer = await _tried(door, event=_json(goods_received(("1", "anna"), ("2", "new"), id="tried-1")))
    assert await _rows(door) == before
    rule = _rule(answer, "goods-receipt")
    assert (rule["conditions"][0]["field"], rule["conditions"][0]["passed"]) == ("when.0", True)
    assert [one["outcome"] for one in rule["decisions"]] == ["undecided"]
    assert "new is not in the directory yet" in rule["decisions"][0]["reason"]
    rule = _rule(await _tried(door, event=_json(goods_received(("1", "anna"), id="tried-1"))), "goods-receipt")
    (message,) = rule["messages"]
    assert (message["recipient"]["person"], message["recipient"]["hop"], message["mail"]) == ("anna", "orderer", "at once")
    (claim,) = message["claims"]
    assert (claim["taken"], claim["messages"]) == (False, [])
    assert message["preview"] is None
    assert message["no_preview"] == "The mailer does not answer just now, so the mail is not shown; all the rest is."
    assert "unsubscribe" not in message
    assert await _rows(door) == before


async def test_each_condition_is_told_also_behind_one_that_fails(door: Door) -> None:
    rule = _rule(await _tried(door, event=_json(goods_received(("1", "anna"))), text=_file()), "own-receipt")
    assert [(one["source"], one["passed"]) for one in rule["conditions"]] == [('order.number == "4321"', True), ("note == null", False)]
    assert [(one["outcome"], one["reason"]) for one in rule["decisions"]] == [("none", "there is a note")]
    answer = await _tried(door, event=_json(note_recorded(note_line("9"), note_line("10", line="2"))))
    where = [one for one in _rule(answer, "wrong-delivery")["conditions"] if one["field"].startswith("lines.where")]
    assert (where[0]["lines"], where[0]["passed_lines"], where[0]["passed"]) == (2, 1, True)


async def test_what_was_told_names_the_message_and_ones_own_wishes_count(door: Door) -> None:
    await door.rules.take(goods_received(("1", "anna"), id="event-1"))
    (told,) = await door.rules.published("MessageRequested.v1")
    await door.put("/preferences/goods-receipt", {"mail": "off"}, "bert")
    again = goods_received(("1", "anna"), ("2", "bert"), id="event-2")
    rule = _rule(await _tried(door, event=_json(again)), "goods-receipt")
    assert [one["recipient"]["person"] for one in rule["messages"]] == ["bert"]
    assert rule["messages"][0]["mail"] == "no mail: the recipient wants no mail of this type"
    (none,) = [one for one in rule["decisions"] if one["outcome"] == "none"]
    assert (none["person"], none["claims"][0]["taken"], none["claims"][0]["messages"]) == ("anna", True, [told["message"]])


async def test_a_past_event_is_tried_by_its_id_as_if_it_came_for_the_first_time(door: Door) -> None:
    await door.rules.take(goods_received(("1", "anna"), id="event-1"))
    (told,) = await door.rules.published("MessageRequested.v1")
    (message,) = _rule(await _tried(door, event_id="event-1"), "goods-receipt")["messages"]
    assert (message["message"], message["claims"][0]["itself"]) == (told["message"], True)
    changed = _rule(await _tried(door, event_id="event-1", text=_file(when=[])), "own-receipt")
    assert changed["messages"][0]["reason"].startswith("you ordered")
    answer = await _post(door, "/rules/try", event_id="never")
    assert (answer.status_code, answer.json()["code"]) == (404, "unknown_event")
    other = await door.call("POST", "/rules/try", "olga", side="operator", tenant="other", json={"event_id": "event-1"})
    assert other.status_code == 404, "another tenant's"


async def test_type_and_data_are_enough_and_another_systems_ids_are_its_own(door: Door) -> None:
    data = _json(goods_received(("1", "anna")))["data"]
    claims = []
    for emitter in (None, "erp"):
        answer = await _tried(door, event={"type": "GoodsReceived.v1", "data": data}, emitter=emitter)
        assert answer["event"]["emitter"] == (emitter or "po-service")
        claims.append(_rule(answer, "goods-receipt")["messages"][0]["claims"][0]["key"])
    assert claims[1] == f"erp/{claims[0]}"


async def test_an_event_that_is_none_is_named(door: Door) -> None:
    for body, code in (
        ({"event": {"type": "GoodsLost.v1", "data": {}}}, "unknown_type"),
        ({"event": {"type": "GoodsReceived.v1", "data": {}}}, "invalid"),
        ({"event": {"data": {}}}, "invalid"),
        ({}, "invalid"),
        ({"event": {}, "event_id": "x"}, "invalid"),
    ):
        answer = await _post(door, "/rules/try", **body)
        assert (answer.status_code, answer.json()["code"]) == (422, code), answer.text


async def test_who_may_try_what(door: Door) -> None:
    event = _json(goods_received(("1", "anna"), tenant="other"))
    assert (await _post(door, "/rules/try", event=event)).status_code == 403
    event = _json(goods_received(("1", "anna")))
    assert (await _post(door, "/rules/try", event=event, emitter="nobody")).json()["code"] == "unknown_emitter"
    assert (await _post(door, "/rules/try", event=event, emitter="budgets")).json()["code"] == "forbidden"
    for path, body in (("/rules/try", {"event": event}), ("/rules/check", {"text": ""})):
        assert (await door.call("POST", path, json=body)).status_code == 403, "operators only"


async def test_a_rule_that_fails_on_the_event_says_so_and_the_others_go_on(door: Door) -> None:
    fails = _file(name="fails", replaces=None, message_type="own", when=[{"is": 'dec(note) > dec("1")', "otherwise": "x"}])
    answer = await _tried(door, event=_json(goods_received(("1", "anna"))), text=fails)
    rule = _rule(answer, "fails")
    assert "the rule fails can't be evaluated: " in rule["error"]
    assert (rule["conditions"][0]["passed"], rule["messages"]) == (None, [])
    assert len(_rule(answer, "goods-receipt")["messages"]) == 1


async def test_an_event_that_no_rule_names(door: Door) -> None:
    answer = await _tried(door, event=_json(person_changed("anna")))
    assert (answer["rules"], answer["none"]) == ([], "no rule names this event type")


async def test_what_a_withdrawal_would_meet(door: Door) -> None:
    withdraws = {
        "name": "takes-back",
        "event": "LogCreated.v1",
        "withdraws": [{"message_types": ["goods-receipt"], "about": "[log]", "because": "it was a mistake"}],
    }
    await door.rules.take(goods_received(("1", "anna"), id="event-1"))
    (told,) = await door.rules.published("MessageRequested.v1")
    event = _json(log_created([], log=told["about"][0]))
    rule = _rule(await _tried(door, event=event, text=yaml.safe_dump({"rules": [withdraws]})), "takes-back")
    assert [(one["about"], one["messages"], one["because"]) for one in rule["withdraws"]] == [
        (told["about"], [told["message"]], "it was a mistake")
    ]
    assert await door.rules.pool.fetchval("SELECT count(*) FROM claims WHERE withdrawn_at IS NOT NULL") == 0


async def test_the_mail_is_rendered_by_the_mailer(fresh_database: FreshDatabase, tmp_path: Path) -> None:
    settings = await fresh_database(
        mailer_service.settings.Settings,
        "mailer_service",
        kafka="127.0.0.1:1",
        smtp="smtp://127.0.0.1:1",
        issuer_public=issuer_in(tmp_path).public,
    )
    async with served(mailer_service.app.build(settings)) as url, _door(fresh_database, tmp_path, url) as door:
        event = _json(goods_received(("1", "anna")))
        (message,) = _rule(await _tried(door, event=event), "goods-receipt")["messages"]
        assert message["no_preview"] == ""
        assert "4321" in message["preview"]["subject"]
        assert "item 1" in message["preview"]["text"]
        assert message["preview"]["html"].lstrip().lower().startswith("<!doctype html")
        missing = _file(message_type="no-such-template", replaces=None, when=[])
        (message,) = _rule(await _tried(door, event=event, text=missing), "own-receipt")["messages"]
        assert message["preview"] is None
        assert "no-such-template" in message["no_preview"]
