"""How long a page's answer takes, through the gateway, with 10,000 orders and 100,000 logs; both sides, with real tokens.

`make bench` (or python -m tests.benchmarks.pages --orders 10000 --logs 100000) against an installation that runs (`make up`). The rows are
a tenant's of their own and stay; they are written once. Prints milliseconds, and the CPU time that an answer costs all processes, which
holds on a busy machine too; the same as JSON in bench-pages.json beside the installation's other files.
"""

import argparse
import asyncio
import contextlib
import json
import math
import statistics
import sys
import time
from collections.abc import Awaitable, Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import asyncpg
import httpx
import psutil
from rich.console import Console
from rich.progress import Progress
from rich.table import Table
from tests.benchmarks.filling import BUYER, LINES, Shape, Tables, commlog_tables, fill, po_tables

from postroom import clock

TENANT, TARGET_MS = "bench", 100.0
WARM_UP = 5
console = Console(highlight=False)
SignIn = Callable[[httpx.AsyncClient, dict[str, Any], str], Awaitable[None]]
SUPPLIER, CLIENT = "bulk-supplier-00-sales", f"{BUYER}-07"


async def bearer(http: httpx.AsyncClient, endpoints: dict[str, Any], person: str) -> None:
    """A token in the header, as UI teams send it."""
    http.headers["authorization"] = f"Bearer {await _token(http, endpoints, person)}"


async def session(http: httpx.AsyncClient, endpoints: dict[str, Any], person: str) -> None:
    """A session of the web page. The cookie is set by hand: httpx keeps Secure ones back on http, where browsers trust 127.0.0.1."""
    answer = await http.post("/sign-in", data={"token": await _token(http, endpoints, person)})
    http.headers["cookie"] = answer.headers["set-cookie"].partition(";")[0]


async def _token(http: httpx.AsyncClient, endpoints: dict[str, Any], person: str) -> str:
    secret = {"X-Issuer-Secret": endpoints["issuer_secret"]}
    answer = await http.post("/token", json={"person": person, "tenant": TENANT}, headers=secret)
    return str(answer.raise_for_status().json()["token"])


@dataclass(frozen=True)
class Page:
    """A page to measure: `{order}` is another order each time, all of the largest supplier's; `sign_in` gets a client its rights."""

    name: str
    path: str
    sign_in: SignIn = bearer
    people: tuple[str, ...] = (SUPPLIER, CLIENT)


# THE table: a page more is a line more. `{big}` has a tenth of all logs, `{sent}` has been sent from.
PAGES = (
    Page("orders", "/api/orders"),
    Page("orders, number", "/api/orders?number=po-00{two}"),
    Page("orders, shipment", "/api/orders?shipment=dn-00{two}"),
    Page("orders, issued", "/api/orders?issued_from=2025-03-01&issued_to=2025-03-31"),
    Page("orders, backorder", "/api/orders?backorder=true"),
    Page("orders, active", "/api/orders?status=active&zone=Europe/Vienna"),
    Page("orders, expiring soon", "/api/orders?status=expiring-soon"),
    Page("orders, overdue", "/api/orders?status=overdue"),
    Page("orders, delivered", "/api/orders?status=delivered"),
    Page("orders, cancelled", "/api/orders?status=cancelled"),
    Page("orders, several", "/api/orders?status=overdue&backorder=true&issued_from=2025-01-01&number=po-00"),
    Page("orders, any shipment", "/api/orders?shipment=dn"),
    Page("orders, page 100", "/api/orders?offset=4950"),
    Page("orders, page 200", "/api/orders?offset=9950", people=(CLIENT,)),
    Page("order", "/api/orders/{order}"),
    Page("contacts", "/api/orders/{order}/contacts"),
    Page("documents", "/api/orders/{order}/documents"),
    Page("logs", "/api/orders/{order}/logs"),
    Page("logs, of thousands", "/api/orders/{big}/logs?limit=50"),
    Page("logs, far back", "/api/orders/{big}/logs?limit=50&before=200"),
    Page("correspondences", "/api/orders/{sent}/correspondences"),
    Page("a correspondence", "/api/correspondences/bulk-window-{sent_number}", people=(SUPPLIER,)),
    Page("log types", "/api/log-types"),
    Page("inbox", "/api/inbox"),
    # The same as a person sees it, in HTML.
    Page("page: orders", "/purchase-orders", session),
    Page("page: orders, overdue", "/purchase-orders?status=overdue", session),
    Page("page: orders, far back", "/purchase-orders?start=4950", session),
    Page("page: lines", "/purchase-orders/{order}", session),
    Page("page: documents", "/purchase-orders/{order}/documents", session),
    Page("page: contacts", "/purchase-orders/{order}/contacts", session),
    Page("page: deliveries", "/purchase-orders/{order}/deliveries", session),
    Page("page: logs", "/purchase-orders/{order}/communication-logs", session),
    Page("page: logs, of thousands", "/purchase-orders/{big}/communication-logs", session),
    Page("page: correspondence", "/purchase-orders/{sent}/correspondence", session),
    Page("page: generator", "/correspondences/bulk-window-{sent_number}", session, people=(SUPPLIER,)),
    Page("page: inbox", "/inbox", session),
)


@dataclass(frozen=True)
class Measured:
    """Milliseconds of one page for one person; `cpu`: of all the house's processes, an answer; `bytes` of the last answer."""

    page: str
    person: str
    path: str
    times: int
    p50: float
    p95: float
    max: float
    cpu: float
    bytes: int


async def main(arguments: argparse.Namespace) -> int:
    """Fill, measure, print; 1 when a page is slower than the target."""
    endpoints = json.loads((arguments.run / "endpoints.json").read_bytes())
    shape = Shape(arguments.orders, arguments.logs, tenant=TENANT)
    await _fill(endpoints["postgres"], shape)
    measured = await _measure(endpoints, shape, arguments.times)
    (arguments.run / "bench-pages.json").write_text(json.dumps([asdict(one) for one in measured], indent=1))
    _show(measured)
    slow = [one for one in measured if one.p95 >= TARGET_MS]
    console.print(f"{len(measured) - len(slow)} of {len(measured)} below p95 {TARGET_MS:.0f} ms; {arguments.run / 'bench-pages.json'}")
    return 1 if slow else 0


async def _fill(postgres: str, shape: Shape) -> None:
    connection = await asyncpg.connect(f"{postgres}/po_service")
    known = await connection.fetchval("SELECT count(*) FROM orders WHERE tenant = $1", shape.tenant)
    await connection.close()
    if known == shape.orders:
        return
    if known:
        sys.exit(f"the tenant {shape.tenant} has {known} orders and not {shape.orders}: `make clean`, or ask for {known}")
    with Progress(console=console, transient=True) as progress:
        rows = shape.orders * (LINES + 6) + shape.logs
        bar = progress.add_task("rows written", total=rows)

        def told(table: str, written: int) -> None:
            progress.update(bar, advance=written, description=table)

        parts: dict[str, Tables] = {"po_service": po_tables(shape, clock.today("UTC")), "commlog_service": commlog_tables(shape)}
        for database, tables in parts.items():
            await fill(f"{postgres}/{database}", tables, told)


async def _measure(endpoints: dict[str, Any], shape: Shape, times: int) -> list[Measured]:
    found = []
    with Progress(console=console, transient=True) as progress:
        bar = progress.add_task("pages", total=sum(len(page.people) for page in PAGES))
        for page in PAGES:
            for person in page.people:
                async with httpx.AsyncClient(base_url=endpoints["gateway_url"], timeout=30, trust_env=False) as http:
                    await page.sign_in(http, endpoints, person)
                    found.append(await _one(http, page, person, shape, (times, list(endpoints["pids"].values()))))
                progress.update(bar, advance=1, description=page.name)
    return found


async def _one(http: httpx.AsyncClient, page: Page, person: str, shape: Shape, effort: tuple[int, list[int]]) -> Measured:
    times, pids = effort
    for number in range(WARM_UP):
        await _get(http, person, _path(page, shape, number))
    before, spent, size = _cpu(pids), [], 0
    for number in range(times):
        path = _path(page, shape, number + WARM_UP)
        began = time.perf_counter()
        size = len(await _get(http, person, path))
        spent.append((time.perf_counter() - began) * 1000)
    cpu = sum(seconds - before.get(pid, 0) for pid, seconds in _cpu(pids).items()) * 1000 / times
    spent.sort()
    p95 = spent[math.ceil(len(spent) * 0.95) - 1]
    return Measured(page.name, person, page.path, times, statistics.median(spent), p95, spent[-1], cpu, size)


async def _get(http: httpx.AsyncClient, person: str, path: str) -> bytes:
    answer = await http.get(path)
    if answer.status_code != httpx.codes.OK:
        sys.exit(f"GET {path} as {person} was answered {answer.status_code}: {answer.text[:500]}")
    return answer.content


def _cpu(pids: list[int]) -> dict[int, float]:
    """CPU seconds so far of each of these processes and their children."""
    found = {}
    for pid in pids:
        # A worker of Postgres may end while we look.
        with contextlib.suppress(psutil.NoSuchProcess):
            one = psutil.Process(pid)
            for process in (one, *one.children(recursive=True)):
                with contextlib.suppress(psutil.NoSuchProcess):
                    times = process.cpu_times()
                    found[process.pid] = float(times.user + times.system)
    return found


def _path(page: Page, shape: Shape, number: int) -> str:
    # Of the first supplier: even ones; sent from: every fifth of them.
    order, sent = number * 2 % shape.orders, number * 10 % shape.orders
    return page.path.format(
        order=shape.order(order),
        sent=shape.order(sent),
        sent_number=sent,
        big=shape.order(0),
        two=f"{number * 7 % (shape.orders // 100):02d}",
    )


def _show(measured: list[Measured]) -> None:
    table = Table("page", "as", "p50 ms", "p95 ms", "max ms", "CPU ms", "bytes", box=None, header_style="dim")
    for one in measured:
        side = "supplier" if one.person == SUPPLIER else "client"
        figures = (f"{one.p50:.1f}", f"{one.p95:.1f}", f"{one.max:.1f}", f"{one.cpu:.1f}", f"{one.bytes:,}")
        table.add_row(one.page, side, *figures, style="bold red" if one.p95 >= TARGET_MS else "")
    console.print(table)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--orders", type=int, default=10_000)
    parser.add_argument("--logs", type=int, default=100_000)
    parser.add_argument("--times", type=int, default=100, help="requests per page and person")
    parser.add_argument("--run", type=Path, default=Path(".run"), help="the installation's folder")
    sys.exit(asyncio.run(main(parser.parse_args())))
