"""What became void is not sent: before it is rendered, afterwards, while a sender holds it, and whichever comes first."""

import asyncio
from email import message_from_bytes, policy
from typing import Any
from uuid import uuid4

import pytest
from tests.integration.mailer.conftest import World
from tests.integration.mailer.test_mailer_replies import due_now
from tests.integration.mailer.wishes import WRONG_DELIVERY, requested, withdrawn

from mailer_service.store import rendered
from postroom.contracts.event import Event

LINES: list[dict[str, Any]] = [{**WRONG_DELIVERY["lines"][0], "line": n, "item": f"Article {n}"} for n in ("1", "2", "3")]
ABOUT = ["order-1/1", "order-1/2", "order-1/3"]


def with_lines(message: str, **more: Any) -> Event:
    return requested(message=message, facts={**WRONG_DELIVERY, "lines": LINES}, lines="lines", about=ABOUT, **more)


async def inbox(world: World) -> dict[str, str | None]:
    """Message → why it was withdrawn, None while it holds."""
    rows = await world.pool.fetch("SELECT message, withdrawn_at, withdrawn_reason FROM inbox")
    return {row["message"]: row["withdrawn_reason"] if row["withdrawn_at"] else None for row in rows}


def said(world: World, place: int = 0) -> str:
    mail = message_from_bytes(world.sink.taken[place][1], policy=policy.default)
    return str(mail.get_body(("plain",)).get_content())  # type: ignore[union-attr]


async def test_only_the_lines_that_are_void_are_left_out(world: World) -> None:
    await world.take_in(with_lines("m-1"), withdrawn("m-1", "order-1/2"))
    world.start_sender()
    await world.until_states(sent=1)
    assert [f"Article {n}" in said(world) for n in (1, 2, 3)] == [True, False, True]
    assert await inbox(world) == {"m-1": None}


@pytest.mark.parametrize("about", [("order-1/1", "order-1/2", "order-1/3"), ("order-1/3", "order-1/1", "order-1/2", "another")])
async def test_all_lines_void_cancel_the_message(world: World, about: tuple[str, ...]) -> None:
    await world.take_in(with_lines("m-1"))
    for one in about:
        assert await world.states() == {"pending": 1}
        void = withdrawn("m-1", one, reason=f"the note for {one} is there")
        await world.take_in(void)
        if one == about[-1] or await world.states() == {"cancelled": 1}:
            break
    assert await world.states() == {"cancelled": 1}
    world.start_sender()
    [outcome] = await world.outcomes()
    assert (outcome["state"], outcome["message"], outcome["address"]) == ("cancelled", "m-1", "anna@example.com")
    assert outcome["detail"] == f"withdrawn: {void.data.reason}"  # type: ignore[attr-defined]
    assert outcome["cause"] == void.data.cause.model_dump()  # type: ignore[attr-defined]
    assert await inbox(world) == {"m-1": void.data.reason}  # type: ignore[attr-defined]
    await world.take_in(requested(message="m-2"))
    await world.until_states(sent=1, cancelled=1)
    assert len(world.sink.taken) == 1


@pytest.mark.parametrize("first", ["message", "withdrawal", "one batch", "one batch, turned"])
async def test_it_makes_no_difference_which_comes_first(world: World, first: str) -> None:
    message, void = requested(message="m-1"), withdrawn("m-1")
    batches = {"message": [[message], [void]], "withdrawal": [[void], [message]], "one batch": [[message, void]]}
    for batch in batches.get(first, [[void, message]]):
        await world.take_in(*batch)
    assert await world.states() == {"cancelled": 1}
    assert [one["state"] for one in await world.outcomes()] == ["cancelled"]
    assert await inbox(world) == {"m-1": "the delivery note has been recorded"}


async def test_two_instances_batches_do_not_miss_each_other(world: World) -> None:
    """The message in one transaction, its withdrawal in another at the same time."""
    for n in range(10):
        message, void = requested(message=f"m-{n}"), withdrawn(f"m-{n}")
        records = [[world.record(message)], [world.record(void)]]
        # Partitions of their own: one topic's next offset would make them wait for each other.
        await asyncio.gather(*(world.intake.process(batch, f"cluster-{n}-{place}") for place, batch in enumerate(records)))
    assert await world.states() == {"cancelled": 10}


async def test_a_withdrawal_that_comes_again_has_no_further_effect(world: World) -> None:
    await world.take_in(requested(message="m-1"), withdrawn("m-1", reason="first"))
    await world.take_in(withdrawn("m-1", reason="second"))
    assert [one["detail"] for one in await world.outcomes()] == ["withdrawn: first"]
    assert await inbox(world) == {"m-1": "first"}


async def test_what_was_sent_stays_sent(world: World) -> None:
    await world.take_in(requested(message="m-1"))
    world.start_sender()
    await world.until_states(sent=1)
    await world.take_in(withdrawn("m-1"))
    assert await world.states() == {"sent": 1}
    assert await inbox(world) == {"m-1": "the delivery note has been recorded"}


async def test_a_rendered_mail_goes_as_it_is_unless_all_of_it_is_void(world: World) -> None:
    """Its bytes stand: one line less would be another mail under the same Message-ID."""
    world.sink.script = lambda stage, _to, count: "451 4.3.0 later" if stage == "rcpt" and count == 1 else None
    await world.take_in(with_lines("m-1"), with_lines("m-2", email="bert@example.com"))
    world.start_sender()
    await world.until_states(deferred=2)
    await world.take_in(withdrawn("m-1", "order-1/2"), withdrawn("m-2", *ABOUT))
    assert await world.states() == {"deferred": 1, "cancelled": 1}
    await due_now(world)
    await world.until_states(sent=1, cancelled=1)
    assert "Article 2" in said(world)


@pytest.mark.parametrize("state", ["deferred", "held", "unknown", "leased"])
async def test_whatever_is_not_on_its_way_is_stopped(world: World, state: str) -> None:
    if state == "unknown":
        world.sink.script = lambda stage, *_: "dot+DROP" if stage == "dot" else None
    elif state == "deferred":
        world.sink.script = lambda stage, *_: "451 4.3.0 later" if stage == "rcpt" else None
    await world.take_in(requested(message="m-1", message_type="not-yet" if state == "held" else "wrong-delivery"))
    if state == "leased":
        sender = uuid4()
        await world.pool.execute("INSERT INTO senders (id, expires_at) VALUES ($1, now() + interval '1 hour')", sender)
        await world.pool.execute("UPDATE envelopes SET state = 'leased', sender_id = $1, due_at = NULL", sender)
    else:
        world.start_sender()
        await world.until_states(**{state: 1})
    world.sink.script = lambda *_: None
    copies = len(world.sink.taken)
    await world.take_in(withdrawn("m-1"))
    await world.until_states(cancelled=1)
    assert (await world.outcomes())[-1]["state"] == "cancelled"
    await world.take_in(requested(message="m-2"))
    world.start_sender()
    await world.until_states(sent=1, cancelled=1)
    assert len(world.sink.taken) == copies + 1


async def test_what_was_on_its_way_and_came_back_is_not_tried_again(world: World) -> None:
    """The accepted race: a mail that is being sent goes on. But its next attempt is not made."""
    gate = asyncio.Event()
    say = world.sink._say

    async def held_up(writer: asyncio.StreamWriter, reply: str) -> None:
        if reply.startswith("451"):
            await gate.wait()
        await say(writer, reply)

    world.sink._say = held_up  # type: ignore[method-assign]
    world.sink.script = lambda stage, _to, count: "451 4.3.0 later" if stage == "dot" and count == 1 else None
    await world.take_in(requested(message="m-1"))
    world.start_sender()
    await world.until_states(sending=1)
    await world.take_in(withdrawn("m-1"))
    assert await world.states() == {"sending": 1}
    gate.set()
    await world.until_states(deferred=1)
    await due_now(world)
    await world.until_states(cancelled=1)
    assert [one["state"] for one in await world.outcomes()] == ["deferred", "cancelled"]
    assert world.sink.taken == []


async def test_a_late_reply_that_a_cancelled_mail_was_sent_is_recorded(world: World) -> None:
    from mailer_service.store import envelopes  # noqa: PLC0415

    await world.take_in(requested(message="m-1"))
    await world.pool.execute("UPDATE envelopes SET state = 'cancelled', attempts = 1, due_at = NULL")
    envelope = await world.envelope("m-1")
    for state, so_many in (("bounced", 0), ("sent", 1)):
        settled = [(envelope["id"], 1, state, None, "", False, False, False)]
        assert len(await envelopes.settle_envelopes(world.pool, settled)) == so_many  # type: ignore[arg-type]


async def test_lines_that_became_void_while_the_mail_was_rendered_are_not_in_it(world: World) -> None:
    """Between a sender's reading of the message and the storing of its bytes."""
    await world.take_in(with_lines("m-1"))
    bytes_of = [("m-1", "subject", b"all three lines", "hash", 0)]
    await world.take_in(withdrawn("m-1", "order-1/2"))
    async with world.pool.acquire() as connection:
        assert await rendered.add(connection, bytes_of) == set()
    world.start_sender()
    await world.until_states(sent=1)
    assert "Article 2" not in said(world)


async def test_a_storm_of_withdrawals_beside_a_sender_leaves_nothing_undecided(world: World) -> None:
    """300 messages, each withdrawn while two senders are at work: each was sent or cancelled, and none of the cancelled ones went out."""
    messages = [f"m-{n}" for n in range(300)]
    await world.take_in(*(requested(message=id_, email=f"{id_}@example.com") for id_ in messages))
    world.start_sender(take=20)
    world.start_sender(take=20)
    for start in range(0, 300, 30):
        await world.take_in(*(withdrawn(id_) for id_ in reversed(messages[start : start + 30])))

    async def settled() -> bool:
        return set(await world.states()) <= {"sent", "cancelled"}

    await world.until(settled)
    rows = await world.pool.fetch("SELECT message, state FROM envelopes")
    sent = {row["message"] for row in rows if row["state"] == "sent"}
    assert {id_.strip("<>").partition("@")[0] for id_, _ in world.sink.ids} == sent
    assert len(world.sink.ids) == len(sent)
    told = [one["state"] for one in await world.outcomes()]
    assert (told.count("sent"), told.count("cancelled")) == (len(sent), 300 - len(sent))
    assert set((await inbox(world)).values()) == {"the delivery note has been recorded"}
