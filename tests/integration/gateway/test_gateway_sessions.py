"""Sessions of the web page in a real database: how long they live, what they hold, and what is told while it is away."""

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import httpx
import pytest
from tests.conftest import FreshDatabase
from tests.integration.gateway.conftest import NOWHERE, served, stand_in

from embedded.issuer import Issuer, ensure_issuer
from gateway.app import build
from gateway.routes import PO
from gateway.settings import Settings
from gateway.web.sessions import Sessions
from gateway.web.visit import COOKIE
from postroom import db
from postroom.auth import Principal, issue

SAM = Principal(person="sam", tenant="acme", side="supplier", company="seller", name="Sam")


@pytest.fixture
def keys(tmp_path: Path) -> Issuer:
    return ensure_issuer(tmp_path / "issuer")


@pytest.fixture
async def settings(fresh_database: FreshDatabase, keys: Issuer, databases: object) -> Settings:
    """The gateway's settings with a database of its own, made as it makes it itself."""
    given = {"issuer_public": keys.public, "issuer_private": keys.private, "issuer_secret": keys.secret}
    away = {"po_url": NOWHERE, "commlog_url": NOWHERE, "rules_url": NOWHERE, "mailer_url": NOWHERE}
    return await fresh_database(Settings, "gateway", **given, **away)


@pytest.fixture
async def sessions(settings: Settings) -> AsyncIterator[Sessions]:
    made = Sessions(settings)
    yield made
    await made.close()


async def test_a_session_holds_who_in_which_language_and_zone(sessions: Sessions) -> None:
    cookie = await sessions.begin(SAM, language="de", zone="Europe/Vienna")
    found = await sessions.find(cookie)
    assert found
    assert (found.principal, found.language, found.zone) == (SAM, "de", "Europe/Vienna")
    await sessions.speak(cookie, "en")
    again = await sessions.find(cookie)
    assert again
    assert (again.language, again.csrf) == ("en", found.csrf)
    assert await sessions.find(cookie + "x") is None


async def test_the_database_knows_no_cookie(sessions: Sessions, settings: Settings) -> None:
    """Who reads the table can't sign in with what stands there."""
    cookie = await sessions.begin(SAM, language="en", zone="UTC")
    pool = await db.open_pool(settings, "worker")
    rows = await pool.fetch("SELECT * FROM sessions")
    await pool.close()
    assert len(rows) == 1
    assert cookie not in str(dict(rows[0]))
    assert cookie.encode() not in rows[0]["id"]


@pytest.mark.parametrize(("column", "age"), [("seen_at", timedelta(minutes=31)), ("ends_at", timedelta(hours=13))])
async def test_it_ends_when_nobody_used_it_and_at_the_end_of_the_day(
    sessions: Sessions, settings: Settings, column: str, age: timedelta
) -> None:
    cookie = await sessions.begin(SAM, language="en", zone="UTC")
    pool = await db.open_pool(settings, "worker")
    await pool.execute(f"UPDATE sessions SET {column} = {column} - $1::interval", age)  # noqa: S608 - a test's own names
    await pool.close()
    assert await sessions.find(cookie) is None


async def test_using_it_keeps_it(sessions: Sessions, settings: Settings) -> None:
    cookie = await sessions.begin(SAM, language="en", zone="UTC")
    pool = await db.open_pool(settings, "worker")
    for _ in range(3):
        await pool.execute("UPDATE sessions SET seen_at = seen_at - interval '20 minutes'")
        assert await sessions.find(cookie)
    await pool.close()


async def test_a_token_of_another_issuer_opens_a_session_that_ends_with_it(settings: Settings, keys: Issuer) -> None:
    """Without the demo's people, a person signs in with their own token, and it is the one that the services see."""
    async with served(build(settings)) as url, httpx.AsyncClient(base_url=url, trust_env=False) as http:
        refused = await http.post("/sign-in", data={"person": "sam"})
        assert refused.status_code == 422
        bad = await http.post("/sign-in", data={"token": "nonsense"})
        assert bad.status_code == 401
        token = issue(SAM, keys.private.read_bytes(), lifetime=600)
        begun = await http.post("/sign-in", data={"token": token, "next": "/inbox"})
        assert (begun.status_code, begun.headers["location"]) == (303, "/inbox")
        cookie = begun.headers["set-cookie"].partition(";")[0].removeprefix(f"{COOKIE}=")
    sessions = Sessions(settings)
    found = await sessions.find(cookie)
    pool = await db.open_pool(settings, "worker")
    left = await pool.fetchval("SELECT ends_at - now() FROM sessions")
    await pool.close()
    await sessions.close()
    assert found
    assert (found.token, found.principal) == (token, SAM)
    assert left < timedelta(minutes=10)


@pytest.mark.parametrize(("person", "goes_on"), [("sam", True), ("left", False), ("nobody", False)])
async def test_whoever_has_left_is_signed_out_a_minute_later(settings: Settings, keys: Issuer, person: str, goes_on: bool) -> None:  # noqa: FBT001
    """The directory is asked again when a session was not used for a minute; a new company or role counts from then on."""
    async with served(stand_in(PO, keys.public.read_bytes(), [])) as po:
        told = settings.model_copy(update={"po_url": po})
        sessions = Sessions(told)
        cookie = await sessions.begin(SAM.model_copy(update={"person": person, "roles": ()}), language="en", zone="UTC")
        pool = await db.open_pool(told, "worker")
        await pool.execute("UPDATE sessions SET seen_at = seen_at - interval '2 minutes'")
        await pool.close()
        async with served(build(told)) as url, httpx.AsyncClient(base_url=url, trust_env=False) as http:
            answer = await http.get("/inbox", headers={"cookie": f"{COOKIE}={cookie}"})
        assert (answer.status_code == 303) is not goes_on  # 503: the mailer is away here, and the session was good
        found = await sessions.find(cookie)
        assert (found.principal.roles if found else None) == (("sales",) if goes_on else None)
        await sessions.close()


@pytest.mark.parametrize(("path", "leads_to"), [("/open/order/o%201", "/purchase-orders/o%201"), ("/open/budget/B1", "/inbox")])
async def test_a_mails_link_leads_to_the_order_or_to_the_inbox(settings: Settings, path: str, leads_to: str) -> None:
    async with served(build(settings)) as url, httpx.AsyncClient(base_url=url, trust_env=False) as http:
        answer = await http.get(path)
    assert (answer.status_code, answer.headers["location"]) == (303, leads_to)


async def test_while_the_services_are_away_a_page_says_so_and_what_to_do(settings: Settings) -> None:
    sessions = Sessions(settings)
    cookie = await sessions.begin(SAM, language="de", zone="UTC")
    await sessions.close()
    async with served(build(settings)) as url, httpx.AsyncClient(base_url=url, trust_env=False) as http:
        answer = await http.get("/purchase-orders", headers={"cookie": f"{COOKIE}={cookie}"})
    assert answer.status_code == 503
    assert "Ein Teil von Postroom antwortet nicht" in answer.text
    assert "Noch einmal versuchen" in answer.text


async def test_while_the_sessions_database_is_away_a_page_says_so_and_programs_go_on(settings: Settings, keys: Issuer) -> None:
    away = settings.model_copy(update={"postgres": type(settings.postgres)("postgresql://postroom@127.0.0.1:9")})
    async with served(build(away)) as url, httpx.AsyncClient(base_url=url, trust_env=False) as http:
        answer = await http.get("/purchase-orders", headers={"cookie": f"{COOKIE}=x", "accept-language": "en"})
        assert (answer.status_code, "Nothing is lost: try again in a moment" in answer.text) == (503, True)
        by_token = await http.get("/api/orders", headers={"authorization": f"Bearer {issue(SAM, keys.private.read_bytes())}"})
        assert by_token.json()["code"] == "service_unavailable"
        assert (await http.get("/health")).status_code == 200
