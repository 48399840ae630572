"""What a mail server may say or fail to say, and what the mailer makes of it (promises.md, the SMTP rows)."""

from datetime import UTC, datetime, timedelta

from tests.integration.mailer.conftest import World
from tests.integration.mailer.sink import Sink


def refusing(stage: str, recipient: str, reply: str, times: int = 10_000) -> "object":
    """A script that gives `reply` at `stage` for this recipient (any, where empty), so many times."""
    return lambda at, to, count: reply if at == stage and (not recipient or to == recipient) and count <= times else None


async def due_now(world: World) -> None:
    await world.pool.execute("UPDATE envelopes SET due_at = now() WHERE due_at IS NOT NULL")


async def test_a_4xx_defers_and_the_next_attempt_delivers(world: World) -> None:
    world.sink.script = refusing("rcpt", "a@example.com", "451 4.7.1 greylisted", 1)  # type: ignore[assignment]
    [message, _] = await world.ask("a@example.com", "b@example.com")
    world.start_sender()
    await world.until_states(sent=1, deferred=1)
    envelope = await world.envelope(message)
    assert timedelta() < envelope["due_at"] - datetime.now(UTC) <= timedelta(seconds=60)
    assert envelope["waited"] > timedelta()
    assert envelope["detail"] == "rcpt: 451 4.7.1 greylisted"
    await due_now(world)
    await world.until_states(sent=2)
    assert [(one["state"], one["attempt"]) for one in await world.outcomes() if one["message"] == message] == [("deferred", 1), ("sent", 2)]


async def test_after_48_hours_of_waiting_it_is_given_up(world: World) -> None:
    world.sink.script = refusing("dot", "", "450 4.2.0 not now")  # type: ignore[assignment]
    [message] = await world.ask("a@example.com")
    await world.pool.execute("UPDATE envelopes SET waited = interval '48 hours'")
    world.start_sender()
    await world.until_states(dead=1)
    assert (await world.envelope(message))["detail"].startswith("given up after 48 hours of trying")


async def test_an_unknown_recipient_bounces_and_is_suppressed(world: World) -> None:
    world.sink.script = refusing("rcpt", "gone@example.com", "550 5.1.1 no such user")  # type: ignore[assignment]
    await world.ask("gone@example.com", "b@example.com", "c@example.com")
    world.start_sender()
    await world.until_states(bounced=1, sent=2)
    bounced = [one for one in await world.outcomes() if one["state"] == "bounced"]
    assert [(one["code"], one["address"]) for one in bounced] == [(550, "gone@example.com")]
    [again] = await world.ask("gone@example.com")
    assert (await world.envelope(again))["hold_reason"] == "suppressed"
    assert (await world.outcomes())[-1]["state"] == "held"


async def test_a_full_mailbox_bounces_without_suppression(world: World) -> None:
    world.sink.script = refusing("dot", "", "552 5.2.2 mailbox full")  # type: ignore[assignment]
    await world.ask("a@example.com")
    world.start_sender()
    await world.until_states(bounced=1)
    assert await world.pool.fetchval("SELECT count(*) FROM suppression") == 0


async def test_a_policy_refusal_bounces_only_when_the_relay_took_another_since(world: World) -> None:
    world.sink.script = refusing("rcpt", "a@example.com", "550 5.7.1 looks odd")  # type: ignore[assignment]
    await world.ask("a@example.com")
    world.start_sender()
    await world.until_states(deferred=1)
    await due_now(world)

    async def tried_twice() -> bool:
        return bool(await world.pool.fetchval("SELECT attempts = 2 AND state = 'deferred' FROM envelopes"))

    await world.until(tried_twice)
    await world.ask("b@example.com")
    # It is well, so what it refused comes again at once.
    await world.until_states(bounced=1, sent=1)


async def test_a_message_too_large_for_the_server_is_dead(world: World) -> None:
    world.sink.script = refusing("dot", "", "554 5.3.4 too big")  # type: ignore[assignment]
    [message] = await world.ask("a@example.com")
    world.start_sender()
    await world.until_states(dead=1)
    assert "too_large" in (await world.envelope(message))["detail"]


async def test_a_refused_mail_command_is_the_relays_fault(world: World) -> None:
    world.sink.script = refusing("mail", "", "550 5.7.0 your password expired", 2)  # type: ignore[assignment]
    await world.ask(*(f"p{n}@example.com" for n in range(20)))
    sender = world.start_sender()

    async def refused() -> bool:
        return bool(await world.pool.fetchval("SELECT count(*) FROM attempts WHERE result = 'relay'"))

    await world.until(refused)
    await world.until_states(sent=20)
    assert sender.relay.accepting
    assert await world.pool.fetchval("SELECT count(*) FROM attempts WHERE result = 'relay'") <= 4
    assert len(set(world.sink.ids)) == len(world.sink.ids) == 20


async def test_while_the_relay_is_away_nothing_is_tried_and_no_life_is_used(world: World) -> None:
    port = world.sink.port
    await world.sink.stop()
    await world.ask("a@example.com", "b@example.com")
    sender = world.start_sender()

    async def noticed() -> bool:
        return not sender.relay.accepting and await world.states() == {"pending": 2}

    await world.until(noticed)
    assert await world.pool.fetchval("SELECT sum(attempts) + extract(epoch FROM sum(waited)) FROM envelopes") == 0
    sink = await Sink().start(port)
    await world.until_states(sent=2)
    assert len(sink.taken) == 2
    await sink.stop()


async def test_a_lost_reply_is_unknown_and_the_same_bytes_go_once_more(world: World) -> None:
    world.sink.script = refusing("dot", "a@example.com", "dot+DROP", 1)  # type: ignore[assignment]
    [message] = await world.ask("a@example.com")
    world.start_sender()
    await world.until_states(unknown=1)
    envelope = await world.envelope(message)
    assert timedelta(seconds=880) < envelope["due_at"] - datetime.now(UTC) <= timedelta(seconds=900)
    await due_now(world)
    await world.until_states(sent=1)
    [(_, first), (_, second)] = world.sink.taken
    assert first == second


async def test_unknown_twice_waits_for_a_person(world: World) -> None:
    world.sink.script = refusing("dot", "a@example.com", "dot+DROP", 2)  # type: ignore[assignment]
    [message] = await world.ask("a@example.com")
    world.start_sender()
    for attempt in (1, 2):

        async def unknown(attempt: int = attempt) -> bool:
            return bool(await world.pool.fetchval("SELECT state = 'unknown' AND attempts = $1 FROM envelopes", attempt))

        await world.until(unknown)
        await due_now(world)
    assert (await world.envelope(message))["due_at"] is None


async def test_a_connection_lost_before_the_dot_is_tried_again_soon_and_not_unknown(world: World) -> None:
    world.sink.script = refusing("data", "a@example.com", "DROP", 1)  # type: ignore[assignment]
    await world.ask("a@example.com", "b@example.com")
    world.start_sender()
    await world.until_states(sent=2)
    assert len(world.sink.taken) == 2
    results = await world.pool.fetch("SELECT DISTINCT result FROM attempts")
    assert {row["result"] for row in results} <= {"sent", "lost", "released"}
    assert "lost" in {row["result"] for row in results}


async def test_a_server_without_pipelining(world: World) -> None:
    world.sink.pipelining = False
    world.sink.script = refusing("rcpt", "p3@example.com", "550 5.1.1 no such user")  # type: ignore[assignment]
    await world.ask(*(f"p{n}@example.com" for n in range(30)))
    world.start_sender(connections=1)
    await world.until_states(sent=29, bounced=1)
    assert len(set(world.sink.ids)) == len(world.sink.ids) == 29


async def test_refusals_between_pipelined_mails_hit_nobody_else(world: World) -> None:
    world.sink.script = lambda stage, to, _: "550 5.1.1 no" if stage == "rcpt" and to.startswith("x") else None
    await world.ask(*(f"{'x' if n % 3 == 0 else 'p'}{n}@example.com" for n in range(60)))
    world.start_sender(connections=1)
    await world.until_states(sent=40, bounced=20)
    assert len(set(world.sink.ids)) == len(world.sink.ids) == 40


async def test_a_421_goodbye_is_followed_by_a_new_connection(world: World) -> None:
    world.sink.script = refusing("rcpt", "p5@example.com", "421 4.3.2 shutting down", 1)  # type: ignore[assignment]
    await world.ask(*(f"p{n}@example.com" for n in range(10)))
    world.start_sender(connections=1)
    await world.until_states(sent=9, deferred=1)
    await due_now(world)
    await world.until_states(sent=10)
    assert len(set(world.sink.ids)) == len(world.sink.ids) == 10


async def test_a_reply_with_a_nul_stops_nobody(world: World) -> None:
    """No text in Postgres can hold one: the commit that carries it, and with it everybody's results, would fail for ever."""
    world.sink.script = lambda stage, to, _count: "451 4.3.0 la\0ter" if stage == "rcpt" and to == "a@example.com" else None
    await world.ask("a@example.com", "b@example.com")
    world.start_sender()
    await world.until_states(deferred=1, sent=1)
    assert {attempt[3] for attempt in await world.attempts()} == {"rcpt: 451 4.3.0 la\N{REPLACEMENT CHARACTER}ter", "dot: 250 2.0.0 taken"}
