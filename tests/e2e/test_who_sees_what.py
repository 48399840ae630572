"""A supplier reaches its own orders and nothing else: every route of the one OpenAPI document, with a stranger's token and our ids."""

from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import httpx
import pytest
from rich.console import Console
from tests.e2e.conftest import House

from embedded.demo import cast, scenes
from embedded.demo.stage import Stage
from postroom.auth import Principal, issue

STRANGER, THEIRS = "rival.clerk", "rival"
# What a path's braces stand for is filled with ids of the first supplier's.
OPEN_TO_ALL = {"/log-types", "/orders", "/inbox", "/contracts", "/companies", "/people", "/tasks", "/rules", "/waiting"}
OPEN_TO_ALL |= {"/control-structures", "/demand-templates", "/catalogs", "/requisitions", "/preferences", "/inbox/events"}
OWN = {("put", "/preferences"), ("put", "/preferences/{message_type}"), ("post", "/inbox/read-all")}


@pytest.fixture(scope="module")
def ours(house: House) -> dict[str, str]:
    """An order with a log, a document, a correspondence and a delivery note of the demo's supplier; and a rival supplier."""
    stage = Stage(house.door, Console(quiet=True))
    for scene in (scenes.set_the_scene, scenes.order_comes_in, scenes.short_delivery):
        scene(stage)
    door = house.door
    rival = {"name": "Rival AS", "side": "supplier", "endpoints": ["0192:999888777"]}
    door.call(scenes.OPERATOR, "PUT", f"/api/companies/{THEIRS}", json=rival)
    door.call(
        scenes.OPERATOR, "PUT", f"/api/people/{STRANGER}", json={"name": "Rival Clerk", "email": "c@rival.example", "company": THEIRS}
    )
    key = {"Idempotency-Key": uuid4().hex}
    text = {"type": "Delivery", "message": "Ours alone."}
    log = door.call(cast.FRIDA, "POST", f"/api/orders/{stage.order}/logs", json=text, headers=key)["log"]
    window = door.call(cast.FRIDA, "POST", f"/api/orders/{stage.order}/correspondences", json={"scope": "all"})
    document = door.get(cast.FRIDA, f"/api/orders/{stage.order}/documents")["documents"][0]["document"]
    mail = {"to": ["yard@acme.example"], "subject": "Ours alone.", "documents": [document]}
    key = {"Idempotency-Key": uuid4().hex}
    sent = door.call(cast.FRIDA, "POST", f"/api/correspondences/{window['id']}/send", json=mail, headers=key)
    card = {"kind": "credit-card", "company": cast.BUYER, "code": "4242", "name": "Ours alone.", "valid_until": "2030-12-31"}
    door.call(scenes.OPERATOR, "PUT", "/api/control-structures/card", json=card)
    request = {"kind": "quantity-request", "name": "Ours alone.", "company": cast.BUYER, "items": [{"item": "S-1"}]}
    for name in ("salt", "grit"):
        door.call(scenes.OPERATOR, "PUT", f"/api/demand-templates/{name}", json=request)
    door.call(scenes.OPERATOR, "PUT", "/api/carbon-copy-users/workshop", json={"name": "Ours alone.", "company": cast.BUYER})
    parties = {"name": "Ours alone.", "company": cast.BUYER}
    door.call(scenes.OPERATOR, "PUT", "/api/catalogs/tools", json=parties)
    door.call(scenes.OPERATOR, "PUT", "/api/catalogs/tools/items", json={"items": [{"item": "T-1", "name": "Ours alone."}]})
    door.call(scenes.OPERATOR, "PUT", "/api/invoices/R-1", json={"number": "R-1", "company": cast.BUYER})
    wish = {"contract": scenes.CONTRACT, "requester": cast.ANNA, "name": "Ours alone.", "quantity": "1", "unit": "EA", "net": "1.00"}
    door.call(scenes.OPERATOR, "PUT", "/api/requisitions/REQ-1", json={**wish, "currency": "EUR"})
    offers = {"catalog": "tools", "invoice": "R-1", "item": "REQ-1", "message_type": "goods-receipt"}
    demand = {"structure": "card", "template": "salt", "request": "grit", "user": "workshop"}
    ids = {
        **demand,
        **offers,
        "order": stage.order,
        "document": document,
        "correspondence": window["id"],
        "send": sent["send"],
        "budget": "travel-anna",
        "person": cast.ANNA,
    }
    # A reply that is really held, and a file of it, are tried by strangers in test_replies_by_mail.
    ids |= {"log": log, "sha256": "0" * 64, "review": str(uuid4())}
    return {**ids, "company": cast.BUYER, "contract": scenes.CONTRACT, "message": "m", "envelope": "e", "name": "check-budgets"}


def tried(house: House, token: str, ours: dict[str, str]) -> Iterator[tuple[str, str, int, str]]:
    """Every documented call with our ids: (method, path as documented, status, what was answered)."""
    headers = {"Authorization": f"Bearer {token}", "Idempotency-Key": uuid4().hex}
    with httpx.Client(base_url=house.endpoints["gateway_url"], timeout=30) as http:
        for path, methods in http.get("/openapi.json").json()["paths"].items():
            filled = path.format_map(_Ids(ours | {"ref": ours["order"], "service": "po-service", "number": "999999", "action": "discard"}))
            for method in sorted({"get", "post", "put", "delete"} & methods.keys()):
                body = BODIES.get(path.rpartition("/")[2], {})
                with http.stream(method.upper(), filled, headers=headers, json=body) as answer:
                    # Live updates never end; their first word is enough.
                    text = next(answer.iter_text(), "") if path.endswith("/events") else answer.read().decode(errors="replace")
                yield method, path, answer.status_code, text


def told(text: str) -> bool:
    """Whether it says a word of ours."""
    return any(secret in text for secret in ("Ours alone.", scenes.ORDER, "Anna Berger"))


def test_no_route_opens_a_strangers_order(house: House, ours: dict[str, str]) -> None:
    """404 or 403 for each method of each path that names one of our things, and not a word of ours in any answer."""
    answers = list(tried(house, house.postroom("token", STRANGER).stdout.strip(), ours))
    assert [one for one in answers if told(one[3]) or one[2] not in _allowed(one[1], one[0])] == []
    assert len(answers) >= 90


@pytest.mark.parametrize("side", ["client", "operator"])
def test_another_tenant_reads_and_changes_nothing_of_ours(house: House, ours: dict[str, str], side: str) -> None:
    """Also by those who see all of theirs: they may make things of the same names in their own tenant, and ours stay as they are."""
    principal = Principal(person=f"{side}.elsewhere", tenant="elsewhere", side=side, company="elsewhere", name="E", endpoints=("*",))
    token = issue(principal, (house.run / "issuer" / "private.pem").read_bytes())
    before = _ours(house, ours)
    answers = list(tried(house, token, ours))
    assert [one for one in answers if told(one[3])] == []
    assert len(answers) >= 90
    assert _ours(house, ours) == before


def _ours(house: House, ours: dict[str, str]) -> dict[str, Any]:
    """What we have, as our own operator sees it."""
    below = ("", "/logs", "/correspondences", "/documents", "/contacts", "/reviews")
    paths = [f"/orders/{ours['order']}{part}" for part in below] + [
        *(f"/{kind}/{ours[name]}" for kind, name in (("people", "person"), ("companies", "company"), ("budgets", "budget"))),
        f"/catalogs/{ours['catalog']}/items",
        f"/invoices/{ours['invoice']}",
        f"/requisitions/{ours['item']}",
        f"/demand-templates/{ours['template']}",
        f"/control-structures/{ours['structure']}",
        "/log-types",
    ]
    return {path: house.door.get(scenes.OPERATOR, f"/api{path}") for path in paths}


class _Ids(dict[str, str]):
    """Ids by the names that the services give their path parameters, such as order_id."""

    def __missing__(self, name: str) -> str:
        if not name.endswith("_id"):
            raise KeyError(f"a path names {{{name}}}, and nothing of ours stands here for it")
        return self[name.removesuffix("_id")]


BODIES: dict[str, dict[str, Any]] = {
    "logs": {"type": "Delivery", "message": "x"},
    "correspondences": {"scope": "all"},
    "send": {"to": ["x@rival.example"], "subject": "x"},
    "delivery-notes": {"number": "1", "lines": [{"line": "1", "quantity": "1"}]},
    "goods-receipts": {},
    "replies": {"lines": [{"item": "S-1", "quantity": "1"}]},
    "log-ons": {"user": "x", "name": "X", "email": "x@rival.example"},
    "items": {"items": []},
    "checks": {"code": "X"},
    "forward": {"to": [STRANGER]},
    "{template}": {"name": "X", "company": THEIRS, "owner": STRANGER},
}


def _allowed(path: str, method: str) -> set[int]:
    """Nothing of ours is found or touched: not there, or not yours. Lists of one's own things may be empty instead."""
    refused = {403, 404, 422}
    if (method, path.removeprefix("/api")) in OWN:
        return refused | {200}
    if method == "get" and path.removeprefix("/api") in OPEN_TO_ALL:
        return refused | {200}
    if path == "/token":
        return {401, 422}  # asks for the issuer's secret
    # Anyone may hand in a document; what it may say is another matter (tests of po-service).
    return refused | {202} if path == "/api/documents" else refused
