"""How many mails a second the mailer sends of a burst: intake → rendered → SMTP's 250 → recorded.

fsync is on; the mailbox and the database share this machine.

.venv/bin/python -m tests.benchmarks.mailer_burst [messages]
"""

import asyncio
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

import structlog
import uvloop
from pydantic import SecretStr
from tests.infrastructure import native_postgres
from tests.integration.mailer.wishes import requested

from embedded.mailbox.server import Mailbox
from mailer_service import handlers
from mailer_service.compose import Composer
from mailer_service.customer.templates import Templates
from mailer_service.links import Links
from mailer_service.pdf import Pdfs
from mailer_service.render import TEMPLATES, Renderer
from mailer_service.sender.process import Sender
from mailer_service.settings import Settings
from postroom import db
from postroom.blobs import Blobs
from postroom.contracts import cloudevents, topics
from postroom.contracts.reading import Reader
from postroom.contracts.record import Record
from postroom.db import Pool
from postroom.intake import Intake

BATCH = 500


def records(number: int) -> list[Record]:
    """The burst, as Kafka would bring it."""
    found = []
    for n in range(number):
        headers, value = cloudevents.encode(requested(email=f"p{n}@example.com"))
        found.append(Record("messages", 0, n, b"order-1", tuple(headers), value, datetime.now(UTC)))
    return found


async def sent(pool: Pool) -> int:
    return int(await pool.fetchval("SELECT count(*) FROM attempts WHERE result = 'sent'"))


async def burst(settings: Settings, number: int) -> None:
    await db.migrate(settings, "mailer_service")
    pool = await db.open_pool(settings, "worker")
    # As the consumer does before it reads: these data are the newest.
    await pool.execute("INSERT INTO compared (start) VALUES (this_start()) ON CONFLICT (single) DO UPDATE SET start = this_start()")
    renderer = Renderer(TEMPLATES)
    pdfs = Pdfs(seconds=15, memory=1 << 30)
    composer = Composer(Templates(renderer), Blobs(settings.blobs), pdfs, settings.mail_from, Links(settings.public_url, settings.page_url))
    intake = Intake(service=settings.service, pool=pool, decode=Reader(topics.declared(()), {}), handle=handlers.tell)
    sender = asyncio.create_task(Sender(pool, settings, composer).run())
    burst_records = records(number)
    await asyncio.sleep(0.5)
    started, cpu = time.perf_counter(), time.process_time()
    for start in range(0, number, BATCH):
        await intake.process(burst_records[start : start + BATCH], "bench")
    taken_in = time.perf_counter() - started
    while await sent(pool) < number:  # noqa: ASYNC110 - the database is asked, as an operator would
        await asyncio.sleep(0.02)
    seconds, cpu = time.perf_counter() - started, time.process_time() - cpu
    attempts = await pool.fetchval("SELECT count(*) FROM attempts")
    print(f"{number} messages: taken in within {taken_in:.2f} s, all sent and recorded within {seconds:.2f} s")  # noqa: T201 - the result
    print(f"{number / seconds:.0f} mails/s, {cpu / number * 1e6:.0f} ms of the mailer's CPU per 1,000 mails, {attempts} attempts")  # noqa: T201 - the result
    sender.cancel()
    await asyncio.gather(sender, return_exceptions=True)
    await pool.close()


def main() -> None:
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(30))
    number = int(sys.argv[1]) if len(sys.argv) > 1 else 2_000
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "pg").mkdir()
        with native_postgres(folder / "pg") as dsn, Mailbox(folder / "mail") as mailbox:
            settings = Settings(
                postgres=SecretStr(dsn), smtp=SecretStr(mailbox.smtp), blobs=folder / "blobs", pool_size=12, cap_order=10**6
            )
            uvloop.run(burst(settings, number))


if __name__ == "__main__":
    main()
