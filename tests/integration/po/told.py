"""What po-service has told, and the day that it takes it to be."""

from datetime import UTC, datetime
from typing import Any

import asyncpg
import orjson
import pytest
from tests.integration.po.door import OPERATOR, Door

from postroom import clock

ACME = {"name": "Acme", "side": "client", "zone": "Europe/Vienna"}


async def told(door: Door, fact: str, topic: str = "purchasing") -> list[dict[str, Any]]:
    """The facts of this type in the outbox, the attributes of their events beside them."""
    connection = await asyncpg.connect(door.settings.dsn)
    rows = await connection.fetch("SELECT headers, value FROM outbox WHERE topic = $1 ORDER BY id", topic)
    await connection.close()
    events = [(dict(orjson.loads(row["headers"])), orjson.loads(row["value"])) for row in rows]
    return [{**attributes, **data} for attributes, data in events if attributes["ce_type"] == f"{fact}.v1"]


async def run(door: Door, task: str, as_of: str | None = None) -> int:
    """How many events it raised."""
    answer = await door.ask(OPERATOR, "POST", f"/tasks/{task}/run", params={"as_of": as_of} if as_of else {})
    assert answer.status_code == 200, answer.text
    return int(answer.json()["raised"])


def at(monkeypatch: pytest.MonkeyPatch, moment: str) -> None:
    """Business time stands about here from now on; one without an offset is UTC."""
    given = datetime.fromisoformat(moment)
    monkeypatch.setattr(clock, "_OFFSET", (given if given.tzinfo else given.replace(tzinfo=UTC)) - datetime.now(UTC))
