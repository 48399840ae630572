"""A service as its own composition root puts it together, except that the records come from the test instead of Kafka."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from tests.conftest import FreshDatabase

from embedded.issuer import ensure_issuer
from postroom import broker
from postroom.db import Pool
from postroom.intake import Intake

PACKAGES = {
    "po-service": "po_service",
    "commlog-service": "commlog_service",
    "notification-rules": "notification_rules",
    "mailer-service": "mailer_service",
}
_NOWHERE = "127.0.0.1:1"


@dataclass(frozen=True)
class Composed:
    """What the service gave to its consumer."""

    topics: Sequence[str]
    intake: Intake
    pool: Pool

    async def parked(self) -> list[tuple[str, str, str]]:
        """(reason, detail, path) of what was refused."""
        rows = await self.pool.fetch("SELECT reason, detail, path FROM parked ORDER BY id")
        return [(row["reason"], row["detail"], row["path"]) for row in rows]


@asynccontextmanager
async def composed(
    service: str, fresh_database: FreshDatabase, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, **given: Any
) -> AsyncIterator[Composed]:
    """The running service with a database of its own; Kafka is away, and so is the mail relay unless `smtp` is given."""
    package = PACKAGES[service]
    found: list[Composed] = []

    class Consumer:
        def __init__(self, _settings: Any, topics: Sequence[str], intake: Intake, pool: Pool) -> None:
            found.append(Composed(tuple(topics), intake, pool))

        async def run(self) -> None:
            # As the real one does before it reads: these data are the newest.
            await found[0].pool.execute("INSERT INTO compared (start) VALUES (this_start())")
            await asyncio.Event().wait()

        async def lag(self) -> dict[str, Any]:
            return {}

        def health(self) -> dict[str, str]:
            return {}

    monkeypatch.setattr(broker, "Consumer", Consumer)
    issuer = ensure_issuer(tmp_path / "issuer")
    settings_class = import_module(f"{package}.settings").Settings
    away = {"kafka": _NOWHERE, "smtp": f"smtp://{_NOWHERE}", **given}
    settings = await fresh_database(settings_class, package, issuer_public=issuer.public, **away)
    app = import_module(f"{package}.app").build(settings)
    async with app.router.lifespan_context(app):
        yield found[0]
