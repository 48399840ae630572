"""Logs over HTTP on a real database: saved once, for good, and seen by the right people."""

import asyncio
from typing import Any

import orjson
import pytest
from tests.integration.commlog.conftest import House

from postroom import db

CLIENT = {"side": "client", "company": "buyer", "person": "bea"}
LOG = {"type": "Delivery", "message": "The rest follows on Friday. <b>"}


async def events(house: House) -> list[dict[str, Any]]:
    rows = await house.rows("SELECT topic, key, headers, value FROM outbox WHERE topic = 'commlog' ORDER BY id")
    return [{"topic": row["topic"], "key": row["key"].decode(), **dict(row["headers"]), "data": orjson.loads(row["value"])} for row in rows]


async def test_save_keeps_the_log_tells_of_it_and_mails_nobody(house: House) -> None:
    house.neighbours.add("o1")
    answer = await house.ask("POST", "/orders/o1/logs", LOG, key="k1")
    assert answer.status_code == 201, answer.text
    for who in ({}, CLIENT):
        seen = (await house.ask("GET", "/orders/o1/logs", **who)).json()["logs"]
        assert [(one["log_type"], one["message"], one["author"]["name"]) for one in seen] == [("Delivery", LOG["message"], "Sam")]
    (event,) = await events(house)
    assert (event["topic"], event["key"], event["ce_type"], event["ce_tenant"]) == ("commlog", "o1", "LogCreated.v1", "acme")
    assert event["data"]["notify"] == ["bea", "max"]
    assert event["data"]["visible_to_other_side"] is True
    assert await house.rows("SELECT FROM recipients") == []


async def test_a_double_click_is_one_log(house: House) -> None:
    house.neighbours.add("o1")
    answers = await asyncio.gather(*(house.ask("POST", "/orders/o1/logs", LOG, key="k1") for _ in range(5)))
    assert len({answer.json()["log"] for answer in answers}) == 1
    assert len(await events(house)) == 1
    other = await house.ask("POST", "/orders/o1/logs", {**LOG, "message": "other"}, key="k1")
    assert (other.status_code, other.json()["code"]) == (409, "idempotency_conflict")


async def test_logs_of_both_sides_get_one_sequence_and_are_published_in_it(house: House) -> None:
    house.neighbours.add("o1")
    writers = [{}, CLIENT]
    await asyncio.gather(
        *(house.ask("POST", "/orders/o1/logs", {**LOG, "message": f"m{n}"}, key=f"k{n}", **writers[n % 2]) for n in range(12))
    )
    seen = (await house.ask("GET", "/orders/o1/logs")).json()["logs"]
    assert [one["entry"] for one in seen] == list(range(1, 13))
    assert [event["data"]["log"] for event in await events(house)] == [one["log"] for one in seen]
    assert {event["data"]["author"]["side"]: event["data"]["notify"] for event in await events(house)} == {
        "supplier": ["bea", "max"],
        "client": ["sam"],
    }


@pytest.mark.parametrize(
    ("body", "key", "field"),
    [
        ({"message": "x"}, "k", "type"),
        ({"type": "Gossip", "message": "x"}, "k", "type"),
        ({"type": "Price"}, "k", "message"),
        ({"type": "Price", "message": "a\u0000"}, "k", "message"),
        (LOG, None, "Idempotency-Key"),
    ],
)
async def test_what_is_missing_is_named_and_nothing_saved(house: House, body: dict[str, str], key: str | None, field: str) -> None:
    house.neighbours.add("o1")
    answer = await house.ask("POST", "/orders/o1/logs", body, key=key)
    assert (answer.status_code, answer.json()["field"]) == (422, field)
    assert answer.headers["content-type"] == "application/problem+json"
    assert await house.rows("SELECT FROM logs") == []


async def test_save_works_while_po_service_is_away_on_an_order_seen_before(house: House) -> None:
    house.neighbours.add("o1")
    house.neighbours.add("o2")
    await house.ask("GET", "/orders/o1/logs")
    house.away()
    assert (await house.ask("POST", "/orders/o1/logs", LOG, key="k1")).status_code == 201
    unseen = await house.ask("POST", "/orders/o2/logs", LOG, key="k2")
    assert (unseen.status_code, unseen.json()["code"]) == (503, "po_unavailable")
    foreign = await house.ask("POST", "/orders/o1/logs", LOG, key="k3", company="rival", person="rita")
    assert foreign.status_code == 503
    assert (await house.ask("POST", "/orders/o1/correspondences", {"scope": "all"})).status_code == 503


async def test_types_are_the_tenants_and_set_by_operators(house: House) -> None:
    operator = {"side": "operator", "company": None, "person": "ops"}
    assert "Delivery" in (await house.ask("GET", "/log-types")).json()["types"]
    assert (await house.ask("PUT", "/log-types", {"types": ["Gossip"]})).status_code == 403
    assert (await house.ask("PUT", "/log-types", {"types": ["A", "a"]}, **operator)).json()["field"] == "types"
    assert (await house.ask("PUT", "/log-types", {"types": ["Gossip"]}, **operator)).status_code == 200
    assert (await house.ask("GET", "/log-types")).json()["types"] == ["Gossip"]
    assert "Delivery" in (await house.ask("GET", "/log-types", tenant="other")).json()["types"]


async def test_a_tenant_may_hide_unsent_logs_from_the_client(house: House) -> None:
    house.neighbours.add("o1")
    body = {"types": ["General"], "visible_unsent": False}
    await house.ask("PUT", "/log-types", body, side="operator", company=None, person="ops")
    hidden = (await house.ask("POST", "/orders/o1/logs", {"type": "General", "message": "draft"}, key="k1")).json()["log"]
    own = (await house.ask("POST", "/orders/o1/logs", {"type": "General", "message": "ours"}, key="k2", **CLIENT)).json()["log"]
    assert [one["log"] for one in (await house.ask("GET", "/orders/o1/logs", **CLIENT)).json()["logs"]] == [own]
    window = (await house.ask("POST", "/orders/o1/correspondences", {"scope": "latest", "log": hidden})).json()["id"]
    await house.ask("POST", f"/correspondences/{window}/send", {"contacts": ["bea"], "subject": "s"}, key="k3")
    assert [one["log"] for one in (await house.ask("GET", "/orders/o1/logs", **CLIENT)).json()["logs"]] == [hidden, own]
    assert [event["data"]["visible_to_other_side"] for event in (await events(house))[:2]] == [False, True]


async def test_the_database_itself_keeps_suppliers_apart(house: House) -> None:
    from postroom.auth import Principal  # noqa: PLC0415

    house.neighbours.add("o1")
    await house.ask("POST", "/orders/o1/logs", LOG, key="k1")
    api = house.app.state.wiring.api
    for tenant, side, company, seen in (
        ("acme", "supplier", "seller", 1),
        ("acme", "client", "buyer", 1),
        ("acme", "supplier", "rival", 0),
        ("acme", "supplier", None, 0),
        ("other", "client", "buyer", 0),
        ("other", "supplier", "seller", 0),
    ):
        async with db.as_principal(api, Principal(person="p", tenant=tenant, side=side, company=company)) as connection:
            assert await connection.fetchval("SELECT count(*) FROM logs") == seen, (tenant, side, company)
            assert await connection.fetchval("SELECT count(*) FROM history") == seen
            assert await connection.fetchval("SELECT count(*) FROM order_refs") == seen


async def test_an_id_that_nothing_can_have_is_refused(house: House) -> None:
    operator = {"side": "operator", "company": None, "person": "ops"}
    for method, path in (("GET", "/orders/%00/logs"), ("GET", "/correspondences/%00"), ("GET", "/explain?ref=%00")):
        assert (await house.ask(method, path, **operator)).status_code == 422
