"""po-service on a database of its own: its intake, or the whole of it over HTTP."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from tests.conftest import FreshDatabase
from tests.integration.po.door import Door, opened
from tests.integration.po.support import Room, instance

from embedded.issuer import ensure_issuer
from po_service.settings import Settings


@pytest.fixture
async def room(fresh_database: FreshDatabase) -> AsyncIterator[Room]:
    settings = await fresh_database(Settings, "po_service")
    async with instance(settings) as opened:
        yield opened


@pytest.fixture
async def door(fresh_database: FreshDatabase, tmp_path: Path) -> AsyncIterator[Door]:
    keys = ensure_issuer(tmp_path / "issuer")
    settings = await fresh_database(Settings, "po_service", kafka="127.0.0.1:9", issuer_public=keys.public, task_seconds=86_400)
    async with opened(settings, keys.private.read_bytes()) as service:
        yield service
