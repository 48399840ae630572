"""When and whether mail goes: quiet hours, no mail wanted, the daily digest, and the way out of a kind of mail."""

import asyncio
from datetime import UTC, datetime, timedelta
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any

import pytest
from tests.integration.mailer.conftest import World
from tests.integration.mailer.wishes import requested, withdrawn

from mailer_service.customer.templates import Templates
from mailer_service.domain import digests
from mailer_service.render import TEMPLATES, Renderer
from mailer_service.tasks import Digester

SOON = timedelta(hours=3)


def later() -> datetime:
    return datetime.now(UTC) + SOON


def mails(world: World) -> list[EmailMessage]:
    return [message_from_bytes(body, policy=policy.default) for _, body in world.sink.taken]


def digester(world: World) -> Digester:
    return Digester(world.pool, Templates(Renderer(TEMPLATES)))


async def its_time(world: World) -> datetime:
    """The moments of all digests have come; returns what they are now."""
    for table in ("digest_entries", "digests"):
        await world.pool.execute(f"UPDATE {table} SET moment = date_trunc('hour', now()) - interval '1 hour'")  # noqa: S608 - a constant
    moment: datetime = await world.pool.fetchval("SELECT moment FROM digests")
    return moment


async def test_in_quiet_hours_a_mail_waits_and_says_so(world: World) -> None:
    until = later()
    past = datetime.now(UTC) - SOON
    await world.take_in(requested(message="quiet", not_before=until), requested(message="over", not_before=past))
    world.start_sender()
    await world.until_states(pending=1, sent=1)
    envelope = await world.envelope("quiet")
    assert (envelope["state"], envelope["due_at"]) == ("pending", until)
    assert envelope["detail"].startswith("quiet hours until ")
    assert envelope["detail"].endswith("(Europe/Vienna)")
    assert (await world.envelope("over"))["detail"].startswith("dot: 250")
    assert {one["message"] for one in await world.outcomes()} == {"over"}
    await world.pool.execute("UPDATE envelopes SET due_at = now() WHERE message = 'quiet'")
    await world.until_states(sent=2)


async def test_who_wants_no_mail_gets_none_and_the_reason_is_kept(world: World) -> None:
    await world.take_in(requested(message="m-1", no_mail="she wants no mail of this type"))
    assert await world.pool.fetchval("SELECT unmailed FROM messages") == "she wants no mail of this type"
    assert await world.pool.fetchval("SELECT count(*) FROM inbox") == 1
    assert await world.states() == {}


async def test_a_digest_is_one_mail_with_what_holds(world: World) -> None:
    moment = later()
    first, second, void = (requested(digest=moment, not_before=moment) for _ in range(3))
    await world.take_in(first, second, void, requested(message="others", person="bert", email="bert@example.com", digest=moment))
    assert await world.states() == {}
    await world.take_in(withdrawn(void.data.message))  # type: ignore[attr-defined]
    assert await digester(world).make_due() == 0
    at = await its_time(world)
    assert await digester(world).make_due() == 2
    assert await digester(world).make_due() == 0
    world.start_sender()
    await world.until_states(sent=2)
    id_ = digests.id_of("tenant-a", "anna", at)
    row = await world.pool.fetchrow("SELECT * FROM messages WHERE id = $1", id_)
    assert row is not None
    assert [entry["message"] for entry in row["facts"]["entries"]] == [first.data.message, second.data.message]  # type: ignore[attr-defined]
    assert (row["facts"]["more"], row["name"], row["zone"]) == (0, "Anna Maier", "Europe/Vienna")
    text = next(mail for mail in mails(world) if mail["To"] and "anna" in str(mail["To"])).get_body(("plain",)).get_content()  # type: ignore[union-attr]
    assert text.count("Wrong delivery: 8 of 10") == 2
    assert "daily digest" in text
    assert await world.pool.fetchval("SELECT count(*) FROM inbox WHERE message = $1", id_) == 0
    told = {one["message"]: (one["state"], one["detail"]) for one in await world.outcomes() if one["state"] != "sent"}
    assert told[first.data.message] == ("in_digest", f"in the daily digest {id_}")  # type: ignore[attr-defined]
    assert told[void.data.message][0] == "cancelled"  # type: ignore[attr-defined]
    assert len(told) == 4


async def test_a_digest_of_which_nothing_holds_is_no_mail(world: World) -> None:
    message = requested(message="m-1", digest=later())
    await world.take_in(message, withdrawn("m-1"))
    await its_time(world)
    assert await digester(world).make_due() == 1
    assert await world.pool.fetchval("SELECT count(*) FROM messages") == 1
    assert await world.states() == {}


async def test_the_language_is_the_newest_messages(world: World) -> None:
    moment = later()
    await world.take_in(requested(digest=moment), requested(digest=moment, language="de-AT"))
    await its_time(world)
    await digester(world).make_due()
    row = await world.pool.fetchrow("SELECT language, reason FROM messages WHERE message_type = 'digest'")
    assert row is not None
    assert row["language"] == "de-AT"
    assert "tägliche Übersicht" in row["reason"]


async def test_a_long_digest_counts_what_it_leaves_out(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(digests, "SHOWN", 3)
    moment = later()
    await world.take_in(*(requested(message=f"m-{n}", digest=moment) for n in range(8)))
    await its_time(world)
    await digester(world).make_due()
    facts = await world.pool.fetchval("SELECT facts FROM messages WHERE message_type = 'digest'")
    assert ([one["message"] for one in facts["entries"]], facts["more"]) == (["m-0", "m-1", "m-2"], 5)
    assert await world.pool.fetchval("SELECT count(*) FROM digest_entries WHERE digest IS NOT NULL") == 8
    world.start_sender()
    await world.until_states(sent=1)
    text = mails(world)[0].get_body(("plain",)).get_content()  # type: ignore[union-attr]
    assert "and 5 more" in text


async def test_many_instances_make_each_digest_once(world: World) -> None:
    moment = later()
    people = [f"p{n}" for n in range(40)]
    for _ in range(2):
        await world.take_in(*(requested(person=person, email=f"{person}@example.com", digest=moment) for person in people))
    await its_time(world)
    workers = [digester(world) for _ in range(4)]
    for _ in range(4):
        await asyncio.gather(*(worker.make_due() for worker in workers))
    rows = await world.pool.fetch("SELECT person, jsonb_array_length(facts -> 'entries') AS n FROM messages WHERE message_type = 'digest'")
    assert sorted((row["person"], row["n"]) for row in rows) == sorted((person, 2) for person in people)


async def test_a_crash_in_the_midst_leaves_the_digest_to_be_made_once_and_holds_up_no_other(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It comes again behind the others, or by another instance."""
    await world.take_in(requested(message="m-1", digest=later()))
    await its_time(world)

    async def crash(*_: Any) -> None:
        raise ConnectionResetError

    with monkeypatch.context() as patch:
        patch.setattr(Digester, "_send", crash)
        assert await digester(world).make_due() == 1
    assert await world.pool.fetchval("SELECT count(*) FROM messages WHERE message_type = 'digest'") == 0
    await world.take_in(requested(message="m-2", person="bert", email="bert@example.com", digest=datetime.now(UTC)))
    assert await digester(world).make_due() == 1
    assert await world.pool.fetchval("SELECT person FROM messages WHERE message_type = 'digest'") == "bert"
    await world.pool.execute("UPDATE digests SET claimed_until = now() - interval '1 s' WHERE made_at IS NULL")
    assert await digester(world).make_due() == 1
    assert await world.states() == {"pending": 2}


async def test_what_is_withdrawn_while_a_digest_is_written_is_not_in_it(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Writing it takes a customer's template its time: nothing is locked meanwhile."""
    moment = datetime.now(UTC)
    await world.take_in(*(requested(message=f"m-{n}", digest=moment) for n in range(2)))
    written = Digester._digest

    async def slowly(self: Digester, *given: Any) -> Any:
        await world.take_in(withdrawn("m-1"))
        return await written(self, *given)

    with monkeypatch.context() as patch:
        patch.setattr(Digester, "_digest", slowly)
        await digester(world).make_due()
    await digester(world).make_due()
    facts = await world.pool.fetchval("SELECT facts FROM messages WHERE message_type = 'digest'")
    assert [entry["message"] for entry in facts["entries"]] == ["m-0"]


async def test_who_comes_too_late_for_a_digest_is_in_the_next(world: World) -> None:
    moment = datetime.now(UTC) - timedelta(days=2, hours=1)
    await world.take_in(requested(message="m-1", digest=moment))
    await digester(world).make_due()
    await world.take_in(requested(message="m-2", digest=moment))
    assert await digester(world).make_due() == 0
    assert await world.pool.fetchval("SELECT moment FROM digest_entries WHERE message = 'm-2'") == moment + timedelta(days=3)

    # Nothing else comes for that one.
    await _comes(world, moment + timedelta(days=3))
    assert await digester(world).make_due() == 1
    assert await world.pool.fetchval("SELECT digest IS NOT NULL FROM digest_entries WHERE message = 'm-2'")


async def test_who_comes_too_late_for_the_next_one_too_is_in_the_one_after_it(world: World) -> None:
    """It was made by a clock that was a day ahead, and is right again."""
    moment = datetime.now(UTC) - timedelta(hours=1)
    for n in range(2):
        await world.take_in(requested(message=f"m-{n}", digest=moment + timedelta(days=n)))
    await world.pool.execute("UPDATE digests SET made_at = now()")
    await world.take_in(*(requested(message=f"late-{n}", digest=moment) for n in range(2)), requested(message="early", digest=later()))
    late = await world.pool.fetch("SELECT DISTINCT moment FROM digest_entries WHERE message LIKE 'late-%'")
    assert [row["moment"] for row in late] == [moment + timedelta(days=2)]
    await _comes(world, moment + timedelta(days=2))
    assert await digester(world).make_due() == 1
    assert await world.pool.fetchval("SELECT count(*) FROM digest_entries WHERE digest IS NOT NULL AND message LIKE 'late-%'") == 2


async def _comes(world: World, moment: datetime) -> None:
    for table in ("digest_entries", "digests"):
        await world.pool.execute(f"UPDATE {table} SET moment = date_trunc('hour', now()) WHERE moment = $1", moment)  # noqa: S608


async def test_an_optional_mail_says_how_to_stop_its_kind(world: World) -> None:
    await world.take_in(requested(message="m-1", unsubscribe="dG9rZW4-_x"), requested(message="m-2", email="bert@example.com"))
    world.start_sender()
    await world.until_states(sent=2)
    optional, mandatory = sorted(mails(world), key=lambda mail: str(mail["To"]))
    url = f"{world.settings.public_url}/unsubscribe/dG9rZW4-_x"
    assert optional["List-Unsubscribe"] == f"<{url}>"
    assert optional["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert url in optional.get_body(("plain",)).get_content()  # type: ignore[union-attr]
    assert mandatory["List-Unsubscribe"] is None
    assert mandatory["List-Unsubscribe-Post"] is None
