"""The way out of a kind of mail, before the real rules service: a person's page, and a mail program's one click."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from html import unescape
from pathlib import Path
from typing import Any

import httpx
import pytest
from tests.conftest import FreshDatabase
from tests.integration.gateway.conftest import NOWHERE, served

from embedded.issuer import ensure_issuer
from gateway.app import build as build_gateway
from gateway.settings import Settings as GatewaySettings
from notification_rules.app import build
from notification_rules.domain.unsubscribing import Subscription, token
from notification_rules.settings import Settings
from postroom import db

CLICK = {"content": b"List-Unsubscribe=One-Click", "headers": {"content-type": "application/x-www-form-urlencoded"}}


@dataclass
class Way:
    """The gateway's client, the rules' database and key."""

    http: httpx.AsyncClient
    pool: db.Pool
    key: bytes

    def path(self, message_type: str = "goods-receipt", person: str = "anna") -> str:
        return f"/unsubscribe/{token(Subscription('tenant-a', person, message_type), self.key)}"

    async def off(self) -> list[str]:
        rows = await self.pool.fetch("SELECT types FROM preferences")
        return [name for row in rows for name, mail in row["types"].items() if mail == "off"]


@pytest.fixture
async def way(fresh_database: FreshDatabase, tmp_path: Path) -> AsyncIterator[Way]:
    issuer = ensure_issuer(tmp_path / "issuer")
    settings = await fresh_database(Settings, "notification_rules", kafka="127.0.0.1:9", issuer_public=issuer.public)
    async with AsyncExitStack() as stack:
        pool = await stack.enter_async_context(await db.open_pool(settings, "worker"))
        rules = await stack.enter_async_context(served(build(settings)))
        address = await stack.enter_async_context(served(build_gateway(GatewaySettings(issuer_public=issuer.public, rules_url=rules))))
        http = await stack.enter_async_context(httpx.AsyncClient(base_url=address, trust_env=False))
        yield Way(http, pool, await pool.fetchval("SELECT key FROM unsubscribe_key"))


async def test_looking_ends_nothing_and_one_click_does_it_once(way: Way) -> None:
    page = await way.http.get(way.path())
    assert (page.status_code, await way.off()) == (200, [])
    assert '<form method="post"><button>' in page.text
    for _ in range(2):
        assert (await way.http.post(way.path(), **CLICK)).status_code == 200  # type: ignore[arg-type]
        assert await way.off() == ["goods-receipt"]
    assert "<form" not in (await way.http.get(way.path())).text


@pytest.mark.parametrize(
    ("asked", "language", "words"),
    [
        ("de-AT,de;q=0.9,en;q=0.8", "de", "Keine E-Mails dieser Art mehr?"),
        ("fr;q=1, de;q=0.3, en;q=0.7", "en", "No more mail of this kind?"),
        ("", "en", "No more mail of this kind?"),
        ("*, ;;q=x", "en", "No more mail of this kind?"),
    ],
)
async def test_the_page_speaks_the_readers_language(way: Way, asked: str, language: str, words: str) -> None:
    page = await way.http.get(way.path(), headers={"accept-language": asked})
    assert f'<html lang="{language}">' in page.text
    assert words in page.text


async def test_the_page_runs_nothing_and_gives_the_token_to_nobody(way: Way) -> None:
    page = await way.http.get(way.path(person="<script>alert(1)</script>"))
    assert "<script" not in page.text
    assert "<script>alert(1)</script>" in unescape(page.text)
    assert "default-src 'none'" in page.headers["content-security-policy"]
    assert "form-action 'self'" in page.headers["content-security-policy"]
    assert (page.headers["referrer-policy"], page.headers["cache-control"]) == ("no-referrer", "no-store")


@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize("bad", ["nonsense", "cut", "a%2Fb", "%00"])
async def test_a_link_that_is_not_ours_says_so(way: Way, method: str, bad: str) -> None:
    path = way.path()[:-3] if bad == "cut" else f"/unsubscribe/{bad}"
    answer = await way.http.request(method, path)
    assert answer.status_code == 404
    assert await way.off() == []


async def test_a_message_that_one_must_get_is_not_switched_off(way: Way) -> None:
    answer = await way.http.post(way.path("budget-expired"), **CLICK)  # type: ignore[arg-type]
    assert answer.status_code in {409, 422}
    assert "something that you must get" in unescape(answer.text)
    assert await way.off() == []


async def test_while_the_rules_are_away_nothing_is_promised(tmp_path: Path) -> None:
    issuer = ensure_issuer(tmp_path / "issuer")
    settings: dict[str, Any] = {"issuer_public": issuer.public, "rules_url": NOWHERE}
    async with served(build_gateway(GatewaySettings(**settings))) as address, httpx.AsyncClient(base_url=address, trust_env=False) as http:
        for method in ("GET", "POST"):
            answer = await http.request(method, "/unsubscribe/abc")
            assert answer.status_code == 503
            assert "Nothing was changed" in answer.text
