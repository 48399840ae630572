"""Several senders, senders that vanish, a database that goes away: no mail twice unless an attempt was unknown, none lost."""

import asyncio
import os
import signal
import sys
import time
from collections import Counter
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import pytest
from tests.integration.mailer.conftest import World
from tests.integration.mailer.test_mailer_replies import due_now

from mailer_service import releasing
from mailer_service.domain.caps import Caps
from mailer_service.sender import lane, process
from mailer_service.sender.claim import Claim
from mailer_service.settings import Settings
from mailer_service.store import envelopes


async def test_two_senders_share_the_work_without_doubles(world: World) -> None:
    await world.ask(*(f"p{n}@example.com" for n in range(300)))
    world.start_sender(take=20)
    world.start_sender(take=20)
    await world.until_states(sent=300)
    assert len(set(world.sink.ids)) == len(world.sink.ids) == 300
    assert await world.pool.fetchval("SELECT count(*) FROM attempts") == 300


async def test_at_most_a_window_of_attempts_is_open_on_each_connection(world: World) -> None:
    world.sink.script = lambda stage, _to, _count: "STALL" if stage == "dot" else None
    await world.ask(*(f"p{n}@example.com" for n in range(60)))
    world.start_sender(connections=2, window=8)
    most = 0
    for _ in range(50):
        await asyncio.sleep(0.02)
        most = max(most, (await world.states()).get("sending", 0))
    assert 2 <= most <= 16


async def test_a_slow_recipient_does_not_stop_the_rest(world: World) -> None:
    world.sink.script = lambda stage, to, _count: "STALL" if stage == "dot" and to == "p0@example.com" else None
    await world.ask(*(f"p{n}@example.com" for n in range(100)))
    world.start_sender(connections=2, window=4)

    async def nearly_all() -> bool:
        return (await world.states()).get("sent", 0) >= 95

    await world.until(nearly_all)


async def test_a_reply_that_never_comes_takes_no_connection_away(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """A half-open connection has ten minutes for its reply to the dot: the mail waits aside, and the only connection has a new session."""
    monkeypatch.setattr(lane, "STALL_SECONDS", 0.1)
    monkeypatch.setattr(lane, "PATIENCE_SECONDS", 0.3)
    world.sink.script = lambda stage, to, _count: "STALL" if (stage, to) == ("dot", "p0@example.com") else None
    await world.ask("p0@example.com")
    world.start_sender(connections=1, window=4, reply_seconds=4.0)
    await world.until_states(sending=1)
    await world.ask(*(f"p{n}@example.com" for n in range(1, 20)))
    await world.until_states(sending=1, sent=19)
    await world.until_states(unknown=1, sent=19)


async def test_of_two_replies_that_never_come_one_waits_in_its_place(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """A slow server is not met with more and more connections."""
    monkeypatch.setattr(lane, "STALL_SECONDS", 0.1)
    monkeypatch.setattr(lane, "PATIENCE_SECONDS", 0.2)
    world.sink.script = lambda stage, _to, _count: "STALL" if stage == "rcpt" else None
    await world.ask(*(f"p{n}@example.com" for n in range(20)))
    world.start_sender(connections=1, window=4)
    await asyncio.sleep(1.5)
    assert world.sink.connections == 2


async def test_a_vanished_senders_envelopes_are_taken_over(world: World) -> None:
    leased, sending = await world.ask("a@example.com", "b@example.com")
    gone = uuid4()
    await world.pool.execute("INSERT INTO senders (id, expires_at) VALUES ($1, now() - interval '1 second')", gone)
    await world.pool.execute("UPDATE envelopes SET state = 'leased', sender_id = $1, due_at = NULL", gone)
    await world.pool.execute("UPDATE envelopes SET state = 'sending', attempts = 1 WHERE message = $1", sending)
    insert = "INSERT INTO attempts (envelope, number, token) SELECT id, 1, gen_random_uuid() FROM envelopes WHERE message = $1"
    await world.pool.execute(insert, sending)
    world.start_sender()
    await world.until_states(sent=1, unknown=1)
    assert (await world.envelope(leased))["state"] == "sent"
    assert [one["state"] for one in await world.outcomes() if one["message"] == sending] == ["unknown"]
    await due_now(world)
    await world.until_states(sent=2)


async def test_a_sender_marked_gone_goes_on_under_a_new_id(world: World) -> None:
    world.sink.script = lambda stage, to, count: "STALL" if stage == "dot" and to == "a@example.com" and count == 1 else None
    sender = world.start_sender(beat_seconds=0.05, lease_seconds=1.0)
    await world.ask("a@example.com")
    await world.until_states(sending=1)
    before = sender.lease.id
    await world.pool.execute("UPDATE senders SET expires_at = now() - interval '1 second'")
    await world.until_states(unknown=1)
    assert sender.lease.id != before
    await world.ask("b@example.com")
    await world.until_states(unknown=1, sent=1)


async def test_a_late_reply_settles_its_own_attempt(world: World) -> None:
    [message] = await world.ask("a@example.com")
    released = asyncio.Event()

    async def slow_stall(writer: asyncio.StreamWriter, reply: str, say: object = world.sink._say) -> None:
        if reply == "WAIT":
            await released.wait()
            reply = "250 2.0.0 at last"
        await say(writer, reply)  # type: ignore[operator]

    world.sink._say = slow_stall  # type: ignore[method-assign]
    world.sink.script = lambda stage, _to, _count: "WAIT" if stage == "dot" else None
    world.start_sender(beat_seconds=0.05, lease_seconds=1.0)
    await world.until_states(sending=1)
    await world.pool.execute("UPDATE senders SET expires_at = now() - interval '1 second'")
    await world.until_states(unknown=1)
    released.set()
    await world.until_states(sent=1)
    told = [(one["state"], one["sha256"]) for one in await world.outcomes() if one["message"] == message]
    stored = await world.pool.fetchval("SELECT sha256 FROM rendered WHERE message = $1", message)
    assert told == [("unknown", stored), ("sent", stored)]
    assert [attempt[2] for attempt in await world.attempts()] == ["sent"]


async def test_what_a_stopped_process_has_locked_holds_up_nothing_else(world: World) -> None:
    """It may have stopped within a transaction: its rows come with a later round, when Postgres has ended its session."""
    await world.ask("a@example.com", "b@example.com")
    gone = uuid4()
    await world.pool.execute("INSERT INTO senders (id, expires_at) VALUES ($1, now() - interval '1 second')", gone)
    await world.pool.execute("UPDATE envelopes SET state = 'leased', sender_id = $1, due_at = NULL", gone)
    stopped = await asyncpg.connect(world.settings.dsn)
    transaction = stopped.transaction()
    await transaction.start()
    await stopped.execute("SELECT FROM envelopes WHERE address = 'a@example.com' FOR UPDATE")
    lease = world.start_sender().lease
    async with asyncio.timeout(10):
        await lease.take_over()
        await world.until_states(leased=1, sent=1)
    assert await world.pool.fetchval("SELECT count(*) FROM senders WHERE id = $1", gone) == 1
    await transaction.rollback()
    await stopped.close()
    await lease.take_over()
    await world.until_states(sent=2)
    assert await world.pool.fetchval("SELECT count(*) FROM senders WHERE id = $1", gone) == 0


async def test_the_beat_waits_for_no_take_over(world: World) -> None:
    """However long there is something to take over: else its own lease would run out over it."""
    await world.ask("a@example.com")
    gone = uuid4()
    await world.pool.execute("INSERT INTO senders (id, expires_at) VALUES ($1, now() - interval '1 second')", gone)
    await world.pool.execute("UPDATE envelopes SET state = 'leased', sender_id = $1, due_at = NULL", gone)
    await world.pool.execute("UPDATE envelopes SET state = 'sending', attempts = 1")
    await world.pool.execute("INSERT INTO attempts (envelope, number, token) SELECT id, 1, gen_random_uuid() FROM envelopes")
    slow = await asyncpg.connect(world.settings.dsn)
    async with slow.transaction():
        await slow.execute("LOCK TABLE attempts IN EXCLUSIVE MODE")
        lease = world.start_sender(beat_seconds=0.2, lease_seconds=2.0).lease
        await asyncio.sleep(0.5)
        me = lease.id
        await asyncio.sleep(3.5)
        assert lease.fresh
        assert lease.id == me
    await slow.close()
    await world.until_states(unknown=1)


async def test_a_machine_that_was_suspended_knows_that_its_lease_is_over(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """time.monotonic() stands still meanwhile; the database's clock doesn't, and others have taken over."""
    lease = world.start_sender().lease

    async def started() -> bool:
        return lease.fresh

    await world.until(started)
    clock = time.clock_gettime
    slept = {time.CLOCK_BOOTTIME: world.settings.lease_seconds}
    monkeypatch.setattr(time, "clock_gettime", lambda which: clock(which) + slept.get(which, 0.0))
    assert not lease.fresh


async def test_a_late_reply_counts_also_for_what_was_held_again(world: World) -> None:
    """A person has had it queued again, it was held back before it went out, and then the first attempt's 250 came."""
    await world.ask("a@example.com")
    me = uuid4()
    async with world.pool.acquire() as connection:
        await connection.execute("INSERT INTO senders (id, expires_at) VALUES ($1, now() + interval '1 minute')", me)
        claim = Claim(Caps())
        [row], _ = await claim.take(connection, me, 10, {})
        await envelopes.open_attempts(connection, me, [(row["id"], 1, uuid4())])
        await envelopes.settle_envelopes(connection, [(row["id"], 1, "unknown", None, "lost", True, False, False)])
        await envelopes.resend(connection, row["id"])
        await claim.take(connection, me, 10, {})
        assert await envelopes.hold(connection, me, [(row["id"], "render", "a fault in the template")])
        assert await envelopes.settle_envelopes(connection, [(row["id"], 1, "sent", None, "250", False, False, False)])
        assert await envelopes.release_held(connection, [], ["wrong-delivery"]) == 0
    await world.until_states(sent=1)


async def _sent_again(world: World) -> tuple[UUID, str]:
    """An envelope whose first attempt is unknown and whose second one is on the wire; (its sender, its id)."""
    await world.ask("a@example.com")
    me = uuid4()
    async with world.pool.acquire() as connection:
        await connection.execute("INSERT INTO senders (id, expires_at) VALUES ($1, now() + interval '1 minute')", me)
        [row], _ = await Claim(Caps()).take(connection, me, 10, {})
        await envelopes.open_attempts(connection, me, [(row["id"], 1, uuid4())])
        await _settle(connection, row["id"], 1, "unknown")
        await envelopes.resend(connection, row["id"])
        [row], _ = await Claim(Caps()).take(connection, me, 10, {})
        await envelopes.open_attempts(connection, me, [(row["id"], 2, uuid4())])
    return me, row["id"]


async def _settle(connection: Any, envelope: str, number: int, state: str, delay: timedelta | None = None) -> list[tuple[str, int]]:
    """→ (state, attempt that brought it there) of what moved."""
    await envelopes.settle_attempts(connection, [(envelope, number, state, None, "reply")])
    moved = await envelopes.settle_envelopes(connection, [(envelope, number, state, delay, "reply", False, False, False)])
    return [(row["state"], row["attempts"]) for row in moved]


@pytest.mark.parametrize("second", ["deferred", "unknown", "dead"])
async def test_an_earlier_attempts_late_250_ends_it_whatever_the_later_one_came_to(world: World, second: str) -> None:
    """The server has the mail: it must not go out a third time."""
    _, envelope = await _sent_again(world)
    async with world.pool.acquire() as connection:
        wait = None if second == "dead" else timedelta(0)
        assert await _settle(connection, envelope, 2, second, wait) == [(second, 2)]
        assert await _settle(connection, envelope, 1, "sent") == [("sent", 1)]
    world.start_sender()
    await asyncio.sleep(0.5)
    assert (await world.states(), len(world.sink.ids)) == ({"sent": 1}, 0)


async def test_a_later_attempt_that_is_on_the_wire_when_an_earlier_one_is_accepted_brings_no_third_one(world: World) -> None:
    _, envelope = await _sent_again(world)
    async with world.pool.acquire() as connection:
        assert await _settle(connection, envelope, 1, "sent") == []
        assert await _settle(connection, envelope, 2, "deferred", timedelta(0)) == [("sent", 1)]
    assert [attempt[2] for attempt in await world.attempts()] == ["sent", "deferred"]


async def test_both_attempts_of_two_senders_may_be_settled_at_once(world: World) -> None:
    """The row of the envelope is where they meet: none overlooks the other."""
    _, envelope = await _sent_again(world)
    async with world.pool.acquire() as one, world.pool.acquire() as other:
        async with one.transaction():
            assert await _settle(one, envelope, 2, "deferred", timedelta(hours=1)) == [("deferred", 2)]
            late = asyncio.create_task(_settle(other, envelope, 1, "sent"))
            await asyncio.sleep(0.3)
            assert not late.done()
        assert await late == [("sent", 1)]


@pytest.mark.parametrize("begun", [True, False])
async def test_the_take_over_of_what_an_earlier_attempt_has_brought_home_calls_it_sent(world: World, begun: bool) -> None:  # noqa: FBT001
    me, envelope = await _sent_again(world)
    async with world.pool.acquire() as connection:
        assert await _settle(connection, envelope, 1, "sent") == []
        if not begun:
            token = await connection.fetchval("SELECT token FROM attempts WHERE number = 2")
            await envelopes.release_unbegun(connection, me, [(envelope, 2, token)])
        await connection.execute("UPDATE senders SET expires_at = now() - interval '1 second'")
    world.start_sender()
    await world.until_states(sent=1)
    assert [attempt[2] for attempt in await world.attempts()] == ["sent", "unknown"]
    assert [(one["state"], one["attempt"]) for one in await world.outcomes()] == [("sent", 1)]


async def test_an_attempt_is_opened_for_one_job_only(world: World) -> None:
    """Found by killing Postgres: a second job of the same envelope took the first one's attempt for its own, and both were sent."""
    await world.ask("a@example.com")
    me, first, second = uuid4(), uuid4(), uuid4()
    async with world.pool.acquire() as connection:
        await connection.execute("INSERT INTO senders (id, expires_at) VALUES ($1, now() + interval '1 minute')", me)
        [row], _ = await Claim(Caps()).take(connection, me, 10, {})
        assert await envelopes.open_attempts(connection, me, [(row["id"], 1, first)]) == {row["id"]}
        assert await envelopes.open_attempts(connection, me, [(row["id"], 1, second)]) == set()
        assert await envelopes.open_attempts(connection, me, [(row["id"], 1, first)]) == {row["id"]}, "the answer to its commit was lost"


async def test_an_orderly_stop_leaves_nothing_in_hand(world: World) -> None:
    world.sink.script = lambda stage, to, _count: "STALL" if stage == "dot" and to == "p7@example.com" else None
    await world.ask(*(f"p{n}@example.com" for n in range(200)))
    world.start_sender()

    async def begun() -> bool:
        return (await world.states()).get("sent", 0) > 20

    await world.until(begun)
    await world.stop_senders()
    states = await world.states()
    assert not states.keys() & {"leased", "sending"}
    assert states.get("unknown", 0) <= 1
    assert await world.pool.fetchval("SELECT count(*) FROM senders") == 0


async def test_when_the_database_drops_every_connection_nothing_is_sent_twice(world: World) -> None:
    await world.ask(*(f"p{n}@example.com" for n in range(300)))
    world.start_sender()
    killer = await asyncpg.connect(world.settings.dsn)

    async def begun() -> bool:
        # A sender that can't even start is started again by running.background, which is not here.
        return bool(await killer.fetchval("SELECT bool_or(state <> 'pending') FROM envelopes"))

    await world.until(begun)
    for _ in range(4):
        await asyncio.sleep(0.08)
        await killer.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )

    async def all_sent() -> bool:
        # By the one connection that stands: the pool may still hand out one whose end it has not heard of.
        return bool(await killer.fetchval("SELECT bool_and(state = 'sent') FROM envelopes"))

    await world.until(all_sent, 30)
    await killer.close()
    assert len(set(world.sink.ids)) == len(world.sink.ids) == 300


SENDER = """
import asyncio, sys
from mailer_service.compose import Composer
from mailer_service.customer.templates import Templates
from mailer_service.links import Links
from mailer_service.pdf import Pdfs
from mailer_service.render import TEMPLATES, Renderer
from mailer_service.sender.process import Sender
from mailer_service.sender import lane
from mailer_service.settings import Settings
from mailer_service.store import envelopes
from postroom import db
from postroom.blobs import Blobs
async def main():
    settings = Settings()
    pool = await db.open_pool(settings, "worker")
    renderer = Renderer(TEMPLATES)
    pdfs, links = Pdfs(seconds=15, memory=1 << 30), Links(settings.public_url, settings.page_url)
    composer = Composer(Templates(renderer), Blobs(settings.blobs), pdfs, settings.mail_from, links)
    await Sender(pool, settings, composer).run()
asyncio.run(main())
"""


async def start_process(settings: Settings) -> asyncio.subprocess.Process:
    environment = {
        **os.environ,
        "POSTROOM_POSTGRES": settings.postgres.get_secret_value(),
        "POSTROOM_DATABASE": settings.database,
        "POSTROOM_SMTP": settings.smtp.get_secret_value(),
        "POSTROOM_BLOBS": str(settings.blobs),
        "POSTROOM_LEASE_SECONDS": "2",
        "POSTROOM_BEAT_SECONDS": "0.5",
        "POSTROOM_UNKNOWN_RESEND_SECONDS": "0.5",
    }
    return await asyncio.create_subprocess_exec(sys.executable, "-c", SENDER, env=environment)


async def test_killed_with_minus_nine_each_mail_arrives_and_copies_are_accounted_for(world: World) -> None:
    messages = await world.ask(*(f"p{n}@example.com" for n in range(600)))
    for _ in range(2):
        process = await start_process(world.settings)
        before = len(world.sink.taken)
        async with asyncio.timeout(30):
            while len(world.sink.taken) < before + 60:  # noqa: ASYNC110 - the outside is asked
                await asyncio.sleep(0.005)
        process.send_signal(signal.SIGKILL)
        await process.wait()
    process = await start_process(world.settings)
    try:
        await world.until_states(sent=600, seconds=60)
    finally:
        process.terminate()
        await process.wait()
    copies = Counter(id_ for id_, _ in world.sink.ids)
    rows = await world.pool.fetch(
        """
        SELECT e.message, count(*) FILTER (WHERE a.result = 'unknown') AS unknown FROM envelopes e JOIN attempts a ON a.envelope = e.id
        GROUP BY e.message
        """
    )
    allowed = {f"<{row['message']}@localhost.localdomain>": 1 + row["unknown"] for row in rows}
    assert copies.keys() == {f"<{message}@localhost.localdomain>" for message in messages}
    assert [id_ for id_, number in copies.items() if number > allowed[id_]] == []
    unknown = sum(row["unknown"] for row in rows)
    assert 0 < unknown <= 2 * world.settings.connections * world.settings.window


async def test_very_many_that_a_template_held_are_let_go_some_at_a_time(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    await world.ask(*(f"p{n}@example.com" for n in range(5)))
    await world.pool.execute("UPDATE envelopes SET state = 'held', hold_reason = 'template', due_at = NULL")
    monkeypatch.setattr(envelopes, "RELEASED_AT_ONCE", 2)
    statements: list[int] = []
    release = envelopes.release_held

    async def counted(*given: Any) -> int:
        statements.append(await release(*given))
        return statements[-1]

    monkeypatch.setattr(envelopes, "release_held", counted)
    assert await releasing.release_held(world.pool, ["wrong-delivery"]) == 5
    assert statements == [2, 2, 1]


async def test_a_sender_that_has_much_to_let_go_sends_meanwhile(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    async def never(*_: Any) -> int:
        await asyncio.sleep(3_600)
        return 0

    monkeypatch.setattr(process, "release_held", never)
    await world.ask("a@example.com")
    world.start_sender()
    await world.until_states(sent=1)


async def test_what_a_slow_one_could_not_offer_is_given_back(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Found by reading: looked for while it still counted as in hand, it stayed leased to a living sender for good."""
    supply = process.Sender(world.pool, world.settings, world.composer)._supply

    async def withdrawn_meanwhile(*_: Any) -> bool:
        await supply._reconcile()
        return False

    monkeypatch.setattr(supply, "_prepare", withdrawn_meanwhile)
    supply._start_slow([{"message": "m", "message_type": "t", "id": "e"}], {})
    await asyncio.gather(*supply._slow)
    await asyncio.sleep(0)
    assert supply._doubt
