"""po-service over HTTP and notification-rules behind it, without Kafka: what stands in the one's outbox is handed to the other's intake."""

from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import orjson
from tests.integration.po.door import OPERATOR, Door
from tests.integration.rules.conftest import Rules

from postroom import headers
from postroom.contracts.record import Record
from postroom.db import Pool

TASKS = ("refresh-control-structures", "check-budgets", "due-templates", "check-price-validity", "remind-delivery-notes", "book-receipts")


@dataclass
class House:
    """`told` counts what the rules had told so far: (message type, person, facts) of each MessageRequested."""

    door: Door
    outbox: Pool
    rules: Rules
    read: int = 0
    read_messages: int = 0
    offsets: Counter[str] = field(default_factory=Counter)

    async def put(self, path: str, body: dict[str, Any]) -> Any:
        return await self.door.put(path, body)

    async def post(self, path: str, body: dict[str, Any] | None = None, who: dict[str, Any] = OPERATOR) -> Any:
        answer = await self.door.ask(who, "POST", path, json=body)
        assert answer.is_success, (path, body, answer.text)
        return answer.json()

    async def hand_in(self, paper: bytes) -> None:
        taken = await self.door.hand_in(paper)
        assert taken["outcome"] == "processed", taken

    async def scan(self) -> None:
        """Every daily task, now."""
        for task in TASKS:
            await self.post(f"/tasks/{task}/run")

    async def flow(self) -> list[tuple[str, dict[str, Any]]]:
        """Let what po-service has published reach the rules; returns what they told the mailer since the last time: (type, fact)."""
        rows = await self.outbox.fetch("SELECT id, topic, key, headers, value FROM outbox WHERE id > $1 ORDER BY id", self.read)
        records = [self._record(row) for row in rows]
        if records:
            self.read = rows[-1]["id"]
            await self.rules.intake.process(records, "simulation")
        asked = await self.rules.pool.fetch(
            "SELECT id, headers, value FROM outbox WHERE topic = 'messages' AND id > $1 ORDER BY id", self.read_messages
        )
        self.read_messages = asked[-1]["id"] if asked else self.read_messages
        return [(dict(row["headers"])["ce_type"], orjson.loads(row["value"])) for row in asked]

    def _record(self, row: Any) -> Record:
        offset = self.offsets[row["topic"]]
        self.offsets[row["topic"]] += 1
        return Record(
            row["topic"], 0, offset, row["key"], tuple(headers.from_json(row["headers"])), row["value"], datetime(2026, 1, 1, tzinfo=UTC)
        )
