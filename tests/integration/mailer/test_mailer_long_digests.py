"""A digest of very many entries: made at once, and its entries' outcomes are told in pieces, each once."""

from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import pytest
from tests.integration.mailer.conftest import World
from tests.integration.mailer.wishes import requested, withdrawn

from mailer_service import tasks
from mailer_service.customer.templates import Templates
from mailer_service.render import TEMPLATES, Renderer
from mailer_service.tasks import Digester
from postroom import outbox


@pytest.fixture
def digester(world: World, monkeypatch: pytest.MonkeyPatch) -> Digester:
    monkeypatch.setattr(tasks, "TOLD_AT_ONCE", 3)
    return Digester(world.pool, Templates(Renderer(TEMPLATES)))


async def told(world: World) -> Counter[tuple[str, str]]:
    return Counter((one["message"], one["state"]) for one in await world.outcomes())


async def test_each_entry_is_told_once(world: World, digester: Digester) -> None:
    moment = datetime.now(UTC)
    await world.take_in(*(requested(message=f"m-{n}", digest=moment) for n in range(8)))
    await world.take_in(*(requested(message=f"b-{n}", person="bert", email="b@example.com", digest=moment) for n in range(2)))
    assert await digester.make_due() == 2
    assert await told(world) == {(message, "in_digest"): 1 for message in (*(f"m-{n}" for n in range(8)), "b-0", "b-1")}
    assert {one["address"] for one in await world.outcomes() if one["message"].startswith("b")} == {"b@example.com"}


async def test_what_a_crash_left_untold_is_told_by_another(world: World, digester: Digester, monkeypatch: pytest.MonkeyPatch) -> None:
    """The mail is on its way by then, and what is in it can't be withdrawn from it any more."""
    moment = datetime.now(UTC)
    await world.take_in(*(requested(message=f"m-{n}", digest=moment) for n in range(8)))
    add, pieces = outbox.add, list[int]()

    async def crash(connection: Any, events: Sequence[Any]) -> None:
        pieces.append(len(events))
        await add(connection, events)
        if len(pieces) == 2:
            raise ConnectionResetError

    with monkeypatch.context() as patch:
        patch.setattr(outbox, "add", crash)
        with pytest.raises(ConnectionResetError):
            await digester.make_due()
    assert (pieces, len(await told(world)), await world.states()) == ([3, 3], 3, {"pending": 1})
    await world.take_in(*(withdrawn(f"m-{n}") for n in range(8)))
    assert await digester.make_due() == 0
    assert await told(world) == {(f"m-{n}", "in_digest"): 1 for n in range(8)}
