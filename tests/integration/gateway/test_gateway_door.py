"""One door over real connections: what passes, what doesn't, and what is answered while a service is away."""

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from starlette.requests import Request
from tests.integration.gateway.conftest import Door

from gateway.proxy import MAX_BODY, _url
from postroom.auth import verify
from postroom.problems import Problem


async def test_a_declared_route_is_passed_on_with_the_callers_token(door: Door) -> None:
    answer = await door.http.get(
        "/api/orders/a%20b?x=1&x=2", headers={**door.headers(), "cookie": "c=1", "connection": "x-hop", "x-hop": "1"}
    )
    assert answer.json() == {"service": "po-service", "order": "a b", "person": "sam", "query": "x=1&x=2"}
    assert not {"cookie", "x-hop"} & set(door.seen[0].headers)


@pytest.mark.parametrize("headers", [{}, {"authorization": "Bearer nonsense"}, {"authorization": "Basic eDp5"}])
async def test_without_a_good_token_nothing_reaches_a_service(door: Door, headers: dict[str, str]) -> None:
    answer = await door.http.get("/api/orders/o1", headers=headers)
    assert (answer.status_code, answer.headers["content-type"]) == (401, "application/problem+json")
    assert door.seen == []


@pytest.mark.parametrize(
    "path",
    [
        "/api/operations/parked",
        "/api/explain?ref=x",
        "/api/orders/o1%2Flogs",
        "/api/orders/%2e%2e",
        "/api/orders/a%00b",
        "/api/openapi.json",
    ],
)
async def test_what_is_not_declared_is_not_there(door: Door, path: str) -> None:
    answer = await door.http.get(path, headers=door.headers("operator"))
    assert (answer.status_code, answer.headers["content-type"]) == (404, "application/problem+json")
    assert door.seen == []


async def test_a_services_own_problem_comes_through(door: Door) -> None:
    answer = await door.http.get("/api/orders/o9/logs", headers=door.headers())
    assert (answer.status_code, answer.json()["detail"]) == (404, "no order o9")


async def test_bodies_stream_both_ways(door: Door) -> None:
    sent = await door.http.post("/api/documents", content=b"<x/>" * 1000, headers={**door.headers(), "content-type": "application/xml"})
    assert sent.json() == {"size": 4000, "media_type": "application/xml"}

    async def chunks() -> AsyncIterator[bytes]:
        for _ in range(3):
            yield b"y" * 1000

    streamed = await door.http.post("/api/documents", content=chunks(), headers={**door.headers(), "content-type": "text/plain"})
    assert streamed.json()["size"] == 3000
    got = await door.http.get("/api/orders/o1/documents/d1", headers=door.headers())
    assert (len(got.content), got.content[:5]) == (5 + 100 * 65_536, b"o1/d1")
    assert got.headers["content-disposition"] == "attachment"
    assert not {"set-cookie", "x-secret"} & set(got.headers)


async def test_too_large_a_body_is_refused_declared_or_not(door: Door) -> None:
    async def chunks() -> AsyncIterator[bytes]:
        for _ in range(MAX_BODY // 1_000_000 + 1):
            yield b"z" * 1_000_000

    for content in (b"z" * (MAX_BODY + 1), chunks()):
        answer = await door.http.post("/api/documents", content=content, headers={**door.headers(), "content-type": "text/plain"})
        assert (answer.status_code, answer.json()["code"]) == (413, "too_large")


async def test_two_lengths_go_no_further(door: Door) -> None:
    """Found by odd calls in a fault run: they were answered with 500, and two lengths are how requests are smuggled."""
    both = {**door.headers(), "content-length": "3", "transfer-encoding": "chunked"}
    answer = await door.http.post("/api/documents", content=b"abc", headers=both)
    assert (answer.status_code, answer.json()["code"]) == (400, "two_lengths")


@pytest.mark.parametrize(("path", "query"), [(b"/" + b"x" * 65_537, b""), (b"/orders", b"x" * 65_537)])
def test_an_address_that_cannot_be_passed_on_is_told(path: bytes, query: bytes) -> None:
    """uvicorn takes it, and no client of ours can write it."""
    with pytest.raises(Problem) as told:
        _url(Request({"type": "http", "query_string": query}), httpx.URL("http://127.0.0.1"), path)
    assert (told.value.status, told.value.code) == (414, "uri_too_long")


async def test_a_service_that_is_away_is_named(door: Door) -> None:
    answer = await door.http.get("/api/inbox", headers=door.headers())
    assert (answer.status_code, answer.json()["code"], answer.json()["service"]) == (503, "service_unavailable", "mailer-service")


async def ask_token(door: Door, body: dict[str, Any], secret: str | None = None) -> Any:
    return await door.http.post("/token", json=body, headers={"x-issuer-secret": door.keys.secret if secret is None else secret})


async def test_a_token_says_what_the_directory_says(door: Door) -> None:
    answer = (await ask_token(door, {"person": "sam", "tenant": "acme"})).json()
    principal = verify(answer["token"], door.keys.public.read_bytes())
    assert principal.model_dump(mode="json") == answer["principal"]
    assert (principal.side, principal.company, principal.roles, principal.name) == ("supplier", "seller", ("sales",), "Sam")
    for person in ("operator", "olga"):
        operator = (await ask_token(door, {"person": person, "tenant": "acme"})).json()
        assert operator["principal"]["side"] == "operator"


@pytest.mark.parametrize(
    ("body", "secret", "status", "field"),
    [
        ({"person": "sam", "tenant": "acme"}, "wrong", 401, "X-Issuer-Secret"),
        ({"person": "sam", "tenant": "acme"}, "", 401, "X-Issuer-Secret"),
        ({"person": "nobody", "tenant": "acme"}, None, 404, "person"),
        ({"person": "left", "tenant": "acme"}, None, 422, "person"),
        ({"person": "a\x00", "tenant": "acme"}, None, 422, "person"),
        ({"person": "contact", "tenant": "acme"}, None, 422, "side"),
        ({"person": "sam", "tenant": "acme", "side": "operator"}, None, 422, "side"),
    ],
)
async def test_no_token_without_a_reason(door: Door, body: dict[str, Any], secret: str | None, status: int, field: str) -> None:
    answer = await ask_token(door, body, secret)
    assert (answer.status_code, answer.json()["field"]) == (status, field)


async def test_explain_joins_what_each_service_knows(whole_door: Door) -> None:
    told = (await whole_door.http.get("/explain/4711%2FA", headers=whole_door.headers("operator"))).json()
    assert told["ref"] == "4711/A"
    assert told["events"][0]["decisions"][0]["message"]["envelopes"] == [{"state": "sent"}]
    assert told["correspondences"][0]["messages"][0]["message"] == "m2"
    assert (told["orders"][0]["id"], told["documents"][0]["order"]) == ("o1", "o1")
    assert told["parked"] == [
        {"service": "po-service", "id": 3, "event_id": None},
        {"service": "notification-rules", "id": 7, "event_id": "4711/A", "closed": True},
    ]
    assert (told["messages"], told["unavailable"]) == ([], [])


async def test_a_document_leads_to_its_order_and_what_came_of_that(whole_door: Door) -> None:
    told = (await whole_door.http.get("/explain/D-1", headers=whole_door.headers("operator"))).json()
    assert [one["id"] for one in told["events"]] == ["e1"]
    assert [one["subject"] for one in told["correspondences"]] == ["o1"]


async def test_a_document_that_waits_is_something_known(whole_door: Door) -> None:
    answer = await whole_door.http.get("/explain/4999", headers=whole_door.headers("operator"))
    told = answer.json()
    assert (answer.status_code, [one["number"] for one in told["documents"]]) == (200, ["D-2"])
    assert (told["orders"], told["events"], told["parked"]) == ([], [], [])


async def test_what_nobody_knows_is_not_found(whole_door: Door) -> None:
    answer = await whole_door.http.get("/explain/unheard-of", headers=whole_door.headers("operator"))
    assert (answer.status_code, answer.json()["code"]) == (404, "unknown_reference")


async def test_explain_and_status_tell_the_rest_while_a_service_is_away(door: Door) -> None:
    told = (await door.http.get("/explain/e1", headers=door.headers("operator"))).json()
    assert told["unavailable"] == ["mailer-service"]
    assert told["events"][0]["decisions"][0]["message"] == "m1"
    status = (await door.http.get("/status", headers=door.headers("operator"))).json()
    assert set(status["services"]) == {"po-service", "commlog-service", "notification-rules"}
    assert status["unreachable"] == ["mailer-service"]


async def test_parked_records_are_listed_and_settled_where_they_lie(door: Door) -> None:
    operator = door.headers("operator")
    listed = (await door.http.get("/parked", headers=operator)).json()
    assert ([one["service"] for one in listed["parked"]], listed["unreachable"]) == (["notification-rules"], ["mailer-service"])
    kinds = (await door.http.get("/parked/kinds", headers=operator)).json()
    assert kinds == {"kinds": [{"service": "notification-rules", "records": 1}], "unreachable": ["mailer-service"]}
    answer = await door.http.post("/parked/notification-rules/7/replay", json={"value": None}, headers=operator)
    assert answer.json() == {"id": 7, "service": "notification-rules", "body": {"value": None}}
    many = {"reason": "invalid", "after": 3}
    answer = await door.http.post("/parked/notification-rules/replay", json=many, headers=operator)
    assert answer.json() == {"replayed": 0, "body": many}
    assert (await door.http.post("/parked/notification-rules/eat", json={}, headers=operator)).status_code == 422
    assert (await door.http.post("/parked/notification-rules/7/eat", json={}, headers=operator)).status_code == 422
    assert (await door.http.get("/parked?service=nowhere", headers=operator)).json()["code"] == "unknown_service"
    for path in ("/status", "/parked", "/parked/kinds", "/explain/x"):
        assert (await door.http.get(path, headers=door.headers())).status_code == 403


async def test_one_document_describes_all_operations(door: Door) -> None:
    document = (await door.http.get("/openapi.json")).json()
    assert document["openapi"].startswith("3.1")
    assert {"/api/orders/{order}", "/api/documents", "/token", "/status", "/explain/{ref}"} <= set(document["paths"])
    assert not any("operations" in path for path in document["paths"])
    assert document["x-unavailable"] == ["mailer-service"]


async def test_the_pages_allow_no_script(door: Door) -> None:
    for path in ("/developers", "/docs"):
        page = await door.http.get(path)
        assert page.headers["content-security-policy"].startswith("default-src 'none'")
        assert "<script" not in page.text
        assert "style=" not in page.text
    assert "/api/orders/{order}" in (await door.http.get("/docs")).text
    assert (await door.http.get("/style.css")).headers["content-type"].startswith("text/css")
    assert (await door.http.get("/health")).json()["status"] == "up"
