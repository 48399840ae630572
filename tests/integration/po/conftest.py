"""A room of po-service on a database of its own."""

from collections.abc import AsyncIterator

import pytest
from tests.conftest import FreshDatabase
from tests.integration.po.support import Room, instance

from po_service.settings import Settings


@pytest.fixture
async def room(fresh_database: FreshDatabase) -> AsyncIterator[Room]:
    settings = await fresh_database(Settings, "po_service")
    async with instance(settings) as opened:
        yield opened
