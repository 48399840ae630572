"""po-service's intake on a real database, and documents for it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from typing import Any

import orjson

from po_service.domain.decoding import Decoder
from po_service.handlers import Handlers
from po_service.settings import Settings
from postroom import db
from postroom.blobs import Blobs
from postroom.contracts.emitters import Emitter
from postroom.contracts.record import Record
from postroom.db import Pool
from postroom.intake import Intake, Tally

SAMPLES = Path(__file__).parents[2] / "samples"
REGISTER = {
    "peppol": Emitter(name="peppol", tenants=("demo",), endpoints=("*",), ubl_tenant="demo"),
    "other": Emitter(name="other", tenants=("other",), endpoints=("*",), ubl_tenant="other"),
    "second": Emitter(name="second", tenants=("demo",), endpoints=("*",), ubl_tenant="demo"),
    "hospital": Emitter(name="hospital", tenants=("demo",), endpoints=("0088:7300010000001",), ubl_tenant="demo"),
    "consortial": Emitter(name="consortial", tenants=("demo",), endpoints=("0088:7385000000124",), ubl_tenant="demo"),
}
_offsets = count()


def record(value: bytes | None, emitter: str = "peppol", offset: int | None = None) -> Record:
    """Raw XML as it lies in ubl.<emitter>."""
    return Record(f"ubl.{emitter}", 0, next(_offsets) if offset is None else offset, None, (), value, datetime(2026, 11, 23, tzinfo=UTC))


def sample(name: str, **replaced: str) -> bytes:
    """One of our own sample documents, with texts replaced; each must occur."""
    text = (SAMPLES / name).read_text("utf-8")
    for old, new in replaced.items():
        assert old in text, old
        text = text.replace(old, new)
    return text.encode()


def response(**days: str) -> bytes:
    """The seller's promise of other days, l1="2013-03-20"."""
    lines = "".join(
        f"<cac:OrderLine><cac:LineItem><cbc:ID>{line[1:]}</cbc:ID><cbc:LineStatusCode>3</cbc:LineStatusCode><cac:Delivery>"
        f"<cac:PromisedDeliveryPeriod><cbc:EndDate>{day}</cbc:EndDate></cac:PromisedDeliveryPeriod></cac:Delivery>"
        f"<cac:Item><cbc:Name>Item123</cbc:Name></cac:Item><cac:OrderLineReference><cbc:LineID>{line[1:]}</cbc:LineID>"
        "</cac:OrderLineReference></cac:LineItem></cac:OrderLine>"
        for line, day in days.items()
    )
    change = sample("change-1.xml").decode()
    head, tail = change.split("<cac:OrderLine>", 1)[0], "</OrderResponse>"
    head = head.replace("OrderChange", "OrderResponse").replace(
        "<cbc:ID>Change-1</cbc:ID>", f"<cbc:ID>R-{'-'.join(days.values())}</cbc:ID>"
    )
    head = head.replace(
        "<cbc:SequenceNumberID>1</cbc:SequenceNumberID>",
        "<cbc:OrderResponseCode>CA</cbc:OrderResponseCode><cbc:DocumentCurrencyCode>EUR</cbc:DocumentCurrencyCode>",
    )
    return (head + lines + tail).encode()


@dataclass
class Room:
    """One instance of the service's intake."""

    pool: Pool
    intake: Intake
    settings: Settings

    async def take(self, *values: bytes, emitter: str = "peppol") -> Tally:
        """One batch."""
        return await self.intake.process([record(value, emitter) for value in values], "test")

    async def column(self, query: str, *arguments: Any) -> list[Any]:
        return [row[0] for row in await self.pool.fetch(query, *arguments)]

    async def outcomes(self) -> list[tuple[str, str]]:
        """(kind, outcome) of each document, in order."""
        return [tuple(row) for row in await self.pool.fetch("SELECT kind, outcome FROM ubl_documents ORDER BY id")]

    async def parked(self) -> list[str]:
        """The reasons; what the database refused is a fault of ours, so its detail is shown."""
        return await self.column("SELECT CASE reason WHEN 'refused_by_database' THEN detail ELSE reason END FROM parked ORDER BY id")

    async def published(self, topic: str = "purchasing") -> list[dict[str, Any]]:
        """The facts in the outbox."""
        return [orjson.loads(value) for value in await self.column("SELECT value FROM outbox WHERE topic = $1 ORDER BY id", topic)]


@asynccontextmanager
async def instance(settings: Settings) -> AsyncIterator[Room]:
    """An instance of the service: a pool and an intake of its own."""
    pool = await db.open_pool(settings, "worker")
    handlers = Handlers(settings.service, Blobs(settings.blobs))
    try:
        yield Room(pool, Intake(service=settings.service, pool=pool, decode=Decoder(REGISTER), handle=handlers.take_in), settings)
    finally:
        await pool.close()


COMPANY = "INSERT INTO companies (tenant, id, side, name) VALUES ('demo', 'b', 'client', 'B')"


def orders_of(number: int, issued: str) -> str:
    """So many orders o1, o2, … of that company under contract c, without lines, as one statement."""
    return f"""
        INSERT INTO orders (id, tenant, number, issue_date, buyer, buyer_name, buyer_endpoint, supplier, supplier_name, supplier_endpoint,
                            currency, contract, contract_number, reference, note, response_code, sequence, cancelled, version,
                            fully_delivered, number_key)
        SELECT 'o' || i, 'demo', 'N' || i, '{issued}', 'b', 'B', 'x', 's', 'S', 'y', 'EUR', 'c', 'C', '', '', '', 0, false, 1,
               false, 'n' || i
        FROM generate_series(1, {number}) AS i
    """  # noqa: S608 - a test's own values
