"""What protects the page: whose order it is, whose form it is, what may run in it, and what its cookie allows."""

import re
from collections.abc import Iterator
from html.parser import HTMLParser
from typing import Any
from uuid import uuid4

import httpx
import pytest
from fastapi.routing import APIRoute
from tests.e2e.conftest import House
from tests.e2e.orders import Paper
from tests.e2e.pages.conftest import RIVALS_CLERK
from tests.e2e.test_replies_by_mail import Thread

from embedded.demo import cast, scenes
from gateway.web import correspondence, files, inbox, logs, orders

SECRET = "Ours alone."
COOKIE = "__Host-postroom"
ROUTERS = (orders.router, files.router, logs.router, correspondence.router, inbox.router)
# One's own lists and news, in which nothing of ours may stand.
OWN = {("GET", "/purchase-orders"), ("GET", "/inbox"), ("GET", "/inbox/events"), ("POST", "/inbox/read-all")}


class Browser:
    """A signed-in person's requests, by hand: httpx keeps Secure cookies back on http, where browsers trust 127.0.0.1."""

    def __init__(self, url: str, person: str) -> None:
        self.http = httpx.Client(base_url=url, timeout=30)
        signed_in = self.http.post("/sign-in", data={"person": person, "next": "/"})
        self.set_cookie = signed_in.headers["set-cookie"]
        self.cookie = self.set_cookie.partition(";")[0]
        self.csrf = re.search(r'name="csrf" value="([^"]+)"', self.get("/purchase-orders").text)[1]  # type: ignore[index]

    def get(self, path: str) -> httpx.Response:
        return self.http.get(path, headers={"cookie": self.cookie})

    def post(self, path: str, **fields: Any) -> httpx.Response:
        headers = {"cookie": self.cookie, **fields.pop("headers", {})}
        return self.http.post(path, data={"csrf": self.csrf, **fields}, headers=headers)


@pytest.fixture
def frida(town: House) -> Browser:
    return Browser(town.endpoints["gateway_url"], cast.FRIDA)


@pytest.fixture
def ours(town: House, frida: Browser, paper: Paper) -> dict[str, str]:
    """An order of ours with a log, an open window, a send and a document; ids by the names of the routes' parameters."""
    door, key = town.door, {"Idempotency-Key": f"safe-{paper.id}"}
    log = door.call(cast.FRIDA, "POST", f"/api/orders/{paper.id}/logs", json={"type": "General", "message": SECRET}, headers=key)
    window = door.call(cast.FRIDA, "POST", f"/api/orders/{paper.id}/correspondences", json={"scope": "all"})
    body = {"to": [f"safe@{paper.number.lower()}.example"], "subject": SECRET, "documents": [window["documents"][0]["document"]]}
    sent = door.call(
        cast.FRIDA, "POST", f"/api/correspondences/{window['id']}/send", json=body, headers={"Idempotency-Key": f"send-{paper.id}"}
    )
    mine = door.get(cast.ANNA, "/api/inbox")["messages"]
    held = reply_held(town)
    return {
        "order": paper.id,
        "correspondence": window["id"],
        "send": sent["send"],
        "document": window["documents"][0]["document"],
        "log": log["log"],
        "sha256": window["documents"][0]["sha256"],
        "message": mine[0]["message"] if mine else "none",
        "review": held["review"],
    }


def reply_held(house: House) -> dict[str, Any]:
    """A stranger's reply by mail that waits for a person."""
    thread = Thread(house)
    words = f"{SECRET} {uuid4().hex}"
    thread.deliver(thread.answer("Eve <eve@carrier.example>", words))
    return thread.held(words)


def routes() -> Iterator[tuple[str, str]]:
    """Every page and every act."""
    for route in (one for router in ROUTERS for one in router.routes if isinstance(one, APIRoute)):
        for method in sorted(route.methods or ()):
            yield method, route.path


@pytest.mark.parametrize("stranger", [RIVALS_CLERK, "operator of another tenant"])
def test_no_page_opens_a_strangers_order(town: House, ours: dict[str, str], paper: Paper, stranger: str) -> None:
    """Every route with every id of ours, by a rival of the same tenant and by somebody who sees all of another: 0 succeed."""
    url = town.endpoints["gateway_url"]
    person = RIVALS_CLERK
    if stranger != RIVALS_CLERK:
        secret = {"X-Issuer-Secret": town.endpoints["issuer_secret"]}
        token = httpx.post(f"{url}/token", json={"person": "operator", "tenant": "elsewhere"}, headers=secret).json()["token"]
        browser = _with_token(url, token)
    else:
        browser = Browser(url, person)
    told, tried = [], 0
    forms: dict[str, dict[str, Any]] = {
        "communication-logs": {"type": "General", "message": "x", "key": "k"},
        "correspondences": {"scope": "all"},
        "send": {"to": "x@rival.example", "subject": "x", "key": "k"},
        "forward": {"to": RIVALS_CLERK},
    }
    for method, path in routes():
        filled = path.format_map(ours)
        if path == "/inbox/events":
            continue  # the stream of one's own inbox names no id
        answer = browser.get(filled) if method == "GET" else browser.post(filled, **forms.get(path.rpartition("/")[2], {}))
        tried += 1
        allowed = {200, 303} if (method, path) in OWN else {403, 404}
        if answer.status_code not in allowed or any(word in answer.text for word in (SECRET, paper.number, "Anna Berger")):
            told.append((method, filled, answer.status_code, answer.text[:300]))
    assert told == []
    assert tried >= 20
    assert len(town.door.get(cast.FRIDA, f"/api/orders/{paper.id}/logs")["logs"]) == 1
    assert len(town.door.get(cast.FRIDA, f"/api/orders/{paper.id}/correspondences")["correspondences"]) == 1


def _with_token(url: str, token: str) -> Browser:
    browser = Browser.__new__(Browser)
    browser.http = httpx.Client(base_url=url, timeout=30)
    browser.cookie = browser.http.post("/sign-in", data={"token": token}).headers["set-cookie"].partition(";")[0]
    browser.csrf = re.search(r'name="csrf" value="([^"]+)"', browser.get("/purchase-orders").text)[1]  # type: ignore[index]
    return browser


@pytest.mark.parametrize(
    ("fields", "headers"),
    [
        ({"csrf": ""}, {}),
        ({"csrf": "guessed"}, {}),
        ({}, {"origin": "https://evil.example"}),
        ({}, {"origin": "null"}),
        ({}, {"sec-fetch-site": "cross-site"}),
        ({}, {"sec-fetch-site": "same-site"}),
    ],
)
def test_a_form_of_another_site_does_nothing(
    town: House, frida: Browser, paper: Paper, fields: dict[str, str], headers: dict[str, str]
) -> None:
    path = f"/purchase-orders/{paper.id}/communication-logs"
    answer = frida.post(path, type="General", message="forged", key="k", headers=headers, **fields)
    assert answer.status_code == 403
    assert town.door.get(cast.FRIDA, f"/api/orders/{paper.id}/logs")["logs"] == []


def test_signing_in_by_another_sites_form_does_nothing(town: House) -> None:
    url = town.endpoints["gateway_url"]
    answer = httpx.post(f"{url}/sign-in", data={"person": cast.FRIDA}, headers={"origin": "https://evil.example"})
    assert (answer.status_code, "set-cookie" in answer.headers) == (403, False)


def test_the_cookie_is_bound_to_this_host_and_out_of_scripts_reach(frida: Browser) -> None:
    parts = {part.strip().lower() for part in frida.set_cookie.split(";")[1:]}
    assert frida.set_cookie.startswith(f"{COOKIE}=")
    assert {"secure", "httponly", "samesite=lax", "path=/"} <= parts
    assert not any(part.startswith("domain") for part in parts)


def test_signing_out_ends_the_session_for_whoever_has_the_cookie(frida: Browser) -> None:
    frida.post("/sign-out")
    assert frida.get("/purchase-orders").headers["location"].startswith("/sign-in")


@pytest.mark.parametrize(
    "away", ["//evil.example", "https://evil.example", "/\\evil.example", "/\tevil.example", "javascript:alert(1)", ""]
)
def test_no_address_leads_elsewhere_after_signing_in(town: House, away: str) -> None:
    answer = httpx.post(f"{town.endpoints['gateway_url']}/sign-in", data={"person": cast.FRIDA, "next": away})
    assert answer.headers["location"] == "/"


class _Inline(HTMLParser):
    """Finds what a strict policy would stop: inline scripts, styles and handlers, and addresses elsewhere."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if tag == "style" or (tag == "script" and "src" not in given):
            self.found.append(tag)
        self.found += [f"{tag} {name}" for name in given if name == "style" or name.startswith(("on", "hx-on"))]
        self.found += [
            f"{tag} {value}" for name, value in attrs if name in ("src", "href") and (value or "").startswith(("http", "//", "data:"))
        ]


def test_every_page_has_the_strict_policy_and_nothing_inline(frida: Browser, ours: dict[str, str]) -> None:
    pages = [path for method, path in routes() if method == "GET" and not path.endswith(("{document}", "{sha256}", "/events", "{message}"))]
    for path in [*(one.format_map(ours) for one in pages), "/purchase-orders/none", "/sign-in"]:
        answer = frida.get(path)
        policy = answer.headers["content-security-policy"]
        assert "default-src 'none'" in policy, path
        assert "unsafe" not in policy, path
        assert "frame-ancestors 'none'" in policy, path
        assert answer.headers["x-content-type-options"] == "nosniff", path
        inline = _Inline()
        inline.feed(answer.text)
        assert inline.found == [], path


def test_names_and_subjects_are_text(town: House, frida: Browser, paper: Paper) -> None:
    """A person, a file and a subject that look like HTML are shown as they are written."""
    evil = "<script>alert(1)</script>"
    person = {"name": evil, "email": "evil@nordlicht.example", "company": cast.SUPPLIER}
    town.door.call(scenes.OPERATOR, "PUT", "/api/people/evil.clerk", json=person)
    try:
        clerk = Browser(town.endpoints["gateway_url"], "evil.clerk")
        clerk.post(f"/purchase-orders/{paper.id}/communication-logs", type="General", message=evil, key=f"evil-{paper.id}")
        town.door.call(
            cast.FRIDA,
            "POST",
            f"/api/orders/{paper.id}/documents?filename=%3Cb%3Ex.txt",
            content=b"x",
            headers={"content-type": "text/html"},
        )
        for tab in ("/communication-logs", "/documents", "/contacts"):
            text = frida.get(f"/purchase-orders/{paper.id}{tab}").text
            assert evil not in text
            assert "<b>x.txt" not in text
        assert "&lt;script&gt;" in frida.get(f"/purchase-orders/{paper.id}/communication-logs").text
        assert evil not in httpx.get(f"{town.endpoints['gateway_url']}/sign-in").text
    finally:
        town.door.call(scenes.OPERATOR, "PUT", "/api/people/evil.clerk", json={**person, "name": "Once Evil", "active": False})


def test_a_document_is_saved_and_never_shown_as_a_page(town: House, frida: Browser, paper: Paper) -> None:
    path = f"/api/orders/{paper.id}/documents?filename=page.html"
    headers = {"content-type": "text/html"}
    stored = town.door.call(cast.FRIDA, "POST", path, content=b"<script>alert(1)</script>", headers=headers)["document"]
    answer = frida.get(f"/purchase-orders/{paper.id}/documents/{stored}")
    assert answer.headers["content-disposition"].startswith("attachment")
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert "sandbox" in answer.headers["content-security-policy"]
