"""A page that lies open: what its parts, its forms and its live news are answered while a service or the session is away."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from tests.conftest import FreshDatabase
from tests.integration.gateway.conftest import NOWHERE, served

from embedded.issuer import ensure_issuer
from gateway.app import build
from gateway.settings import Settings
from gateway.web.sessions import Sessions
from gateway.web.visit import COOKIE
from postroom import db
from postroom.auth import Principal

SAM = Principal(person="sam", tenant="acme", side="supplier", company="seller", name="Sam")
HTMX = {"hx-request": "true"}


@dataclass
class Tab:
    """A page of Sam's while all services are away; `settings` name the database of his session."""

    http: httpx.AsyncClient
    settings: Settings
    cookie: str
    csrf: str

    async def get(self, path: str, **headers: str) -> httpx.Response:
        return await self.http.get(path, headers={"cookie": f"{COOKIE}={self.cookie}", **_named(headers)})

    async def post(self, path: str, *, data: dict[str, str] | None = None, **headers: str) -> httpx.Response:
        given = {"cookie": f"{COOKIE}={self.cookie}", **_named(headers)}
        return await self.http.post(path, data={"csrf": self.csrf, **(data or {})}, headers=given)

    async def age(self, minutes: int) -> None:
        pool = await db.open_pool(self.settings, "worker")
        await pool.execute("UPDATE sessions SET seen_at = seen_at - make_interval(mins => $1)", minutes)
        await pool.close()


def _named(headers: dict[str, Any]) -> dict[str, str]:
    return {name.replace("_", "-"): value for name, value in headers.items()}


@pytest.fixture
async def tab(fresh_database: FreshDatabase, tmp_path: Path, databases: object) -> AsyncIterator[Tab]:
    keys = ensure_issuer(tmp_path / "issuer")
    given = {"issuer_public": keys.public, "issuer_private": keys.private, "issuer_secret": keys.secret}
    away = {"po_url": NOWHERE, "commlog_url": NOWHERE, "rules_url": NOWHERE, "mailer_url": NOWHERE}
    settings = await fresh_database(Settings, "gateway", **given, **away)
    sessions = Sessions(settings)
    cookie = await sessions.begin(SAM, language="en", zone="UTC")
    session = await sessions.find(cookie)
    await sessions.close()
    assert session
    async with served(build(settings)) as url, httpx.AsyncClient(base_url=url, trust_env=False) as http:
        yield Tab(http, settings, cookie, session.csrf)


@pytest.mark.parametrize(("path", "headers"), [("/purchase-orders", HTMX), ("/correspondences/c1/result", {**HTMX, "hx-trigger": "sends"})])
async def test_a_part_of_a_page_is_told_in_a_line_what_went_wrong(tab: Tab, path: str, headers: dict[str, str]) -> None:
    """A whole page would be put into the page."""
    answer = await tab.get(path, **headers)
    assert (answer.status_code, answer.headers.get("x-problem")) == (503, "service_unavailable")
    assert "<html" not in answer.text


async def test_what_a_page_asks_by_itself_keeps_no_session(tab: Tab) -> None:
    """Whoever went away is signed out after half an hour, although their page has gone on asking."""
    for headers in ({**HTMX, "hx-trigger": "sends"}, {"accept": "text/event-stream"}):
        await tab.age(14)
        await tab.get("/inbox/events" if "accept" in headers else "/correspondences/c1/result", **headers)
    await tab.age(3)
    assert (await tab.get("/purchase-orders")).status_code == 303


async def test_live_news_come_back_when_the_mailer_does_and_stop_when_nobody_is_signed_in(tab: Tab) -> None:
    """A browser that is answered an error never listens again; 204 tells it to stop."""
    answer = await tab.get("/inbox/events", accept="text/event-stream")
    assert (answer.status_code, answer.headers["content-type"].partition(";")[0]) == (200, "text/event-stream")
    assert answer.text.startswith("retry: ")
    tab.cookie = "none"
    assert (await tab.get("/inbox/events", accept="text/event-stream")).status_code == 204


async def test_what_was_posted_in_vain_leads_back_to_the_page_of_the_form(tab: Tab) -> None:
    """The address that a form posts to is no page."""
    back = "/purchase-orders/o1/communication-logs?before=7"
    answer = await tab.post("/purchase-orders/o1/reviews/r1", data={"then": "accept"}, referer=f"http://127.0.0.1{back}")
    assert answer.status_code == 503
    assert f'href="{back}"' in answer.text
    assert 'name="back" value="/purchase-orders/o1/communication-logs"' in answer.text


async def test_whoever_comes_back_by_a_filter_comes_back_to_the_list(tab: Tab) -> None:
    tab.cookie = "none"
    answer = await tab.get("/purchase-orders?status=overdue", **HTMX, hx_current_url="http://127.0.0.1/purchase-orders?status=active")
    assert answer.headers["hx-redirect"] == "/sign-in?ended=1&next=/purchase-orders%3Fstatus%3Dactive"


@pytest.mark.parametrize("path", ["/purchase-orders/a%2Fb", "/correspondences/c1/send", "/nothing"])
async def test_an_address_that_is_none_is_a_page_for_people_and_a_problem_for_programs(tab: Tab, path: str) -> None:
    """A form's own address, too, which stands in the browser when the form was refused without scripts."""
    page = await tab.get(path, accept="text/html,*/*")
    assert (page.status_code, "There is no such page" in page.text) == (404, True)
    assert (await tab.get(path)).headers["content-type"] == "application/problem+json"


async def test_a_key_that_no_page_of_ours_holds_is_refused(tab: Tab) -> None:
    answer = await tab.post("/correspondences/c1/send", data={"key": "\né", "to": "a@b.example", "subject": "x"}, **HTMX)
    assert (answer.status_code, answer.headers.get("x-problem")) == (422, "invalid")


async def test_signing_out_leaves_no_page_behind(tab: Tab) -> None:
    """A step back must not show the next person what the last one has read."""
    answer = await tab.post("/sign-out")
    assert '"cache"' in answer.headers["clear-site-data"]


async def test_while_the_sessions_database_is_away_a_form_is_told_so_in_its_place(tab: Tab) -> None:
    away = tab.settings.model_copy(update={"postgres": type(tab.settings.postgres)("postgresql://postroom@127.0.0.1:9")})
    async with served(build(away)) as url, httpx.AsyncClient(base_url=url, trust_env=False) as http:
        headers = {**HTMX, "cookie": f"{COOKIE}=x", "accept-language": "en"}
        answer = await http.post("/correspondences/c1/send", data={"csrf": "x"}, headers=headers)
    assert (answer.status_code, answer.headers.get("x-problem")) == (503, "away")
    assert "<html" not in answer.text
