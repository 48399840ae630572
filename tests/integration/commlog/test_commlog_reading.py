"""Reading an order's logs and sends: page by page from the newest back, without writing, and without reading a whole table."""

from importlib.resources import files
from typing import Any

import asyncpg
import pytest
from tests.benchmarks.filling import BUYER, Shape, commlog_tables, fill
from tests.integration.commlog.acts import CLIENT, log, opened, send
from tests.integration.commlog.conftest import House
from tests.plans import watched

from postroom.auth import Principal

SHAPE = Shape(orders=2_000, logs=20_000, tenant="acme")
FULL, OTHER = SHAPE.order(0), SHAPE.order(5)
LARGE_TABLES = {"order_refs", "logs", "sends", "sent_logs", "recipients", "correspondences", "history"}
OPERATOR = {"side": "operator", "company": None, "person": "ops"}


async def _pages(house: House, path: str, part: str, limit: int, **who: Any) -> list[list[dict[str, Any]]]:
    """All pages, from the newest back; each says the same total."""
    pages: list[list[dict[str, Any]]] = []
    query = f"?limit={limit}"
    while True:
        answer = (await house.ask("GET", f"{path}{query}", **who)).json()
        if not answer[part]:
            assert answer["total"] == sum(len(page) for page in pages)
            return pages
        pages.append(answer[part])
        query = f"?limit={limit}&before={answer[part][0]['entry']}"


async def test_logs_are_paged_from_the_newest_back(house: House) -> None:
    house.neighbours.add("o1")
    written = [await log(house, f"k{number}", f"Log {number}") for number in range(7)]
    pages = await _pages(house, "/orders/o1/logs", "logs", 3)
    assert [[one["message"] for one in page] for page in pages] == [["Log 4", "Log 5", "Log 6"], ["Log 1", "Log 2", "Log 3"], ["Log 0"]]
    assert [one["log"] for page in reversed(pages) for one in page] == written
    whole = (await house.ask("GET", "/orders/o1/logs", **CLIENT)).json()
    assert ([one["log"] for one in whole["logs"]], whole["total"]) == (written, 7)


async def test_what_the_client_does_not_see_is_not_counted_and_all_means_all_that_it_sees(house: House) -> None:
    await house.ask("PUT", "/log-types", {"types": ["General"], "visible_unsent": False}, **OPERATOR)
    window = await opened(house)
    await log(house, "l2", "Unsent")
    await send(house, window["id"])
    seen = (await house.ask("GET", "/orders/o1/logs?limit=1", **CLIENT)).json()
    assert ([(one["message"], one["sent"]) for one in seen["logs"]], seen["total"]) == ([("Late", True)], 1)
    own = (await house.ask("GET", "/orders/o1/logs")).json()
    assert ([(one["message"], one["sent"]) for one in own["logs"]], own["total"]) == ([("Late", True), ("Unsent", False)], 2)
    frozen = (await house.ask("POST", "/orders/o1/correspondences", {"scope": "all"}, **CLIENT)).json()
    assert [one["message"] for one in frozen["logs"]] == ["Late"]


async def test_sends_are_paged_from_the_newest_back(house: House) -> None:
    window = await opened(house)
    sent = [(await send(house, window["id"], f"s{number}", subject=f"Subject {number}")).json()["send"] for number in range(5)]
    pages = await _pages(house, "/orders/o1/correspondences", "correspondences", 2)
    assert [[one["subject"] for one in page] for page in pages] == [["Subject 3", "Subject 4"], ["Subject 1", "Subject 2"], ["Subject 0"]]
    assert [one["send"] for page in reversed(pages) for one in page] == sent


@pytest.mark.parametrize("query", ["limit=0", "limit=1001", "before=0", "before=x", "before=9007199254740993"])
@pytest.mark.parametrize("part", ["logs", "correspondences"])
async def test_a_page_that_cannot_be_is_refused(house: House, part: str, query: str) -> None:
    house.neighbours.add("o1")
    answer = await house.ask("GET", f"/orders/o1/{part}?{query}")
    assert (answer.status_code, answer.json()["field"]) == (422, query.partition("=")[0])


async def test_looking_at_an_order_again_writes_nothing_and_a_change_is_kept(house: House) -> None:
    window = await opened(house)
    await house.ask("GET", "/orders/o1/logs")
    (before,) = await house.rows("SELECT xmin::text, ctid::text, people FROM order_refs")
    for path in ("/orders/o1/logs", "/orders/o1/correspondences", f"/correspondences/{window['id']}"):
        assert (await house.ask("GET", path)).status_code == 200
    assert await house.rows("SELECT xmin::text, ctid::text, people FROM order_refs") == [before]
    house.neighbours.contacts["o1"].pop()
    await house.ask("GET", "/orders/o1/logs")
    (after,) = await house.rows("SELECT xmin::text, ctid::text, people FROM order_refs")
    assert len(after["people"]) == len(before["people"]) - 1


async def test_logs_that_were_sent_before_the_migration_stay_sent(house: House) -> None:
    window = await opened(house)
    await send(house, window["id"])
    connection = await asyncpg.connect(house.settings.dsn)
    await connection.execute("TRUNCATE sent_logs")
    migration = (files("commlog_service") / "migrations" / "0005_reading.sql").read_text("utf-8")
    await connection.execute(migration[migration.index("INSERT INTO sent_logs") : migration.index("ALTER TABLE sent_logs")])
    await connection.close()
    assert [one["sent"] for one in (await house.ask("GET", "/orders/o1/logs")).json()["logs"]] == [True]


PAGES = (
    f"/orders/{FULL}/logs?limit=50",
    f"/orders/{FULL}/logs?limit=50&before=1500",
    f"/orders/{OTHER}/logs",
    f"/orders/{OTHER}/correspondences?limit=20",
    f"/orders/{OTHER}/correspondences?limit=20&before=1000",
    "/correspondences/bulk-window-5",
)


async def test_no_page_reads_a_whole_table(house: House) -> None:
    await fill(house.settings.dsn, commlog_tables(SHAPE))
    for order, number in ((FULL, 0), (OTHER, 5)):
        house.neighbours.add(order, supplier=SHAPE.supplier(number))
    read_whole = {}
    async with watched(house.app.state.wiring.api) as asked:
        for visible in (True, False):
            await house.ask("PUT", "/log-types", {"types": ["General"], "visible_unsent": visible}, **OPERATOR)
            for side, person, first, second in (("supplier", "sam", SHAPE.supplier(0), SHAPE.supplier(5)), ("client", "bea", BUYER, BUYER)):
                for page in PAGES:
                    company = first if FULL in page else second
                    asked.forget()
                    answer = await house.ask("GET", page, side=side, person=person, company=company)
                    # A window is its own side's.
                    assert answer.status_code == (404 if "window" in page and side == "client" else 200), (page, answer.text)
                    principal = Principal.model_validate({"person": person, "tenant": "acme", "side": side, "company": company})
                    if scanned := (await asked.scanned(principal)) & LARGE_TABLES:
                        read_whole[page, side, visible] = scanned
    assert read_whole == {}
    page = (await house.ask("GET", PAGES[1], company=SHAPE.supplier(0))).json()
    assert (page["logs"][-1]["entry"], len(page["logs"]), page["total"]) == (1499, 50, 2_009)
