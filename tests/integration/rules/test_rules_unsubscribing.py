"""One click, without a sign-in, ends one person's mail of one type; only a token from a mail of ours can do it."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from tests.conftest import FreshDatabase
from tests.integration.rules.conftest import person_changed
from tests.integration.rules.door import Door, issuer_in, opened
from tests.unit.rules.rules_support import goods_received

from notification_rules.domain.unsubscribing import Subscription, token
from notification_rules.settings import Settings
from notification_rules.store.preferences import unsubscribe_key
from postroom import db


@pytest.fixture
async def door(fresh_database: FreshDatabase, tmp_path: Path) -> AsyncIterator[Door]:
    issuer = issuer_in(tmp_path)
    settings = await fresh_database(Settings, "notification_rules", issuer_public=issuer.public, kafka="127.0.0.1:1")
    async with opened(settings, issuer) as made:
        await made.rules.take(person_changed("anna", language="de"), person_changed("bert"))
        yield made


async def _message(door: Door, note: str) -> Any:
    await door.rules.take(goods_received(("1", "anna"), note=note, id=f"e-{note}"))
    return (await door.rules.published("MessageRequested.v1"))[-1]


async def test_one_click_ends_the_mail_of_this_type_and_no_other(door: Door) -> None:
    url = f"/unsubscribe/{(await _message(door, 'n1'))['unsubscribe']}"
    seen = await door.http.get(url)
    assert (seen.status_code, seen.json()["off"]) == (200, False)
    assert {name: seen.json()[name] for name in ("message_type", "person", "language")} == {
        "message_type": "goods-receipt",
        "person": "Anna",
        "language": "de",
    }
    assert set(seen.json()["label"]) == {"en", "de"}
    assert (await _message(door, "n2"))["no_mail"] == "", "to look changes nothing"
    for _ in range(2):
        done = await door.http.post(url, content=b"List-Unsubscribe=One-Click")
        assert (done.status_code, done.json()) == (200, {**seen.json(), "off": True})
    assert (await _message(door, "n3"))["no_mail"] == "the recipient wants no mail of this type"
    types = {one["message_type"]: one["mail"] for one in (await door.get("/preferences"))["types"]}
    assert [name for name, mail in types.items() if mail == "off"] == ["goods-receipt"]
    assert (await door.get("/preferences", "bert"))["types"][0]["mail"] == "now"


async def test_it_is_undone_in_the_preferences_and_the_link_works_again(door: Door) -> None:
    url = f"/unsubscribe/{(await _message(door, 'n1'))['unsubscribe']}"
    await door.http.post(url)
    await door.put("/preferences/goods-receipt", {"mail": "now"})
    assert (await door.http.get(url)).json()["off"] is False
    assert (await door.http.post(url)).json()["off"] is True


async def test_a_forged_token_does_nothing(door: Door) -> None:
    good = (await _message(door, "n1"))["unsubscribe"]
    forged = [good[:-2] + "AA", good[:30], "x", token(Subscription("demo", "anna", "goods-receipt"), b"guessed"), good + "%00"]
    for one in forged:
        for method in ("GET", "POST"):
            answer = await door.http.request(method, f"/unsubscribe/{one}")
            assert (answer.status_code, answer.json()["code"]) == (404, "unknown_token"), one
    assert (await door.get("/preferences"))["types"][0]["own"] is False


async def test_a_type_that_is_mandatory_now_or_gone_is_told_as_it_is(door: Door) -> None:
    mandatory = token(Subscription("demo", "anna", "budget-expired"), door.rules.key)
    answer = await door.http.post(f"/unsubscribe/{mandatory}")
    assert (answer.status_code, answer.json()["code"]) == (409, "mandatory")
    gone = token(Subscription("demo", "anna", "not-any-more"), door.rules.key)
    assert (await door.http.post(f"/unsubscribe/{gone}")).json()["off"] is True


async def test_the_key_is_each_installations_own_and_not_the_apis(door: Door, fresh_database: FreshDatabase) -> None:
    async with await db.open_pool(door.rules.settings, "api") as pool:
        assert await pool.fetchval("SELECT count(*) FROM unsubscribe_key") == 0
    other = await fresh_database(Settings, "notification_rules")
    async with await db.open_pool(other, "worker") as pool, pool.acquire() as connection:
        key = await unsubscribe_key(connection)
    assert len(key) == len(door.rules.key) == 32
