"""Operators ask why, what waits and which rules there are; nobody else, and no other tenant's."""

from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from tests.conftest import FreshDatabase
from tests.integration.rules.conftest import Rules, composed, person_changed
from tests.unit.rules.rules_support import budget_expired, goods_received

from embedded.issuer import ensure_issuer
from notification_rules.app import build
from notification_rules.settings import Settings
from postroom.auth import Principal, issue

Call = Callable[..., Any]


@pytest.fixture
async def served(fresh_database: FreshDatabase, tmp_path: Path) -> AsyncIterator[tuple[Rules, Call]]:
    """The service as app.py puts it together, Kafka away; and a call in somebody's name."""
    issuer = ensure_issuer(tmp_path / "issuer")
    settings = await fresh_database(Settings, "notification_rules", issuer_public=issuer.public, kafka="127.0.0.1:1", sweep_seconds=0.1)
    app, rules = build(settings), await composed(settings)
    async with app.router.lifespan_context(app), httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://rules") as client:

        async def call(path: str, side: str = "operator", tenant: str = "demo", **params: Any) -> httpx.Response:
            principal = Principal.model_validate({"person": "olga", "tenant": tenant, "side": side})
            token = issue(principal, issuer.private.read_bytes())
            return await client.get(path, params=params, headers={"Authorization": f"Bearer {token}"})

        yield rules, call
    await rules.pool.close()


async def test_explain_by_event_message_order_and_number(served: tuple[Rules, Call]) -> None:
    rules, call = served
    await rules.take(
        person_changed("anna"), goods_received(("1", "anna"), id="event-1"), goods_received(("1", "anna"), booking="manual", id="event-2")
    )
    (message,) = await rules.published("MessageRequested.v1")
    for ref, events in (("event-1", 1), (message["message"], 1), ("order-1", 2), ("4321", 2)):
        found = (await call("/explain", ref=ref)).json()["events"]
        assert len(found) == events, ref
        assert {name: found[0][name] for name in ("emitter", "source", "id", "type", "subject", "tenant", "order_number")} == {
            "emitter": "po-service",
            "source": "po-service",
            "id": "event-1",
            "type": "GoodsReceived.v1",
            "subject": "subject-1",
            "tenant": "demo",
            "order_number": "4321",
        }
    told, kept = [event["decisions"][0] for event in found]
    assert {name: told[name] for name in ("rule", "message_type", "outcome", "reason", "person", "hop", "message")} == {
        "rule": "goods-receipt",
        "message_type": "goods-receipt",
        "outcome": "message",
        "reason": "you ordered these goods",
        "person": "anna",
        "hop": "orderer",
        "message": message["message"],
    }
    assert (kept["outcome"], kept["reason"]) == ("none", "booked by hand, and only an automatic booking is told")
    assert kept["decided_at"]


async def test_explain_by_what_an_event_of_no_order_is_about(served: tuple[Rules, Call]) -> None:
    """Asked why nobody heard of a budget, ops know the budget, not the event's id."""
    rules, call = served
    await rules.take(budget_expired(attributes={"id": "event-3", "subject": "B1"}, manager="anna"), person_changed("anna"))
    (found,) = (await call("/explain", ref="B1")).json()["events"]
    assert (found["id"], found["decisions"][0]["person"]) == ("event-3", "anna")


async def test_an_unknown_reference_says_so(served: tuple[Rules, Call]) -> None:
    answer = await served[1]("/explain", ref="nothing")
    assert (answer.status_code, answer.json()["code"], answer.json()["field"]) == (404, "unknown_reference", "ref")
    answer = await served[1]("/explain")
    assert (answer.status_code, answer.json()["field"]) == (422, "ref")


async def test_the_undecided_with_what_they_wait_for(served: tuple[Rules, Call]) -> None:
    rules, call = served
    await rules.take(goods_received(("1", "new"), id="event-1"), budget_expired(attributes={"id": "event-2"}))
    waiting = (await call("/undecided")).json()["undecided"]
    assert {(one["id"], one["rule"], one["kind"]) for one in waiting} == {
        ("event-1", "goods-receipt", "unknown"),
        ("event-2", "budget-expired", "nobody"),
    }
    status = (await call("/operations/status")).json()
    assert (status["undecided"], status["unroutable"], status["events"]) == (1, 1, 2)


async def test_the_table_of_rules(served: tuple[Rules, Call]) -> None:
    answer = (await served[1]("/rules")).json()
    rules = {rule["name"]: rule for rule in answer["rules"]}
    assert len(rules) == len(answer["rules"]) == 19
    assert rules["goods-receipt"]["when"] == [
        {"is": 'booking == "automatic"', "otherwise": "booked by hand, and only an automatic booking is told"}
    ]
    assert rules["goods-receipt"]["label"] == {"en": "(Automatic) Receipt of goods", "de": "(Automatischer) Wareneingang"}
    assert rules["goods-receipt"]["opens"] == {"what": "order", "id": "order.id"}
    assert rules["template-withdrawn"]["withdraws"][0]["message_types"] == ["due-template"]
    assert "CorrespondenceRequested.v1" in answer["handled_elsewhere"]


@pytest.mark.parametrize("path", ["/explain?ref=4321", "/undecided", "/rules"])
@pytest.mark.parametrize("side", ["supplier", "client"])
async def test_for_operators_only(served: tuple[Rules, Call], path: str, side: str) -> None:
    assert (await served[1](path, side=side)).status_code == 403


async def test_another_tenants_operator_sees_nothing(served: tuple[Rules, Call]) -> None:
    rules, call = served
    await rules.take(goods_received(("1", "new")))
    assert (await call("/explain", tenant="other", ref="4321")).status_code == 404
    assert (await call("/undecided", tenant="other")).json() == {"undecided": []}
