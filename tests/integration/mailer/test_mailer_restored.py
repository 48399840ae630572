"""The mailer on an older copy of its database: it sends nothing, knows from Kafka's outcomes what is out, and lets an operator decide."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
import pytest
from aiokafka import AIOKafkaProducer
from tests.integration.mailer.conftest import World
from tests.integration.mailer.test_mailer_api import ANNA, OPERATOR, Door, door
from tests.integration.mailer.wishes import requested

from mailer_service.customer.templates import Templates
from mailer_service.render import TEMPLATES, Renderer
from mailer_service.restored import Restored
from mailer_service.tasks import Digester
from postroom import older_copy
from postroom.contracts import ids
from postroom.older_copy import Reached
from postroom.operations import Release
from postroom.problems import Problem

__all__ = ["door"]


async def an_older_copy(world: World) -> None:
    """Kafka is two records ahead of this database."""
    await world.pool.execute("DELETE FROM compared")
    read = await world.pool.fetchval("SELECT coalesce(max(next_offset), 0) FROM offsets")
    compared = await older_copy.compare(world.pool, "test", {("messages", 0): Reached(read + 2, 0, read + 2)})
    assert compared.behind


async def tell_sent(kafka: str, *messages: tuple[str, str], attempt: int = 2) -> None:
    """As the mailer told it before its database was lost."""
    async with AIOKafkaProducer(bootstrap_servers=kafka) as producer:
        for message, address in messages:
            outcome: dict[str, Any] = {
                "message": message,
                "envelope": ids.stable("envelope", message, address),
                "address": address,
                "state": "sent",
                "code": 250,
                "detail": "dot: 250 2.0.0 taken",
                "attempt": attempt,
                "at": "2026-11-23T10:00:00Z",
                "cause": {"emitter": "tests", "source": "tests", "id": "e", "type": "DeliveryNoteRecorded.v1"},
            }
            await producer.send_and_wait("outcomes", orjson.dumps(outcome), key=b"k")


async def release(world: World, restored: Restored, doubtful: Any) -> dict[str, int]:
    """What the operator's command does."""
    async with world.pool.acquire() as connection, connection.transaction():
        settled = await restored.settle(connection, Release(doubtful=doubtful))
        await older_copy.release(connection, "an operator")
    return settled


@pytest.fixture
def restored(world: World, kafka: str) -> Restored:
    return Restored(world.pool, world.settings.model_copy(update={"kafka": kafka}))


async def test_nothing_goes_out_before_it_is_released_and_what_is_out_never_again(world: World, kafka: str, restored: Restored) -> None:
    """Queued before the copy, read again after it, and new: sent by its outcome, in doubt, in doubt, certainly not out."""
    out, doubtful = await world.ask("out@example.com", "doubtful@example.com")
    await an_older_copy(world)
    world.start_sender()
    await tell_sent(kafka, (out, "out@example.com"), ("again-out", "anna@example.com"))
    with pytest.raises(Problem, match="still being read"):
        await release(world, restored, "hold")
    await restored.look()
    assert (await world.envelope(out))["state"] == "sent"
    assert [(number, result) for _, number, result, _ in await world.attempts()] == [(2, "sent")]
    with pytest.raises(Problem, match="being read again"):
        await release(world, restored, "hold")
    # Kafka brings again what had been read: one was sent, one may have been.
    await world.ask("anna@example.com", message="again-out")
    [again] = await world.ask("again@example.com")
    await restored.look()
    [new] = await world.ask("new@example.com")
    async with world.pool.acquire() as connection:
        told = await restored.told(connection, "tenant-a")
    assert (told["outcomes_read"], told["read_again"], told["doubtful"]) == (True, True, 2)
    assert [row["message"] for row in told["envelopes"]] == [doubtful, again]
    assert (await world.envelope("again-out"))["state"] == "sent"
    await asyncio.sleep(1.5)
    assert not world.sink.taken
    assert await release(world, restored, "hold") == {"held": 2}
    await world.until_states(sent=3, held=2)
    assert world.sink.ids == [(f"<{new}@localhost.localdomain>", "new@example.com")]
    # Later, when the mail server's log has been looked at.
    assert await release(world, restored, "send") == {"sent_again": 2}
    await world.until_states(sent=5)
    assert len(world.sink.taken) == 3


async def test_all_may_be_sent_at_once(world: World, kafka: str, restored: Restored) -> None:
    """Deferred, unknown, cancelled, and held for another reason: what its outcome calls sent is settled whatever the copy thinks of it."""
    first, second, third, fourth = await world.ask("a@example.com", "b@example.com", "c@example.com", "e@example.com")
    for message, state in ((first, "deferred"), (second, "unknown"), (third, "held"), (fourth, "cancelled")):
        for step in ("leased", "sending", state) if state in ("deferred", "unknown") else (state,):
            await world.pool.execute(
                """
                UPDATE envelopes SET state = $2, due_at = CASE $2 WHEN 'deferred' THEN 'infinity'::timestamptz END,
                                     hold_reason = CASE $2 WHEN 'held' THEN 'pdf' END,
                                     sender_id = CASE WHEN $2 IN ('leased', 'sending') THEN gen_random_uuid() END
                WHERE message = $1
                """,
                message,
                step,
            )
    [doubtful] = await world.ask("d@example.com")
    await an_older_copy(world)
    await tell_sent(kafka, (first, "a@example.com"), (second, "b@example.com"), (third, "c@example.com"), (fourth, "e@example.com"))
    world.start_sender()
    await restored.look()
    assert await world.states() == {"sent": 4, "pending": 1}
    assert await release(world, restored, "send") == {"sent_again": 1}
    await world.until_states(sent=5)
    assert [to for _, to in world.sink.ids] == ["d@example.com"]
    assert (await world.envelope(doubtful))["state"] == "sent"


async def test_what_a_cap_or_a_template_held_when_the_copy_was_taken_may_have_been_let_go_since(world: World, restored: Restored) -> None:
    """But not what only a person lets go."""
    for address, reason in (("a", "cap_recipient"), ("b", "render"), ("c", "suppressed")):
        [message] = await world.ask(f"{address}@example.com")
        await world.pool.execute(
            "UPDATE envelopes SET state = 'held', due_at = NULL, hold_reason = $2, hold_key = 'k' WHERE message = $1", message, reason
        )
    await an_older_copy(world)
    await restored.look()
    await world.ask("again@example.com", "last@example.com")
    await restored.look()
    async with world.pool.acquire() as connection:
        told = await restored.told(connection, "tenant-a")
    assert [row["address"] for row in told["envelopes"]] == ["a@example.com", "b@example.com", "again@example.com", "last@example.com"]
    assert await release(world, restored, "hold") == {"held": 4}
    rows = await world.pool.fetch("SELECT left(address, 1), hold_reason FROM envelopes WHERE state = 'held' ORDER BY address")
    told_apart = [("a", "restored"), ("a", "restored"), ("b", "restored"), ("c", "suppressed"), ("l", "restored")]
    assert [tuple(row) for row in rows] == told_apart


async def test_an_outcome_that_says_what_the_copy_knew_of_the_attempt_stops_nothing(world: World, kafka: str, restored: Restored) -> None:
    """The second attempt was accepted while the third was on the wire: that was known, and the mail not yet called sent."""
    [message] = await world.ask("out@example.com")
    for step in ("leased", "sending"):
        await world.pool.execute(
            "UPDATE envelopes SET state = $1, due_at = NULL, sender_id = gen_random_uuid(), attempts = 3, accepted_attempt = 2", step
        )
    await world.pool.execute(
        """
        INSERT INTO attempts (envelope, number, token, settled_at, result)
        SELECT id, n, gen_random_uuid(), CASE n WHEN 2 THEN now() END, CASE n WHEN 2 THEN 'sent' END
        FROM envelopes, unnest(ARRAY[2, 3]) AS n
        """
    )
    await an_older_copy(world)
    await tell_sent(kafka, (message, "out@example.com"))
    await restored.look()
    assert (await world.envelope(message))["state"] == "sent"


async def test_a_digest_waits_until_all_that_was_in_it_is_read_again(world: World) -> None:
    """It was made and sent after the copy was taken: of less it would be the same mail again, and the rest told again the day after."""
    digester, moment = Digester(world.pool, Templates(Renderer(TEMPLATES))), datetime.now(UTC) - timedelta(hours=1)
    await world.take_in(requested(message="m-1", digest=moment))
    await an_older_copy(world)
    assert await digester.make_due() == 0
    await world.take_in(requested(message="m-2", digest=moment))
    assert await digester.make_due() == 0
    read_again = "INSERT INTO offsets AS o VALUES ('test', 'messages', 0, 2)"
    await world.pool.execute(f"{read_again} ON CONFLICT (cluster, topic, partition) DO UPDATE SET next_offset = o.next_offset + 2")
    assert await digester.make_due() == 1
    facts = await world.pool.fetchval("SELECT facts FROM messages WHERE message_type = 'digest'")
    assert [entry["message"] for entry in facts["entries"]] == ["m-1", "m-2"]
    assert not await world.pool.fetchval("SELECT may_send()")


async def test_what_was_taken_before_the_server_began_anew_is_given_back(world: World) -> None:
    """Leased and ready when Postgres was started again: refused until it is compared, and not forgotten in the hands of a living sender."""
    world.sink.script = lambda stage, to, _: "STALL" if stage == "dot" and to == "slow@example.com" else None
    await world.ask("slow@example.com", "a@example.com", "b@example.com")
    world.start_sender(connections=1, window=1, reply_seconds=2.0)
    await world.until_states(sending=1, leased=1, pending=1)
    await world.pool.execute("DELETE FROM compared")
    await world.until_states(unknown=1, pending=2)
    await world.pool.execute("INSERT INTO compared (start) VALUES (this_start())")
    await world.until_states(unknown=1, sent=2)


async def test_operators_alone_see_and_release(world: World, door: Door) -> None:
    """Kafka is away in this app: nothing is known yet of what is out, and nothing is released before it is."""
    await world.ask("anna@example.com")
    await an_older_copy(world)
    for method, path in (("GET", "/operations/restore"), ("POST", "/operations/restore/release")):
        assert (await door(ANNA, method, path, json={"doubtful": "send"})).status_code == 403
    told = (await door(OPERATOR, "GET", "/operations/restore")).json()
    assert (told["older_copy"]["records_behind"], told["outcomes_read"], told["doubtful"]) == (2, False, 0)
    assert "an older copy was restored" in (await door(OPERATOR, "GET", "/operations/status")).json()["older_copy"]
    refused = await door(OPERATOR, "POST", "/operations/restore/release", json={"doubtful": "send"})
    assert (refused.status_code, refused.json()["code"]) == (409, "outcomes_unread")
    assert (await door(OPERATOR, "POST", "/operations/restore/release", json={"doubtful": "drop"})).status_code == 422


async def test_what_is_no_outcome_keeps_no_restore_waiting(world: World, kafka: str, restored: Restored) -> None:
    """Found by reading: what somebody else had written there was asked for again and again, and nothing ever went out."""
    [out] = await world.ask("strange@example.com")
    await an_older_copy(world)
    async with AIOKafkaProducer(bootstrap_servers=kafka) as producer:
        for value in (b"{", b'{"state": "sent"}', b"[]", None):
            await producer.send_and_wait("outcomes", value, key=b"k")
    await tell_sent(kafka, (out, "strange@example.com"), attempt=2**40)
    await tell_sent(kafka, (out, "strange@example.com"))
    await restored.look()
    assert (await world.envelope(out))["state"] == "sent"
