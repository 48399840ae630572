"""A tenant that floods, a queue that is long, caps: others go, nothing is dropped, and the claim doesn't read the queue."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from uuid import UUID, uuid4

import pytest
from tests.bulk import fill
from tests.integration.mailer.conftest import World
from tests.integration.mailer.test_mailer_composing import correspondence
from tests.integration.mailer.wishes import requested, withdrawn
from tests.plans import watched

from mailer_service.capping import Releaser
from mailer_service.domain.caps import Caps
from mailer_service.sender.claim import Claim
from mailer_service.sender.supply import CORRESPONDENCES
from mailer_service.store import envelopes, senders, tallies
from postroom import db
from postroom.auth import Principal
from postroom.db import Connection, Pool

NOBODY = Principal(person="worker", tenant="tenant-a", side="operator")
CAPPED = {"cap_recipient": 20, "cap_order": 0, "cap_tenant": 0}


async def flood(world: World, number: int) -> None:
    """So many envelopes of the tenant *flood*, and nothing else."""
    [like] = await world.ask("like@example.com")
    await fill(world.pool, like, "flood", number)
    await world.pool.execute("UPDATE envelopes SET state = 'cancelled', due_at = NULL WHERE message = $1", like)


async def registered(connection: Connection) -> UUID:
    me = uuid4()
    await connection.execute("INSERT INTO senders (id, expires_at) VALUES ($1, now() + interval '1 minute')", me)
    return me


async def held_reasons(world: World) -> dict[str, int]:
    rows = await world.pool.fetch("SELECT hold_reason, count(*) AS n FROM envelopes WHERE state = 'held' GROUP BY hold_reason")
    return {row["hold_reason"]: row["n"] for row in rows}


async def next_period(world: World) -> None:
    """As if the hour were over."""
    await world.pool.execute("UPDATE caps SET period = period - interval '1 hour'")


async def test_others_and_what_people_send_go_while_a_tenant_floods(world: World) -> None:
    """Behind what is in hand already, and not behind the 20,000: counted, so that a slow machine proves the same."""
    await flood(world, 20_000)
    world.start_sender(cap_tenant=0)
    await world.until(lambda: _sent(world, 50))
    letter = await correspondence(world, documents=[], attach_pdf=False)
    before = len(world.sink.taken)
    await world.take_in(letter, *(requested(email=f"p{n}@example.com", tenant="small") for n in range(5)))
    awaited = {"anna@example.com", "typed@example.com", *(f"p{n}@example.com" for n in range(5))}

    async def through() -> bool:
        return awaited <= {to for to, _ in world.sink.taken}

    await world.until(through, 60)
    last = max(n for n, (to, _) in enumerate(world.sink.taken) if to in awaited)
    assert last - before < 1_500, "they stood behind the flood"
    await world.stop_senders()
    states = await world.states()
    assert states.keys() == {"cancelled", "pending", "sent"}, states


async def _sent(world: World, number: int) -> bool:
    return len(world.sink.taken) >= number


@pytest.fixture
async def one_connection(world: World) -> AsyncIterator[Pool]:
    async with await db.open_pool(world.settings, "worker", size=1) as pool:
        yield pool


async def test_the_claim_reads_what_it_takes_however_long_the_queue_is(world: World, one_connection: Pool) -> None:
    read, caps = [], world.settings.caps
    for number in (1_000, 19_000):
        await flood(world, number)
        await world.pool.execute("ANALYZE envelopes")
        await claimed(one_connection, caps)  # once before, for the driver looks up types first
        async with watched(one_connection) as asked:
            assert await claimed(one_connection, caps) == 200
            assert await asked.scanned(NOBODY) <= {"senders"}
            read.append(await asked.read(NOBODY))
    assert read[1] <= read[0] + 10
    assert read[1] < 1_000


async def claimed(pool: Pool, caps: Caps) -> int:
    """How many a claim takes; they are given back."""
    async with pool.acquire() as connection:
        me = await registered(connection)
        taken, _ = await Claim(caps).take(connection, me, 200, {})
        await envelopes.give_back(connection, me)
    return len(taken)


async def test_each_tenants_share_of_a_claim(world: World) -> None:
    [like] = await world.ask("like@example.com")
    for tenant, number in (("a", 500), ("b", 500), ("c", 10)):
        await fill(world.pool, like, tenant, number)
    async with world.pool.acquire() as connection:
        taken, _ = await Claim(Caps()).take(connection, await registered(connection), 200, {})
    shares = Counter(row["tenant"] for row in taken)
    assert shares == {"a": 50 + 45, "b": 50 + 45, "c": 10, "tenant-a": 1} or (shares["c"], shares["tenant-a"], len(taken)) == (10, 1, 199)
    assert [row["tenant"] for row in taken[:4]] != ["a"] * 4, "they take turns"


async def test_the_ring_goes_on_where_there_are_more_lanes_than_one_look_takes(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mailer_service.sender.claim.LANES", 4)
    await world.take_in(*(requested(email=f"p{n}@example.com", tenant=f"t{n:02d}") for n in range(10)))
    async with world.pool.acquire() as connection:
        me, claim = await registered(connection), Claim(Caps())
        taken = [len((await claim.take(connection, me, 200, {}))[0]) for _ in range(4)]
    assert (sum(taken), max(taken)) == (10, 4)


async def test_a_type_without_room_is_passed_over_without_being_read(world: World) -> None:
    await flood(world, 50)
    await world.take_in(await correspondence(world, documents=[], attach_pdf=False))
    async with world.pool.acquire() as connection:
        taken, _ = await Claim(Caps()).take(connection, await registered(connection), 200, {"wrong-delivery": 0, "correspondence": 1})
    assert [row["message_type"] for row in taken] == ["correspondence"]


async def test_correspondences_are_composed_a_few_at_a_time(world: World) -> None:
    """Each has files of many megabytes: before, all that were due were read at once."""
    letters = [await correspondence(world, correspondence=f"c-{n}", documents=[], attach_pdf=False) for n in range(60)]
    await world.take_in(*letters)
    most, compose = 0, world.composer.compose
    busy: list[None] = []

    async def slowly(message: object) -> object:
        nonlocal most
        busy.append(None)
        most = max(most, len(busy))
        await asyncio.sleep(0.02)
        busy.pop()
        return await compose(message)  # type: ignore[arg-type]

    world.composer.compose = slowly  # type: ignore[method-assign,assignment]
    world.start_sender()
    await world.until_states(sent=120, seconds=60)
    assert 0 < most <= CORRESPONDENCES


async def test_a_cap_holds_exactly_under_two_senders_and_lets_go_in_order(world: World) -> None:
    ids = await world.ask(*["a@example.com"] * 70)
    await world.ask("b@example.com")
    world.start_sender(**CAPPED, take=7)
    world.start_sender(**CAPPED, take=11)
    await world.until_states(sent=21, held=50)
    assert await held_reasons(world) == {"cap_recipient": 50}
    sent = {to for to, _ in world.sink.taken}
    assert sent == {"a@example.com", "b@example.com"}
    told = [one for one in await world.outcomes() if one["state"] == "held"]
    assert len(told) == 50
    assert told[0]["detail"].startswith("cap_recipient: more than 20 mails an hour to this address; goes by itself, in order, from ")
    releasers = [Releaser(world.pool, Caps(recipient=20)) for _ in range(2)]
    assert sum(await asyncio.gather(*(one.release() for one in releasers))) == 0, "not within the same hour"
    # Who comes now waits behind those who wait already.
    late = await world.ask("a@example.com")
    await world.until_states(sent=21, held=51)
    for now in (40, 60, 71):
        await next_period(world)
        while sum(await asyncio.gather(*(one.release() for one in releasers))):
            pass
        await world.until_states(**{"sent": now + 1, "held": 71 - now} if now < 71 else {"sent": 72})
    order = [str(id_) for id_, to in world.sink.ids if to == "a@example.com"]
    assert sorted(order) == sorted(f"<{id_}@localhost.localdomain>" for id_ in [*ids, *late])
    assert order[-1] == f"<{late[0]}@localhost.localdomain>" or set(order[60:]) == {
        f"<{id_}@localhost.localdomain>" for id_ in (ids + late)[60:]
    }
    assert await world.pool.fetchval("SELECT bool_or(waiting) FROM caps") is False


async def test_what_a_killed_sender_had_counted_is_not_counted_again(world: World) -> None:
    await world.ask(*["a@example.com"] * 30)
    async with world.pool.acquire() as connection:
        gone = await registered(connection)
        taken, _ = await Claim(Caps(recipient=20)).take(connection, gone, 15, {})
        await connection.execute("UPDATE senders SET expires_at = now() - interval '1 second' WHERE id = $1", gone)
        await senders.take_over(connection, [gone], world.settings.unknown_resend, 100)
    assert len(taken) == 15
    world.start_sender(**CAPPED)
    await world.until_states(sent=20, held=10)
    assert await world.pool.fetchval("SELECT used FROM caps WHERE scope = 'recipient'") == 20
    assert await world.pool.fetchval("SELECT count(*) FROM envelopes WHERE admitted_at IS NOT NULL") == 20


async def test_the_order_the_tenant_and_people_are_counted_each(world: World) -> None:
    await world.take_in(*(requested(email=f"p{n}@example.com") for n in range(8)))
    await world.take_in(await correspondence(world, documents=[], attach_pdf=False))
    world.start_sender(cap_recipient=1, cap_order=3, cap_tenant=5)
    await world.until_states(sent=5, held=5)
    assert await held_reasons(world) == {"cap_order": 5}
    assert {"anna@example.com", "typed@example.com"} <= {to for to, _ in world.sink.taken}, "what people send is counted apart"


async def test_an_operators_resend_passes_the_cap_and_a_withdrawal_ends_the_waiting(world: World) -> None:
    ids = await world.ask(*["a@example.com"] * 23)
    world.start_sender(**CAPPED)
    await world.until_states(sent=20, held=3)
    held = await world.pool.fetch("SELECT id, message FROM envelopes WHERE state = 'held' ORDER BY sequence")
    async with world.pool.acquire() as connection:
        assert await envelopes.resend(connection, held[0]["id"])
        await envelopes.wake_senders(connection)
    await world.until_states(sent=21, held=2)
    await world.take_in(withdrawn(held[1]["message"]), withdrawn(held[2]["message"]))
    await world.until_states(sent=21, cancelled=2)
    await next_period(world)
    assert await Releaser(world.pool, Caps(recipient=20)).release() == 0
    assert await world.pool.fetchval("SELECT bool_or(waiting) FROM caps") is False
    assert len(ids) == 23


async def test_a_cap_that_is_taken_away_lets_everything_go(world: World) -> None:
    await world.ask(*["a@example.com"] * 25)
    world.start_sender(**CAPPED)
    await world.until_states(sent=20, held=5)
    assert await Releaser(world.pool, Caps()).release() == 5
    await world.until_states(sent=25)


async def test_the_tallies_are_what_a_count_would_say(world: World) -> None:
    """After sending, bounces, holds, a lost reply and what was put together meanwhile."""
    world.sink.script = _mixed
    await world.ask(*[f"p{n}@example.com" for n in range(40)], *["a@example.com"] * 25, "lost@example.com", "gone@example.com")
    world.start_sender(**CAPPED)
    await world.until_states(sent=60, held=5, unknown=1, bounced=1)
    async with world.pool.acquire() as connection:
        expected = ({"sent": 60, "held": 5, "unknown": 1, "bounced": 1}, {"cap_recipient": 5}, 1)
        assert await tallies.read(connection) == expected
        await asyncio.gather(*(Releaser(world.pool, Caps()).tidy() for _ in range(3)))
        assert await tallies.read(connection) == expected
        assert await connection.fetchval("SELECT count(*) FROM tallies") <= 15
        await connection.execute("UPDATE attempts SET result = 'sent' WHERE result = 'unknown'")
        assert await tallies.read(connection) == (*expected[:2], 0)


def _mixed(stage: str, to: str, count: int) -> str | None:
    if to == "lost@example.com" and stage == "dot" and count == 1:
        return "dot+DROP"
    return "550 5.1.1 no such user" if to == "gone@example.com" and stage == "rcpt" else None


async def test_counters_of_periods_that_are_over_go_but_where_somebody_waits(world: World) -> None:
    await world.ask(*["a@example.com"] * 25, "b@example.com")
    world.start_sender(**CAPPED)
    await world.until_states(sent=21, held=5)
    await world.pool.execute("UPDATE caps SET period = period - interval '3 hours'")
    await Releaser(world.pool, Caps(recipient=20)).tidy()
    rows = await world.pool.fetch("SELECT key FROM caps WHERE scope = 'recipient'")
    assert [row["key"] for row in rows] == ["a@example.com"]


async def test_a_counter_of_a_clock_that_was_wrong_is_begun_anew(world: World) -> None:
    await world.ask(*["a@example.com"] * 25)
    world.start_sender(**CAPPED)
    await world.until_states(sent=20, held=5)
    await world.pool.execute("UPDATE caps SET period = period + interval '30 days'")
    assert await Releaser(world.pool, Caps(recipient=20)).release() == 5
    await world.until_states(sent=25)
