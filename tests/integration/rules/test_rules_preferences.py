"""People say how they want their mail, and decisions obey: at once, in the digest, after the quiet hours, or not at all."""

import asyncio
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import asyncpg
import pytest
from tests.conftest import FreshDatabase
from tests.integration.rules.conftest import person_changed
from tests.integration.rules.door import Door, issuer_in, opened
from tests.unit.rules.rules_support import budget_expired, goods_received

from notification_rules.settings import Settings
from postroom import clock, db
from postroom.auth import Principal

PATH = "/preferences"
ALL_DAY = {"from": "00:00", "until": "23:59"}


@pytest.fixture
async def door(fresh_database: FreshDatabase, tmp_path: Path) -> AsyncIterator[Door]:
    issuer = issuer_in(tmp_path)
    settings = await fresh_database(Settings, "notification_rules", issuer_public=issuer.public, kafka="127.0.0.1:1")
    async with opened(settings, issuer) as made:
        await made.rules.take(person_changed("anna", zone="Europe/Berlin"), person_changed("bert"), person_changed("rest", email=None))
        yield made


def _types(answer: dict[str, Any]) -> dict[str, tuple[str, bool, bool]]:
    return {one["message_type"]: (one["mail"], one["own"], one["mandatory"]) for one in answer["types"]}


async def _told(door: Door) -> dict[str, Any]:
    """The last message, for its recipient's wishes."""
    message: dict[str, Any] = (await door.rules.published("MessageRequested.v1"))[-1]
    return message


async def test_who_has_set_nothing_sees_everything_at_once(door: Door) -> None:
    answer = await door.get(PATH)
    assert {name: answer[name] for name in ("person", "name", "email", "zone", "mail", "quiet_hours", "digest_at")} == {
        "person": "anna",
        "name": "Anna",
        "email": "anna@example.org",
        "zone": "Europe/Berlin",
        "mail": "now",
        "quiet_hours": None,
        "digest_at": "07:00",
    }
    types = _types(answer)
    assert types["goods-receipt"] == ("now", False, False)
    assert types["budget-expired"] == ("now", False, True)
    assert "new-communication-log" not in types, "it never goes by mail"
    label = next(one["label"] for one in answer["types"] if one["message_type"] == "budget-expired")
    assert set(label) == {"en", "de"}
    assert label["en"] != label["de"]


async def test_what_is_set_stays_until_it_is_set_again(door: Door) -> None:
    await door.put(PATH, {"mail": "digest", "quiet_hours": {"from": "22:00", "until": "06:00"}, "digest_at": "08:30"})
    await door.put(PATH, {"types": {"goods-receipt": "off", "wrong-delivery": "now"}})
    await door.put(f"{PATH}/catalog-changed", {"mail": "off"})
    answer = await door.put(f"{PATH}/wrong-delivery", {"mail": None})
    assert (answer["mail"], answer["quiet_hours"], answer["digest_at"]) == ("digest", {"from": "22:00", "until": "06:00"}, "08:30")
    types = _types(answer)
    assert [types[name][:2] for name in ("goods-receipt", "catalog-changed", "wrong-delivery", "due-template")] == [
        ("off", True),
        ("off", True),
        ("digest", False),
        ("digest", False),
    ]
    assert types["budget-expired"][0] == "now"
    assert answer == await door.get(PATH)
    assert (await door.put(PATH, {"quiet_hours": None}))["quiet_hours"] is None


async def test_mandatory_types_cannot_be_changed(door: Door) -> None:
    for path, body in ((f"{PATH}/budget-expired", {"mail": "off"}), (PATH, {"mail": "off", "types": {"budget-expired": "digest"}})):
        answer = await door.call("PUT", path, json=body)
        assert (answer.status_code, answer.json()["code"]) == (409, "mandatory")
        assert "is mandatory: its mail always comes" in answer.json()["detail"]
    assert (await door.get(PATH))["mail"] == "now", "nothing of a refused wish counts"


ODD: list[tuple[str, Any, int, str | None]] = [
    ("/nothing", {"mail": "off"}, 404, "message_type"),
    ("/new-communication-log", {"mail": "off"}, 404, "message_type"),
    ("", {"types": {"nothing": "off"}}, 422, "types.nothing"),
    ("", {"mail": "sometimes"}, 422, "mail"),
    ("", {"mial": "off"}, 422, "mial"),
    ("", {"digest_at": "25:00"}, 422, "digest_at"),
    ("", {"digest_at": "07:00Z"}, 422, "digest_at"),
    ("", {"digest_at": 25200}, 422, "digest_at"),
    ("", {"quiet_hours": {"from": "22:00"}}, 422, "quiet_hours.until"),
    ("", {"quiet_hours": {"from": "22:00", "until": "22:00"}}, 422, "quiet_hours"),
    ("", {"types": {"a\x00": "off"}}, 422, None),
    ("", [], 422, "body"),
]


async def test_an_odd_wish_is_refused_by_name(door: Door) -> None:
    for path, body, status, field in ODD:
        answer = await door.call("PUT", PATH + path, json=body)
        assert answer.status_code == status, (path, body, answer.text)
        assert field is None or answer.json()["field"] == field


async def test_nobody_reads_or_writes_anothers(door: Door) -> None:
    await door.put(PATH, {"mail": "off"})
    refused = await door.call("GET", PATH, "bert", params={"person": "anna"})
    assert (refused.status_code, refused.json()["field"]) == (403, "person")
    assert (await door.get(PATH, "bert"))["mail"] == "now"
    seen = await door.get(PATH, "olga", side="operator", params={"person": "anna"})
    assert (seen["person"], seen["mail"]) == ("anna", "off")
    for person, tenant in (("nobody", "demo"), ("anna", "other")):
        answer = await door.call("GET", PATH, "olga", side="operator", tenant=tenant, params={"person": person})
        assert (answer.status_code, answer.json()["code"]) == (404, "unknown_person")
    assert (await door.get(PATH, "anna", tenant="other"))["mail"] == "now", "somebody else of the same name"


async def test_the_database_keeps_them_apart_as_well(door: Door) -> None:
    await door.put(PATH, {"mail": "off"})
    async with await db.open_pool(door.rules.settings, "api") as pool:
        for bert in (Principal(person="bert", tenant="demo", side="client"), Principal(person="anna", tenant="other", side="client")):
            async with db.as_principal(pool, bert) as connection:
                assert await connection.fetchval("SELECT count(*) FROM preferences") == 0
                assert await connection.execute("UPDATE preferences SET mail = 'now'") == "UPDATE 0"
                assert await connection.fetchval("SELECT count(*) FROM people WHERE person <> $1", bert.person) == 0
                with pytest.raises(asyncpg.InsufficientPrivilegeError):
                    await connection.execute("INSERT INTO preferences (tenant, person) VALUES ('demo', 'carl')")
        operator = Principal(person="olga", tenant="demo", side="operator")
        async with db.as_principal(pool, operator) as connection:
            assert await connection.fetchval("SELECT count(*) FROM preferences") == 1
            assert await connection.execute("UPDATE preferences SET mail = 'now'") == "UPDATE 0"
            assert await connection.fetchval("SELECT count(*) FROM unsubscribe_key") == 0


async def test_windows_that_change_other_types_at_once_all_have_their_effect(door: Door) -> None:
    optional = [name for name, (_, _, mandatory) in _types(await door.get(PATH)).items() if not mandatory]
    wishes = [door.put(f"{PATH}/{name}", {"mail": "off"}) for name in optional]
    await asyncio.gather(*wishes, door.put(PATH, {"digest_at": "09:00"}), door.put(PATH, {"quiet_hours": ALL_DAY}))
    answer = await door.get(PATH)
    assert {name for name, (mail, own, _) in _types(answer).items() if mail == "off" and own} == set(optional)
    assert (answer["digest_at"], answer["quiet_hours"]) == ("09:00", ALL_DAY)


async def test_off_leaves_the_inbox_and_says_why_there_is_no_mail(door: Door) -> None:
    await door.put(f"{PATH}/goods-receipt", {"mail": "off"})
    await door.rules.take(goods_received(("1", "anna"), ("2", "bert"), id="e1"))
    anna, bert = sorted(await door.rules.published("MessageRequested.v1"), key=lambda one: one["recipient"]["person"])
    assert (anna["no_mail"], anna["unsubscribe"]) == ("the recipient wants no mail of this type", "")
    assert "inbox" in anna["channels"]
    assert (bert["no_mail"], bool(bert["unsubscribe"])) == ("", True)
    reasons = {
        one["person"]: one["reason"]
        for one in (await door.get("/explain", side="operator", params={"ref": "e1"}))["events"][0]["decisions"]
    }
    assert reasons["anna"].endswith("; no mail: the recipient wants no mail of this type")
    assert "mail" not in reasons["bert"]


async def test_digest_and_quiet_hours_are_moments_of_the_persons_own_day(door: Door) -> None:
    await door.put(PATH, {"mail": "digest", "digest_at": "07:00"})
    await door.rules.take(goods_received(("1", "anna"), note="n1", id="e1"))
    digest = datetime.fromisoformat((await _told(door))["digest"])
    assert clock.now() < digest <= clock.now() + timedelta(days=1, hours=1)
    assert f"{digest.astimezone(ZoneInfo('Europe/Berlin')):%H:%M}" == "07:00"
    await door.put(PATH, {"mail": "now", "quiet_hours": ALL_DAY})
    await door.rules.take(goods_received(("1", "anna"), note="n2", id="e2"))
    message = await _told(door)
    assert message["digest"] is None
    assert f"{datetime.fromisoformat(message['not_before']).astimezone(ZoneInfo('Europe/Berlin')):%H:%M}" == "23:59"
    assert message["unsubscribe"]


async def test_mandatory_types_ignore_every_wish(door: Door) -> None:
    await door.put(PATH, {"mail": "off", "quiet_hours": ALL_DAY})
    await door.rules.take(budget_expired("user", owner="anna"))
    message = await _told(door)
    assert (message["mandatory"], message["no_mail"], message["not_before"], message["digest"], message["unsubscribe"]) == (
        True,
        "",
        None,
        None,
        "",
    )


async def test_a_deputys_own_wishes_count_for_what_the_deputy_gets(door: Door) -> None:
    await door.rules.take(person_changed("anna", version=2, deputy="bert", absent_from="2020-01-01"))
    await door.put(PATH, {"mail": "off"}, "anna")
    await door.put(PATH, {"mail": "digest"}, "bert")
    await door.rules.take(goods_received(("1", "anna")))
    message = await _told(door)
    assert (message["recipient"]["person"], message["no_mail"], message["digest"] is not None) == ("bert", "", True)


async def test_who_has_no_address_has_nothing_to_wish(door: Door) -> None:
    await door.put(PATH, {"mail": "off"}, "rest")
    await door.rules.take(goods_received(("1", "rest")))
    message = await _told(door)
    assert (message["no_mail"], message["unsubscribe"]) == ("", "")
