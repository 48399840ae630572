"""The database's clock goes back: what it had put off does not wait until it has caught up, and the dead are missed in time."""

from datetime import UTC, datetime, timedelta
from uuid import uuid4

from tests.integration.mailer.conftest import World

DAY = timedelta(days=1)
QUIET_UNTIL = datetime(2999, 1, 1, 5, tzinfo=UTC)


async def test_after_the_clock_went_back_nothing_waits_longer_than_it_may(world: World) -> None:
    """What a clock that was a day ahead has written: a pending mail is due at once, a deferred one within its backoff."""
    at_once, deferred, unknown = await world.ask("a@example.com", "b@example.com", "c@example.com")
    (quiet,) = await world.ask("d@example.com", not_before=QUIET_UNTIL)
    await world.pool.execute(
        "UPDATE envelopes SET state = 'leased', sender_id = $1, due_at = NULL WHERE message = ANY ($2)", uuid4(), [deferred, unknown]
    )
    for state, message in (("deferred", deferred), ("unknown", unknown)):
        await world.pool.execute("UPDATE envelopes SET state = 'sending', attempts = 2 WHERE message = $1", message)
        await world.pool.execute("UPDATE envelopes SET state = $2, sender_id = NULL, due_at = now() WHERE message = $1", message, state)
    await world.pool.execute("UPDATE envelopes SET due_at = now() + $1 WHERE due_at < now() + $1", DAY)
    world.start_sender(beat_seconds=0.1)
    await world.until_states(sent=1, deferred=1, unknown=1, pending=1)
    assert (await world.envelope(at_once))["state"] == "sent"
    waits = {message: (await world.envelope(message))["due_at"] for message in (deferred, unknown, quiet)}
    now = await world.pool.fetchval("SELECT now()")
    assert waits[deferred] <= now + timedelta(seconds=120)
    assert now + timedelta(seconds=600) < waits[unknown] <= now + timedelta(seconds=900)
    assert waits[quiet] == QUIET_UNTIL


async def test_a_step_back_is_seen_at_the_next_beat(world: World) -> None:
    sender = world.start_sender(beat_seconds=0.1)

    async def beaten() -> bool:
        return sender.lease._clock is not None

    await world.until(beaten)
    # As if the database had been an hour ahead until now.
    now, asked_at = sender.lease._clock or (datetime.now(UTC), 0.0)
    await world.ask("a@example.com", not_before=(now + timedelta(hours=2)))
    await world.pool.execute("UPDATE messages SET not_before = NULL")
    sender.lease._clock = (now + timedelta(hours=1), asked_at)
    await world.until_states(sent=1)


async def test_a_lease_that_a_clock_ahead_has_given_is_no_longer_than_any(world: World) -> None:
    gone = uuid4()
    (message,) = await world.ask("a@example.com")
    await world.pool.execute("INSERT INTO senders (id, expires_at) VALUES ($1, now() + $2)", gone, DAY)
    await world.pool.execute("UPDATE envelopes SET state = 'leased', sender_id = $1, due_at = NULL", gone)
    world.start_sender(beat_seconds=0.1, lease_seconds=1.0)
    await world.until_states(sent=1)
    assert (await world.envelope(message))["attempts"] == 1
