"""How long a PDF takes, how much memory, and how many pages, in a new worker and under the ceiling: python -m tests.benchmarks.pdf_ceiling.

Memory is the worker's largest resident set and its largest address space, which the ceiling bounds.
"""

import asyncio
import sys
import time
from io import BytesIO
from pathlib import Path

from pypdf import PdfReader

from mailer_service.pdf import PdfFailedError, Pdfs
from mailer_service.settings import Settings
from postroom.contracts.commlog import Author, FrozenLog, FrozenLogs
from postroom.contracts.purchasing import OrderRef

SETS = [(1, 300), (200, 300), (200, 1_000), (200, 3_000), (1, 20_000), (50, 20_000), (200, 20_000)]
WORDS = "The rest of the delivery follows on Friday. Žluťoučký kůň, Καλημέρα, Привет: "
ORDER = OrderRef(id="order-1", number="4711", supplier="Bürobedarf Huber GmbH")
AUTHORS = [
    Author(person="h", name="Jörg Huber", company="Bürobedarf Huber GmbH", side="supplier"),
    Author(person="l", name="Żaneta Łukasiewicz", company="City of Vienna", side="client"),
]


def frozen(number: int, characters: int) -> FrozenLogs:
    """So many logs of so many characters, from both sides in turn."""
    message = (WORDS * (characters // len(WORDS) + 1))[:characters].strip()
    logs = [
        FrozenLog(log=f"l{n}", log_type="Delivery", message=message, author=AUTHORS[n % 2], created_at=f"2026-11-20T08:{n % 60:02}:00Z")
        for n in range(number)
    ]
    return FrozenLogs(
        order=ORDER, buyer="City of Vienna", subject="Purchase order 4711: communication log", zone="Europe/Vienna", logs=logs
    )


def memory(pid: int) -> dict[str, int]:
    """A process's VmHWM and VmPeak, in MB."""
    lines = (line.partition(":") for line in Path(f"/proc/{pid}/status").read_text("utf-8").splitlines())
    return {name: int(value.split()[0]) // 1024 for name, _, value in lines if name in ("VmHWM", "VmPeak")}


async def measure(number: int, characters: int) -> str:
    """One line of the table."""
    settings = Settings()
    pdfs = Pdfs(seconds=settings.pdf_seconds, memory=settings.pdf_memory)
    await pdfs.logs(frozen(1, 10))
    worker = next(one._worker for one in pdfs._workers if one._worker)  # the one that has started
    pid, start = worker.pid, time.perf_counter()
    try:
        made = await pdfs.logs(frozen(number, characters))
        used = memory(pid)
        pages, size = len(PdfReader(BytesIO(made)).pages), len(made) // 1024
        what = f"{pages:5} pages  {size:6} kB  {used['VmHWM']:4} MB resident  {used['VmPeak']:4} MB in all"
    except PdfFailedError as error:
        what = str(error)
    seconds = time.perf_counter() - start
    await pdfs.close()
    return f"{number:4} logs of {characters:6} characters  {seconds:6.2f} s  {what}"


if __name__ == "__main__":
    for one in SETS:
        sys.stdout.write(asyncio.run(measure(*one)) + "\n")
        sys.stdout.flush()
