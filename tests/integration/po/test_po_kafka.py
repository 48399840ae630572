"""The whole service on a real broker: raw XML in, facts out."""

import asyncio
from pathlib import Path
from uuid import uuid4

import orjson
from aiokafka import AIOKafkaConsumer
from tests.conftest import FreshDatabase
from tests.integration.po.door import OPERATOR, opened
from tests.integration.po.support import sample

from embedded.issuer import ensure_issuer
from po_service.settings import Settings
from postroom import broker


async def test_documents_come_in_and_facts_go_out(fresh_database: FreshDatabase, kafka: str, tmp_path: Path) -> None:
    keys = ensure_issuer(tmp_path / "issuer")
    settings = await fresh_database(Settings, "po_service", kafka=kafka, issuer_public=keys.public)
    number = f"K-{uuid4()}"
    documents = [sample(name, **{"<cbc:ID>4321<": f"<cbc:ID>{number}<"}) for name in ("despatch-4321.xml", "order-4321.xml")]
    reader = AIOKafkaConsumer("purchasing", bootstrap_servers=kafka, auto_offset_reset="earliest")
    producer = broker.new_producer(kafka)
    await reader.start()
    await producer.start()
    try:
        async with opened(settings, keys.private.read_bytes()) as door:
            for document in (*documents, *documents, b"<broken"):
                await producer.send_and_wait("ubl.peppol", document, key=number.encode())
            async with asyncio.timeout(60):
                async for record in reader:
                    fact = orjson.loads(record.value)
                    if fact.get("order", {}).get("number") == number:
                        break
            while (status := await door.get(OPERATOR, "/operations/status"))["parked"] < 1:  # noqa: ASYNC110 - what it waits for is elsewhere
                await asyncio.sleep(0.1)
    finally:
        await reader.stop()
        await producer.stop()
    assert dict(record.headers)["ce_type"] == b"DeliveryNoteRecorded.v1"
    assert (fact["number"], record.key.decode()) == ("D-1", fact["order"]["id"])
    assert status["duplicates"] == {"peppol": 2}
