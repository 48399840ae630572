"""From an event to the server's 250, recorded: each mail once, and what becomes of those that are refused."""

from email import message_from_bytes, policy
from hashlib import sha256

from tests.integration.mailer.conftest import World
from tests.integration.mailer.wishes import requested


async def test_each_message_is_sent_once_with_its_stored_bytes(world: World) -> None:
    ids = await world.ask(*(f"p{n}@example.com" for n in range(150)))
    world.start_sender()
    await world.until_states(sent=150)
    assert sorted(world.sink.ids) == sorted((f"<{id_}@localhost.localdomain>", f"p{n}@example.com") for n, id_ in enumerate(ids))
    stored = {row["message"]: row["bytes"] for row in await world.pool.fetch("SELECT message, bytes FROM rendered")}
    assert sorted(body for _, body in world.sink.taken) == sorted(stored.values())
    outcomes = await world.outcomes()
    assert len(outcomes) == 150
    assert {(one["state"], one["code"], one["attempt"]) for one in outcomes} == {("sent", 250, 1)}
    assert sorted(one["sha256"] for one in outcomes) == sorted(sha256(body).hexdigest() for _, body in world.sink.taken)


async def test_the_mail_says_what_happened_to_what(world: World) -> None:
    await world.ask("anna@example.com")
    world.start_sender()
    await world.until_states(sent=1)
    mail = message_from_bytes(world.sink.taken[0][1], policy=policy.default)
    assert mail["Subject"] == "Wrong delivery: 8 of 10 pcs of Copy paper A4 80 g on order 4711"
    assert str(mail["To"]) == "Anna Maier <anna@example.com>"
    assert mail["Auto-Submitted"] == "auto-generated"
    text = mail.get_body(("plain",)).get_content()  # type: ignore[union-attr]
    assert "expected 10 pcs, delivered 8 pcs (2 missing)" in text
    assert "you are the purchaser contact of the basic contract" in text
    assert "23 Nov 2026, 10:30 CET" in text


async def test_the_same_message_in_two_events_is_told_once(world: World) -> None:
    first, again = requested(message="m-1"), requested(message="m-1", email="other@example.com")
    await world.take_in(first, again)
    await world.take_in(requested(message="m-1", email="third@example.com"))
    world.start_sender()
    await world.until_states(sent=1)
    assert [to for _, to in world.sink.ids] == ["anna@example.com"]
    assert await world.pool.fetchval("SELECT count(*) FROM inbox") == 1
