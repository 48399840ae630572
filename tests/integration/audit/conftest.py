"""commlog-service on a real port, with a real Postgres and Kafka, and orders on which a lot has happened."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import asyncpg
import httpx
import pytest
from tests.conftest import FreshDatabase
from tests.integration.commlog.conftest import NOWHERE, House, Neighbours
from tests.integration.gateway.conftest import served

from commlog_service import handlers
from commlog_service.app import build
from commlog_service.remote import MailerService, PoService
from commlog_service.settings import Settings
from embedded.issuer import ensure_issuer
from postroom import db
from postroom.contracts import event
from postroom.contracts.messages import Cause
from postroom.contracts.outcomes import EnvelopeOutcome
from postroom_cli import heads
from postroom_cli.heads import Published

OPERATOR = {"side": "operator", "company": None, "person": "ops"}
SUPPLIER = {"side": "supplier", "company": "seller", "person": "sam"}
CLIENT = {"side": "client", "company": "buyer", "person": "bea"}
_ON_THEIR_WAY = """
    SELECT (SELECT count(*) FROM unfiled_heads) + (SELECT count(*) FROM outbox WHERE published_at IS NULL AND topic = 'history')
"""
ORDERS = ("o1", "o2", "o3", "o4")


@dataclass
class Archive:
    """The running service, its tenant, and a connection with the rights of the database's owner."""

    house: House
    tenant: str
    owner: db.Connection
    url: str
    run: Path

    async def ask(self, method: str, path: str, body: Any = None, **more: Any) -> Any:
        """A call that must succeed; → its JSON."""
        answer = await self.house.ask(method, path, body, tenant=self.tenant, **more)
        assert answer.is_success, answer.text
        return answer.json()

    async def log(self, order: str, message: str, **who: Any) -> str:
        body = {"type": "General", "message": message}
        return str((await self.ask("POST", f"/orders/{order}/logs", body, key=uuid4().hex, **who))["log"])

    async def send(self, order: str, subject: str, **more: Any) -> str:
        """All logs so far, to Bea and the board."""
        window = (await self.ask("POST", f"/orders/{order}/correspondences", {"scope": "all"}, **SUPPLIER))["id"]
        body = {"contacts": ["bea"], "to": ["board@buyer.example"], "subject": subject, **more}
        return str((await self.ask("POST", f"/correspondences/{window}/send", body, key=uuid4().hex, **SUPPLIER))["send"])

    async def outcomes(self, *told: tuple[str, str, str, int]) -> None:
        """(send, address, state, attempt), a batch, as the intake hands it over."""
        async with self.house.app.state.wiring.worker.acquire() as connection, connection.transaction():
            await self.outcomes_on(connection, *told)

    async def outcomes_on(self, connection: db.Connection, *told: tuple[str, str, str, int]) -> None:
        events = [event.new(_outcome(*one), source="mailer-service", subject="e", tenant=self.tenant, key="k") for one in told]
        await handlers.record_outcomes(connection, events)

    async def published(self) -> dict[str, Published]:
        """The heads as the command reads them, once all are out."""
        async with asyncio.timeout(20):
            while await self.owner.fetchval(_ON_THEIR_WAY):  # noqa: ASYNC110 - what is waited for stands in a database
                await asyncio.sleep(0.05)
        kafka = await asyncio.to_thread(heads.from_kafka, self.house.settings.kafka, self.tenant, lambda *_: None)
        return {"kafka": kafka, "file": heads.from_files([self.house.settings.heads], self.tenant)}


def _outcome(send: str, address: str, state: str, attempt: int) -> EnvelopeOutcome:
    return EnvelopeOutcome(
        message=f"m-{send}",
        envelope=f"e-{address}",
        address=address,
        correspondence=send,
        state=state,
        attempt=attempt,
        code=250 if state == "sent" else 550,
        detail=f"{state} at {attempt}",
        sha256="ab" * 32 if state == "sent" else "",
        at=datetime.now(UTC) + timedelta(seconds=attempt),
        cause=Cause(emitter="commlog-service", source="commlog-service", id=send, type="CorrespondenceRequested.v1"),
    )


@pytest.fixture
async def archive(fresh_database: FreshDatabase, tmp_path: Path, kafka: str) -> AsyncIterator[Archive]:
    """The service, with nothing written yet."""
    run = tmp_path / ".run"
    keys = ensure_issuer(run / "issuer")
    settings = await fresh_database(Settings, "commlog_service", kafka=kafka, issuer_public=keys.public, po_url=NOWHERE, mailer_url=NOWHERE)
    neighbours, app = Neighbours(), build(settings)
    tenant = f"audit-{uuid4().hex[:8]}"
    for order in ORDERS:
        neighbours.add(order, tenant)
    transport = httpx.ASGITransport(neighbours.app(keys.public.read_bytes()))
    owner = await asyncpg.connect(settings.dsn)
    await db._set_up_json(owner)
    async with (
        served(app) as url,
        httpx.AsyncClient(transport=transport, base_url="http://neighbour") as near,
        httpx.AsyncClient(base_url=url, trust_env=False, timeout=20) as http,
    ):
        app.state.wiring = replace(app.state.wiring, po=PoService(near), mailer=MailerService(near))
        house = House(app, settings, neighbours, http, keys.private.read_bytes(), lambda: None, lambda: None)
        yield Archive(house, tenant, owner, url, run)
    await owner.close()


@pytest.fixture
async def filled(archive: Archive) -> Archive:
    """All four orders."""
    await fill(archive, ORDERS)
    return archive


async def fill(archive: Archive, orders: tuple[str, ...]) -> None:
    """Logs of both sides, two sends with outcomes each, and on the third order an erased log."""
    for order in orders:
        await archive.log(order, f"Ten pieces are late on {order}", **SUPPLIER)
        spoken = await archive.log(order, f"When do they come? Ärger wegen {order}", **CLIENT)
        first = await archive.send(order, f"Late: {order}", documents=[f"doc-{order}"])
        await archive.outcomes((first, "bea@buyer.example", "deferred", 1), (first, "board@buyer.example", "bounced", 1))
        await archive.log(order, "They come on Friday.", **SUPPLIER)
        second = await archive.send(order, f"Friday: {order}", attach_pdf=True)
        await archive.outcomes((first, "bea@buyer.example", "sent", 2), (second, "bea@buyer.example", "sent", 1))
        await archive.log(order, "Thank you.", **CLIENT)
        if order == "o3":
            body = {"order": order, "ref": spoken, "reason": "Article 17 GDPR, case 12"}
            await archive.ask("POST", "/operations/history/erasures", body, **OPERATOR)
