"""A burst of events through the whole house: from the first record in Kafka to the last 250 that is recorded.

`make bench` (or python -m tests.benchmarks.burst [MAILS]) against an installation that runs (`make up`). Prints mails per second and the
CPU seconds per 1,000 mails of each process; fsync is on, nothing is relaxed.
"""

import asyncio
import json
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

import asyncpg
import httpx
import psutil
from aiokafka import AIOKafkaProducer
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

PEOPLE = 50
_PATIENCE = 300
console = Console(highlight=False)


async def main(mails: int, endpoints: dict[str, Any]) -> None:
    """Write the burst, wait for the last result, print the figures."""
    run = uuid4().hex[:8]
    people = await _people(endpoints)
    before = _cpu(endpoints)
    began = datetime.now(UTC)
    await _write(endpoints["kafka"], run, mails, people)
    first, last, sent = await _wait(endpoints["postgres"], run, mails)
    used = {name: seconds - before.get(name, 0) for name, seconds in _cpu(endpoints).items()}
    seconds = (last - began).total_seconds()
    console.print(f"[bold]{sent} mails in {seconds:.2f} s: {sent / seconds:.0f} mails/s[/] (first record written → last 250 recorded)")
    console.print(f"first 250 recorded after {(first - began).total_seconds():.2f} s")
    table = Table("process", "CPU s per 1,000 mails", box=None, header_style="dim")
    for name, spent in sorted(used.items(), key=lambda pair: -pair[1]):
        table.add_row(name, f"{spent / mails * 1000:.2f}")
    table.add_row("all", f"{sum(used.values()) / mails * 1000:.2f}", style="bold")
    console.print(table)


async def _people(endpoints: dict[str, Any]) -> list[str]:
    """Recipients of the burst's own, in the directory."""
    async with httpx.AsyncClient(base_url=endpoints["gateway_url"], timeout=30) as http:
        secret = {"X-Issuer-Secret": endpoints["issuer_secret"]}
        answer = await http.post("/token", json={"person": "operator", "tenant": "demo"}, headers=secret)
        token = answer.raise_for_status().json()["token"]
        ids = [f"burst-{n:02d}" for n in range(PEOPLE)]
        for one in ids:
            body = {"name": f"Burst {one}", "email": f"{one}@burst.example"}
            (await http.put(f"/api/people/{one}", json=body, headers={"Authorization": f"Bearer {token}"})).raise_for_status()
    await asyncio.sleep(2)
    return ids


async def _write(kafka: str, run: str, mails: int, people: list[str]) -> None:
    async with AIOKafkaProducer(bootstrap_servers=kafka, enable_idempotence=True, acks="all", linger_ms=5) as producer:
        sent = [await producer.send("in.erp", **_record(run, n, people[n % PEOPLE])) for n in range(mails)]
        await asyncio.gather(*sent)


def _record(run: str, n: int, person: str) -> dict[str, Any]:
    order = f"{run}-{n:05d}"
    line = {"item": "Fuse 16 A, type C", "quantity": "12.5", "unit": "C62", "ordered_by": person}
    data = {
        "receipt": order,
        "booking": "automatic",
        "order": {"id": order, "number": order, "supplier": "Burst AG"},
        "note_number": f"DN-{order}",
        "booked_at": "2026-11-20T09:30:00Z",
        "lines": [{"line": str(i), **line} for i in range(1, 11)],
    }
    attributes = {"specversion": "1.0", "id": order, "source": "/bench", "type": "GoodsReceived.v1", "subject": order, "tenant": "demo"}
    headers = [(f"ce_{name}", value.encode()) for name, value in attributes.items()]
    return {"key": order.encode(), "headers": headers, "value": json.dumps(data).encode()}


async def _wait(postgres: str, run: str, mails: int) -> tuple[datetime, datetime, int]:
    connection = await asyncpg.connect(f"{postgres}/mailer_service")
    query = """
        SELECT min(a.settled_at) AS first, max(a.settled_at) AS last, count(*) AS sent
        FROM attempts a JOIN envelopes e ON e.id = a.envelope JOIN messages m ON m.id = e.message
        WHERE a.result = 'sent' AND m.order_number LIKE $1
    """
    deadline, found = time.monotonic() + _PATIENCE, 0
    try:
        with Progress(console=console, transient=True) as progress:
            bar = progress.add_task("mails recorded as sent", total=mails)
            while time.monotonic() < deadline:
                (row,) = await connection.fetch(query, f"{run}-%")
                found = row["sent"]
                progress.update(bar, completed=found)
                if found >= mails:
                    return row["first"], row["last"], found
                await asyncio.sleep(0.5)
    finally:
        await connection.close()
    sys.exit(f"only {found} of {mails} mails were recorded as sent after {_PATIENCE} s")


def _cpu(endpoints: dict[str, Any]) -> dict[str, float]:
    """CPU seconds so far of each process and its children."""
    pids: dict[str, int] = json.loads(_endpoints_file().read_bytes())["pids"] if _endpoints_file().exists() else endpoints["pids"]
    return {name: _seconds(pid) for name, pid in pids.items() if name != "supervisor" and psutil.pid_exists(pid)}


def _seconds(pid: int) -> float:
    process = psutil.Process(pid)
    total = 0.0
    for one in (process, *process.children(recursive=True)):
        times = one.cpu_times()
        total += times.user + times.system
    return total


def _endpoints_file() -> Path:
    return Path(".run/endpoints.json")


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]) if len(sys.argv) > 1 else 2000, json.loads(_endpoints_file().read_bytes())))
