"""Live updates of the inbox, through the real gateway and the mailer on real ports."""

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import orjson
import pytest
from tests.integration.gateway.conftest import served
from tests.integration.mailer.conftest import World
from tests.integration.mailer.wishes import requested, withdrawn

from embedded.issuer import ensure_issuer
from gateway.app import build as build_gateway
from gateway.settings import Settings as GatewaySettings
from mailer_service import live
from mailer_service.api import events as events_api
from mailer_service.app import build
from mailer_service.customer.templates import Templates
from mailer_service.render import TEMPLATES, Renderer
from mailer_service.store import inbox as store
from postroom.auth import Principal, issue

EVENTS, READ = "/api/inbox/events", "/api/inbox/{}/read"


@dataclass
class Stream:
    """One open stream, read event by event."""

    lines: AsyncIterator[str]
    last_id: str = ""

    async def next(self) -> tuple[str, dict[str, Any]]:
        """The next event; comments are passed over."""
        name, data = "", {}
        async with asyncio.timeout(10):
            async for line in self.lines:
                field, _, value = line.partition(": ")
                if field == "event":
                    name = value
                elif field == "data":
                    data = orjson.loads(value)
                elif field == "id":
                    self.last_id = value
                elif not line and name:
                    return name, data
        raise EOFError

    async def ended(self) -> bool:
        async with asyncio.timeout(10):
            async for _ in self.lines:
                pass
        return True


@dataclass
class House:
    """The gateway before the mailer."""

    http: httpx.AsyncClient
    private: bytes

    def headers(self, person: str, tenant: str = "tenant-a") -> dict[str, str]:
        return {"authorization": f"Bearer {issue(Principal(person=person, tenant=tenant, side='client'), self.private)}"}

    @asynccontextmanager
    async def watching(self, person: str, tenant: str = "tenant-a", **headers: str) -> AsyncIterator[Stream]:
        async with self.http.stream("GET", EVENTS, headers={**self.headers(person, tenant), **headers}) as answer:
            assert answer.status_code == 200, await answer.aread()
            assert answer.headers["content-type"].startswith("text/event-stream")
            yield Stream(aiter(answer.aiter_lines()))


@pytest.fixture
async def house(world: World, tmp_path: Path) -> AsyncIterator[House]:
    issuer = ensure_issuer(tmp_path / "issuer")
    async with AsyncExitStack() as stack:
        settings = world.settings.model_copy(update={"issuer_public": issuer.public, "kafka": "127.0.0.1:9", "smtp": world.settings.smtp})
        mailer = await stack.enter_async_context(served(build(settings)))
        door = GatewaySettings(issuer_public=issuer.public, mailer_url=mailer)
        address = await stack.enter_async_context(served(build_gateway(door)))
        http = await stack.enter_async_context(httpx.AsyncClient(base_url=address, trust_env=False, timeout=20))
        yield House(http, issuer.private.read_bytes())


async def test_each_person_is_told_of_their_own_inbox_and_of_no_other(world: World, house: House) -> None:
    await world.take_in(requested(message="old", person="anna"))
    async with house.watching("anna") as anna, house.watching("bert") as bert, house.watching("anna", "tenant-b") as namesake:
        assert [await one.next() for one in (anna, bert, namesake)] == [("unread", {"unread": n}) for n in (1, 0, 0)]
        await world.take_in(requested(message="m-1", person="anna"), requested(message="m-2", person="bert"))
        name, new = await anna.next()
        assert (name, new["message"], new["unread"]) == ("new", "m-1", 2)
        assert new["subject"].startswith("Wrong delivery")
        assert (await bert.next())[1]["message"] == "m-2"
        assert (await house.http.post(READ.format("m-1"), headers=house.headers("anna"))).status_code == 200
        assert await anna.next() == ("read", {"message": "m-1", "unread": 1})
        await world.take_in(withdrawn("old", reason="the order was cancelled"))
        assert await anna.next() == ("withdrawn", {"message": "old", "unread": 0, "reason": "the order was cancelled"})
        await world.take_in(requested(message="m-3", person="anna", tenant="tenant-b"))
        assert (await namesake.next())[1]["message"] == "m-3"
        # Had anything of the others' been told to bert, it would stand before this.
        await world.take_in(requested(message="m-4", person="bert"))
        assert (await bert.next())[1]["message"] == "m-4"


async def test_after_a_break_what_was_missed_is_told_once(world: World, house: House) -> None:
    async with house.watching("anna") as anna:
        await anna.next()
        await world.take_in(requested(message="m-1"))
        assert (await anna.next())[1]["message"] == "m-1"
        last = anna.last_id
    await world.take_in(requested(message="m-2"))
    await world.take_in(requested(message="m-3"))
    async with house.watching("anna", **{"last-event-id": last}) as anna:
        assert await anna.next() == ("unread", {"unread": 3})
        assert [(await anna.next())[1]["message"] for _ in range(2)] == ["m-2", "m-3"]


async def test_a_change_that_commits_late_is_not_passed_over(world: World, house: House) -> None:
    """Two batches side by side: the one that began first commits last, after the stream has heard of the other and broken."""
    await world.take_in(requested(message="m-1"), requested(message="m-2"))
    async with house.watching("anna") as anna, world.pool.acquire() as late:
        await anna.next()
        transaction = late.transaction()
        await transaction.start()
        update = "UPDATE inbox SET read_at = now(), change = 'read', changed = pg_current_xact_id() WHERE message = $1"
        await late.execute(update, "m-1")
        await house.http.post(READ.format("m-2"), headers=house.headers("anna"))
        assert await anna.next() == ("read", {"message": "m-2", "unread": 1})
        last = anna.last_id
        await transaction.commit()
    async with house.watching("anna", **{"last-event-id": last}) as again:
        assert await again.next() == ("unread", {"unread": 0})
        assert "m-1" in {(await again.next())[1]["message"] for _ in range(2)}


async def test_more_changes_than_are_told_one_by_one_are_told_as_a_count(
    world: World, house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live, "AT_ONCE", 5)
    async with house.watching("anna") as anna:
        await anna.next()
        await world.take_in(*(requested() for _ in range(6)))
        assert await anna.next() == ("unread", {"unread": 6})
        await world.take_in(requested(message="m-7"))
        assert (await anna.next())[1]["message"] == "m-7"


async def test_after_a_burst_beside_an_older_transaction_a_stream_still_hears(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Anybody's transaction that is older keeps all of the burst "maybe not told yet": what comes behind it is news all the same."""
    monkeypatch.setattr(live, "AT_ONCE", 5)
    watched = live.Live(world.pool, Templates(Renderer(TEMPLATES)))
    await world.take_in(requested(message="old"))

    async def said() -> bytes:
        await watched._tell(connection)
        return await stream.next(0.1)

    async with world.pool.acquire() as connection, world.pool.acquire() as late:
        with watched.watching(("tenant-a", "anna"), None) as stream:
            await said()
            transaction = late.transaction()
            await transaction.start()
            await late.execute("UPDATE inbox SET read_at = now(), change = 'read', changed = pg_current_xact_id() WHERE message = 'old'")
            await world.take_in(*(requested() for _ in range(7)))
            assert b'{"unread":8}' in await said()
            assert await said() == b"", "nothing is new"
            await world.take_in(requested(message="behind"))
            assert b'{"unread":9}' in await said()
            await transaction.commit()
            assert b'{"unread":8}' in await said(), "the late one lies before all that is read at once"
            await world.take_in(requested(message="last"))
            assert b'"message":"last","unread":9' in await said()
            assert await said() == b""


async def test_facts_are_read_for_what_is_told_alone_and_few_at_a_time(world: World, house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """After a restart very much may be new to very many: their facts are gigabytes together."""
    read, entries = list[int](), store.entries

    async def noted(connection: Any, messages: Sequence[str]) -> Any:
        read.append(len(messages))
        return await entries(connection, messages)

    for name, value in (("AT_ONCE", 5), ("READERS", 1), ("SHOWN_AT_ONCE", 2)):
        monkeypatch.setattr(live, name, value)
    monkeypatch.setattr(store, "entries", noted)
    async with house.watching("anna") as anna:
        await anna.next()
        last = anna.last_id
    await world.take_in(*(requested(message=f"a-{n}") for n in range(5)))
    await world.take_in(*(requested(message=f"b-{n}", person="bert") for n in range(6)))
    await world.take_in(withdrawn("a-1"))
    since = {"last-event-id": last}
    async with house.watching("anna", **since) as anna, house.watching("bert", **since) as bert:
        told = [await anna.next() for _ in range(6)]
        assert await bert.next() == ("unread", {"unread": 6})
    assert [(name, new.get("message")) for name, new in told] == [
        ("unread", None),
        *(("new", f"a-{n}") for n in (0, 2, 3, 4)),
        ("withdrawn", "a-1"),
    ]
    assert all(new["subject"].startswith("Wrong delivery") for name, new in told if name == "new")
    assert read == [2, 2]


async def test_a_stream_misses_nothing_beside_one_of_the_same_person_that_has_much_to_catch_up_on(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live, "AT_ONCE", 5)
    watched = live.Live(world.pool, Templates(Renderer(TEMPLATES)))
    async with world.pool.acquire() as connection:
        with watched.watching(("tenant-a", "anna"), None) as first:
            await watched._tell(connection)
            start = first.since
            for _ in range(4):
                await world.take_in(requested())
            await watched._tell(connection)
            assert (await first.next(1)).count(b"event: new") == 4
            await world.take_in(*(requested() for _ in range(3)))
            with watched.watching(("tenant-a", "anna"), start) as second:
                await watched._tell(connection)
                for stream in (first, second):
                    said = await stream.next(1)
                    assert said.count(b"event: new") == 0
                    assert b'event: unread\ndata: {"unread":7}' in said


async def test_a_silent_stream_is_kept_alive_and_one_that_lasts_too_long_ends(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(events_api, "HEARTBEAT_SECONDS", 0.1)
    async with house.watching("anna") as anna:
        async with asyncio.timeout(5):
            assert await _heartbeat(anna)
    monkeypatch.setattr(events_api, "LIFE_SECONDS", 0.3)
    async with house.watching("anna") as anna:
        assert await anna.ended()


async def _heartbeat(stream: Stream) -> bool:
    async for line in stream.lines:
        if line == ": still here":
            return True
    return False


async def test_who_reads_too_slowly_is_cut_off_and_misses_nothing(world: World, house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "QUEUED", 2)
    async with house.watching("anna") as anna:
        await anna.next()
        last = anna.last_id
        await world.take_in(*(requested() for _ in range(4)))
        assert await anna.ended()
    monkeypatch.setattr(live, "QUEUED", 100)
    async with house.watching("anna", **{"last-event-id": last}) as anna:
        assert [(await anna.next())[0] for _ in range(5)] == ["unread", "new", "new", "new", "new"]


async def test_a_person_has_only_so_many_streams(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "PER_PERSON", 1)
    async with house.watching("anna") as anna:
        await anna.next()
        refused = await house.http.get(EVENTS, headers=house.headers("anna"))
        assert (refused.status_code, refused.json()["code"]) == (429, "too_many_streams")
        async with house.watching("bert") as bert:
            await bert.next()
    # A stream that was left makes room again, at once and not with the next heartbeat.
    async with asyncio.timeout(5):
        while True:
            async with house.http.stream("GET", EVENTS, headers=house.headers("anna")) as answer:
                if answer.status_code == 200:
                    return
            await asyncio.sleep(0.05)


@pytest.mark.parametrize("stopping", ["gateway", "mailer"])
async def test_a_shutdown_of_either_ends_the_streams(world: World, tmp_path: Path, stopping: str) -> None:
    issuer = ensure_issuer(tmp_path / "issuer")
    settings = world.settings.model_copy(update={"issuer_public": issuer.public, "kafka": "127.0.0.1:9"})
    async with AsyncExitStack() as mailer, AsyncExitStack() as gateway, AsyncExitStack() as client:
        door = GatewaySettings(issuer_public=issuer.public, mailer_url=await mailer.enter_async_context(served(build(settings))))
        address = await gateway.enter_async_context(served(build_gateway(door)))
        http = await client.enter_async_context(httpx.AsyncClient(base_url=address, trust_env=False, timeout=20))
        anna = await client.enter_async_context(House(http, issuer.private.read_bytes()).watching("anna"))
        await anna.next()
        closing = asyncio.create_task({"gateway": gateway, "mailer": mailer}[stopping].aclose())
        started = time.monotonic()
        assert await anna.ended()
        # Well before the server would have cut it off.
        assert time.monotonic() - started < 1.5
        await closing


async def test_the_token_comes_in_the_header_only(house: House) -> None:
    token = house.headers("anna")["authorization"].partition(" ")[2]
    for address in (EVENTS, f"{EVENTS}?access_token={token}", f"{EVENTS}?token={token}"):
        assert (await house.http.get(address)).status_code == 401
