"""A relay that is at fault itself, or in doubt: no mail pays for it, and all go once it is well."""

from datetime import timedelta
from typing import Any

import pytest
from tests.integration.mailer.conftest import World
from tests.integration.mailer.test_mailer_replies import due_now, refusing
from tests.integration.mailer.wishes import WRONG_DELIVERY

from mailer_service.sender.relay import DOUBTS

DENIED = "554 5.7.1 <x@example.com>: Relay access denied"
LONG: dict[str, Any] = {**WRONG_DELIVERY, "lines": [{**WRONG_DELIVERY["lines"][0], "line": str(n)} for n in range(40)]}


async def refused_by(world: World, sender: Any) -> None:
    async def noticed() -> bool:
        return bool(sender.relay.detail)

    await world.until(noticed)


@pytest.mark.parametrize(
    ("stage", "reply"),
    [
        ("rcpt", DENIED),
        ("rcpt", "550 5.1.8 <p@example.com>: Sender address rejected: Domain not found"),
        ("mail", "452 4.3.1 Insufficient system storage"),
        ("dot", "451 4.3.0 queue file write error"),
        ("data", "DROP"),
    ],
)
async def test_what_is_the_relays_fault_costs_no_mail_and_all_go_once_it_is_mended(world: World, stage: str, reply: str) -> None:
    """Also what had been tried for two days already: it is all refused, so nobody's life runs."""
    world.sink.script = refusing(stage, "", reply)  # type: ignore[assignment]
    await world.ask(*(f"p{n}@example.com" for n in range(60)))
    await world.pool.execute("UPDATE envelopes SET waited = interval '48 hours'")
    sender = world.start_sender()
    await refused_by(world, sender)
    await due_now(world)
    asked = world.sink.said.count("DATA")
    assert asked <= DOUBTS + 12, "the relay is not asked for every mail"
    assert not (await world.states()).keys() & {"bounced", "dead", "sent", "unknown"}
    world.sink.script = lambda *_: None
    await world.until_states(sent=60)
    assert len(set(world.sink.ids)) == len(world.sink.ids) == 60
    assert await world.pool.fetchval("SELECT count(*) FROM suppression") == 0


async def test_a_relay_on_trial_gets_one_mail_at_a_time(world: World) -> None:
    world.sink.script = refusing("mail", "", "530 5.7.0 sign in")  # type: ignore[assignment]
    await world.ask(*(f"p{n}@example.com" for n in range(60)))
    sender = world.start_sender()
    await refused_by(world, sender)

    async def given_back() -> bool:
        return not (await world.states()).keys() & {"leased", "sending"}

    await world.until(given_back)
    begun, first = await world.pool.fetchval("SELECT count(*) FROM attempts"), sender.relay.epoch

    async def refused_four_times() -> bool:
        return sender.relay.epoch >= first + 4

    await world.until(refused_four_times)
    assert await world.pool.fetchval("SELECT count(*) FROM attempts") - begun <= sender.relay.epoch - first + 1


async def test_a_relay_on_trial_that_takes_its_time_holds_nobody_up(world: World) -> None:
    """The first mail that it takes stays at the dot; both lanes had been refused, and one waits for what comes of the other's trial."""
    refused, stalled = iter(["530 5.7.0 sign in"] * 3), iter(["STALL"])
    world.sink.script = lambda stage, *_: next(refused, None) if stage == "mail" else next(stalled, None) if stage == "dot" else None
    await world.ask("a@example.com", "b@example.com")
    sender = world.start_sender(connections=2, window=1)
    await refused_by(world, sender)
    await world.until_states(sending=1, sent=1)
    await world.ask(*(f"p{n}@example.com" for n in range(20)))
    await world.until_states(sending=1, sent=21)


async def test_a_server_that_allows_fewer_connections_gets_the_mails_over_those(world: World) -> None:
    """Once the connections beyond them had stopped everything for half a minute, again and again."""
    world.sink.script = lambda stage, *_: "421 4.7.0 too many connections" if stage == "greeting" and len(world.sink._writers) > 2 else None
    sender = world.start_sender()
    for n in range(4):
        await world.ask(*(f"p{n}.{m}@example.com" for m in range(100)))
        await world.until_states(sent=100 * (n + 1))
    assert sender.relay.well


async def test_a_domain_that_blocks_us_keeps_nobody_else_waiting(world: World) -> None:
    """Mails to it in a row look as if the relay denied everything; one to somebody else is tried next, and shows that it doesn't."""
    world.sink.script = lambda stage, to, _: "550 5.7.1 you are on our list" if stage == "rcpt" and "blocked" in to else None
    await world.ask(*(f"p{n}@blocked.example" for n in range(60)))
    sender = world.start_sender()
    await refused_by(world, sender)
    # Those that were refused are as long due as can be, and as many were never tried.
    await world.pool.execute("UPDATE envelopes SET due_at = now() - interval '1 hour' WHERE state = 'deferred'")
    tried = world.sink.said.count("DATA")
    [message] = await world.ask("b@example.com")

    async def sent() -> bool:
        return bool((await world.envelope(message))["state"] == "sent")

    await world.until(sent)
    assert [to for _, to in world.sink.ids] == ["b@example.com"]
    before = world.sink.said.index("RCPT TO:<b@example.com>")
    assert world.sink.said[:before].count("DATA") - tried <= 8


async def test_a_domain_in_doubt_beside_good_traffic_waits_its_time_and_only_that_counts(world: World) -> None:
    """Once each mail taken made due again what that domain had refused, and counted waiting that never was: given up after minutes."""
    world.sink.script = lambda stage, to, _: "451 4.3.0 Temporary lookup failure" if stage == "rcpt" and "slow" in to else None
    refused = await world.ask("a@slow.example", "b@slow.example")
    world.start_sender(connections=1, life_seconds=5_000)

    async def all_tried() -> bool:
        return bool(await world.states() == {"deferred": len(refused)})

    await world.until(all_tried)
    for n in range(20):
        await world.ask(f"p{n}@example.com")
        await world.until_states(sent=n + 1, deferred=len(refused))
    envelopes = [await world.envelope(message) for message in refused]
    # The first tries are soon after one another, then one that waits its time; others where jitter made that short.
    assert max(envelope["attempts"] for envelope in envelopes) <= 6
    assert all(timedelta() < envelope["waited"] <= timedelta(seconds=5_000) for envelope in envelopes)


async def test_a_mail_beyond_the_announced_size_is_not_begun_and_the_others_go(world: World) -> None:
    world.sink.size = "14000"
    [large] = await world.ask("large@example.com", facts=LONG)
    await world.ask(*(f"p{n}@example.com" for n in range(20)))
    world.start_sender(connections=1)
    await world.until_states(sent=20, dead=1)
    assert (await world.envelope(large))["detail"].startswith("too_large: ")
    assert [one["detail"].partition(":")[0] for one in await world.outcomes() if one["state"] == "dead"] == ["too_large"]
    assert not [said for said in world.sink.said if "large@" in said]
    sizes = await world.pool.fetch("SELECT length(bytes) AS n FROM rendered WHERE message <> $1", large)
    told = [int(said.partition("SIZE=")[2]) for said in world.sink.said if said.startswith("MAIL")]
    assert sorted(told) == sorted(row["n"] for row in sizes)


@pytest.mark.parametrize("stage", ["mail", "rcpt", "data", "dot"])
async def test_a_mail_that_is_refused_for_its_size_disturbs_no_neighbour(world: World, stage: str) -> None:
    """The server doesn't say how much it takes, and refuses the eleventh of 21 on one connection."""
    count = 0

    def script(at: str, to: str, _: int) -> str | None:
        nonlocal count
        count += at == "mail"
        if at != stage:
            return None
        return "552 5.3.4 too big" if (count == 11 if stage == "mail" else to == "p10@example.com") else None

    world.sink.script = script
    await world.ask(*(f"p{n}@example.com" for n in range(21)))
    world.start_sender(connections=1)
    await world.until_states(sent=20, dead=1)
    assert len(set(world.sink.ids)) == len(world.sink.ids) == 20


@pytest.mark.parametrize("address", ["a@example.com>\r\nRCPT TO:<evil@example.com", "ä@example.com", "a b@example.com"])
async def test_an_address_that_no_server_can_be_told_is_told_to_none(world: World, address: str) -> None:
    """A correspondence's typed address is dead from the start; an operator may still say *resend*."""
    [message] = await world.ask("a@example.com")
    await world.pool.execute("UPDATE envelopes SET address = $1 WHERE message = $2", address, message)
    await world.ask("b@example.com")
    world.start_sender(connections=1)
    await world.until_states(sent=1, dead=1)
    assert not [said for said in world.sink.said if "evil" in said]
    assert "can't take mail" in (await world.envelope(message))["detail"]
