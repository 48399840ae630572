# ruff: noqa: S608 - the tables' and columns' names are these tests' own
"""The tamperings: each changes what is or was, with the owner's rights, and says which orders an audit has to name."""

from collections.abc import Awaitable, Callable
from typing import Any

import orjson
from tests.integration.audit.forger import Forger

from postroom.contracts import chain

Tampering = Callable[[Forger], Awaitable[set[str]]]
TAMPERINGS: list[Tampering] = []


def tampering(function: Tampering) -> Tampering:
    TAMPERINGS.append(function)
    return function


def of_row(table: str, change: str, kind: str = "log") -> None:
    """A row that is shown is changed, and the chain left alone."""

    async def changed(forger: Forger) -> set[str]:
        one = await forger.pick(kind)
        await forger.do(f"UPDATE {table} SET {change} WHERE tenant = $1 AND id = $2", forger.tenant, one["ref"])
        return {forger.order}

    changed.__name__ = f"{table}: {change}"
    TAMPERINGS.append(changed)


def of_recipient(change: str) -> None:
    async def changed(forger: Forger) -> set[str]:
        one = await forger.pick("outcome")
        mailbox = orjson.loads(one["content"])["mailbox"]
        await forger.do(f"UPDATE recipients SET {change} WHERE send = $1 AND mailbox = $2", one["ref"], mailbox)
        return {forger.order}

    changed.__name__ = f"recipients: {change}"
    TAMPERINGS.append(changed)


def of_entry(change: str, kind: str) -> None:
    """A column of the chain itself."""

    async def changed(forger: Forger) -> set[str]:
        one = await forger.pick(kind)
        where = "tenant = $1 AND order_id = $2 AND entry = $3"
        await forger.do(f"UPDATE history SET {change} WHERE {where}", forger.tenant, forger.order, one["entry"])
        return {forger.order}

    changed.__name__ = f"history: {change}"
    TAMPERINGS.append(changed)


of_row("logs", "message = message || ' not'")
of_row("logs", """author = author || '{"name": "Somebody Else"}'""")
of_row("logs", "log_type = 'Quality'")
of_row("logs", "created_at = created_at - interval '1 day'")
of_row("logs", "side = CASE side WHEN 'client' THEN 'supplier' ELSE 'client' END")
of_row("logs", "supplier = 'rival'")
of_row("logs", "message = '', erased = true")
of_row("logs", "tenant = 'elsewhere'")
of_row("logs", "origin = 'e-mail'")
of_row("logs", """attachments = '[{"filename": "forged.pdf"}]'""")
of_row("sends", "subject = 'Something else'", "send")
of_row("sends", """documents = '[]', subject = subject || '!'""", "send")
of_row("sends", """documents = documents || '[{"document": "forged"}]'""", "send")
of_row("sends", "logs = logs[2:]", "send")
of_row("sends", "requested_at = requested_at + interval '1 hour'", "send")
of_recipient("state = 'cancelled'")
of_recipient("address = 'someone@else.example', mailbox = 'someone@else.example'")
of_recipient("detail = 'never mind'")
of_recipient("changed_at = changed_at - interval '1 hour'")
of_entry("actor = 'somebody'", "send")
of_entry("at = at + interval '1 microsecond'", "log")
of_entry("ref = ref || 'x'", "log")
of_entry("hash = repeat('a', 64)", "outcome")


@tampering
async def a_content_is_changed(forger: Forger) -> set[str]:
    await forger.say((await forger.pick("log"))["entry"], message="Something else")
    return {forger.order}


@tampering
async def a_salt_is_changed(forger: Forger) -> set[str]:
    one = await forger.pick("send")
    where = "tenant = $1 AND order_id = $2 AND entry = $3"
    await forger.do(f"UPDATE history_contents SET salt = $4 WHERE {where}", forger.tenant, forger.order, one["entry"], bytes(32))
    return {forger.order}


@tampering
async def a_content_and_its_hash_are_changed(forger: Forger) -> set[str]:
    one = await forger.pick("outcome")
    await forger.say(one["entry"], state="sent", sha256="cd" * 32)
    await forger.rehash(one["entry"])
    return {forger.order}


@tampering
async def a_log_is_rewritten_with_the_whole_chain_behind_it(forger: Forger) -> set[str]:
    """What nothing inside the database can show."""
    one = await forger.pick("log")
    await forger.say(one["entry"], message="We never said so")
    await forger.do("UPDATE logs SET message = 'We never said so' WHERE tenant = $1 AND id = $2", forger.tenant, one["ref"])
    await forger.reforge()
    return {forger.order}


@tampering
async def an_outcome_is_rewritten_with_the_whole_chain_behind_it(forger: Forger) -> set[str]:
    one = await forger.pick("outcome")
    said = orjson.loads(one["content"])
    await forger.say(one["entry"], state="held", detail="forged")
    await forger.reforge()
    await forger.do("UPDATE recipients SET state = 'held', detail = 'forged' WHERE send = $1 AND mailbox = $2", one["ref"], said["mailbox"])
    return {forger.order}


@tampering
async def a_sends_subject_is_rewritten_everywhere(forger: Forger) -> set[str]:
    one = await forger.pick("send")
    await forger.say(one["entry"], subject="As agreed")
    await forger.do("UPDATE sends SET subject = 'As agreed' WHERE tenant = $1 AND id = $2", forger.tenant, one["ref"])
    await forger.reforge()
    return {forger.order}


@tampering
async def the_last_entries_are_cut_with_all_that_is_shown_of_them(forger: Forger) -> set[str]:
    for _ in range(forger.chance.randint(1, 4)):
        await forger.remove((await forger.entries())[-1]["entry"])
    await _settle_recipients(forger)
    await forger.reforge()
    return {forger.order}


@tampering
async def a_middle_entry_is_deleted_and_the_rest_renumbered(forger: Forger) -> set[str]:
    await forger.remove((await forger.pick("log"))["entry"])
    await forger.reforge()
    return {forger.order}


@tampering
async def a_middle_entry_is_deleted_and_leaves_a_gap(forger: Forger) -> set[str]:
    one = await forger.pick("outcome")
    for table in ("history", "history_contents"):
        where = "tenant = $1 AND order_id = $2 AND entry = $3"
        await forger.do(f"DELETE FROM {table} WHERE {where}", forger.tenant, forger.order, one["entry"])
    return {forger.order}


@tampering
async def two_entries_are_swapped(forger: Forger) -> set[str]:
    await _swap(forger)
    return {forger.order}


@tampering
async def two_entries_are_swapped_and_the_chain_is_forged_anew(forger: Forger) -> set[str]:
    await _swap(forger)
    await forger.reforge()
    return {forger.order}


@tampering
async def an_entry_is_moved_to_another_order(forger: Forger) -> set[str]:
    one = await forger.pick("log")
    last = await forger.connection.fetchval(
        "SELECT max(entry) + 1 FROM history WHERE tenant = $1 AND order_id = $2", forger.tenant, forger.other
    )
    for table in ("history", "history_contents", "logs"):
        await forger.do(
            f"UPDATE {table} SET order_id = $3, entry = $4 WHERE tenant = $1 AND order_id = $2 AND entry = $5",
            forger.tenant,
            forger.order,
            forger.other,
            last,
            one["entry"],
        )
    return {forger.order, forger.other}


@tampering
async def a_log_is_moved_to_another_order(forger: Forger) -> set[str]:
    one = await forger.pick("log")
    await forger.do("UPDATE logs SET order_id = $3, entry = 99 WHERE tenant = $1 AND id = $2", forger.tenant, one["ref"], forger.other)
    return {forger.order, forger.other}


@tampering
async def a_recipient_is_taken_away(forger: Forger) -> set[str]:
    one = await forger.pick("send")
    await forger.do("DELETE FROM recipients WHERE send = $1 AND mailbox = 'board@buyer.example'", one["ref"])
    return {forger.order}


@tampering
async def a_recipient_is_added(forger: Forger) -> set[str]:
    one = await forger.pick("send")
    await forger.do(
        """
        INSERT INTO recipients (send, mailbox, tenant, supplier, address, name, kind, changed_at)
        VALUES ($1, 'x@y.example', $2, 'seller', 'x@y.example', '', 'typed', now())
        """,
        one["ref"],
        forger.tenant,
    )
    return {forger.order}


@tampering
async def an_order_is_deleted_whole(forger: Forger) -> set[str]:
    await forger.connection.execute("DELETE FROM recipients WHERE send IN (SELECT id FROM sends WHERE order_id = $1)", forger.order)
    for table in ("history", "history_contents", "history_heads", "logs", "sends", "correspondences"):
        await forger.do(f"DELETE FROM {table} WHERE tenant = $1 AND order_id = $2", forger.tenant, forger.order)
    await forger.do("DELETE FROM order_refs WHERE tenant = $1 AND id = $2", forger.tenant, forger.order)
    return {forger.order}


@tampering
async def a_content_is_blanked_and_nothing_tells_of_it(forger: Forger) -> set[str]:
    one = await forger.pick("log")
    await _blank(forger, one)
    return {forger.order}


@tampering
async def an_erasure_is_made_up(forger: Forger) -> set[str]:
    """Blanked, and an entry chained that tells of it; but nobody published its head."""
    one = await forger.pick("log")
    await _blank(forger, one)
    await forger.add_entry("erasure", one["ref"], {"entries": [one["entry"]], "reason": "why not"}, actor="ops")
    await forger.reforge()
    return {forger.order}


@tampering
async def an_erasure_is_undone_with_other_words(forger: Forger) -> set[str]:
    forger.order = "o3"
    one = await forger.pick("log", blank=True)
    where = "tenant = $1 AND order_id = $2 AND entry = $3"
    content = chain.canonical({"log_type": "General", "message": "forged", "author": {}})
    await forger.do(
        f"UPDATE history_contents SET salt = $4, content = $5 WHERE {where}", forger.tenant, forger.order, one["entry"], bytes(32), content
    )
    return {forger.order}


@tampering
async def what_tells_of_an_erasure_is_cut(forger: Forger) -> set[str]:
    forger.order = "o3"
    await forger.remove((await forger.pick("erasure"))["entry"])
    await forger.reforge()
    return {forger.order}


@tampering
async def a_log_is_slipped_in_among_the_rows(forger: Forger) -> set[str]:
    await _show_log(forger, "forged", 77)
    return {forger.order}


@tampering
async def a_log_is_appended_with_its_entry_and_head(forger: Forger) -> set[str]:
    """All in order, but the head was never published."""
    author = {"person": "sam", "name": "Sam", "company": "Seller", "side": "supplier"}
    number = await forger.add_entry("log", "forged", {"log_type": "General", "message": "forged", "author": author})
    await _show_log(forger, "forged", number)
    await forger.reforge()
    return {forger.order}


@tampering
async def the_head_is_set_back(forger: Forger) -> set[str]:
    await forger.do("UPDATE history_heads SET entry = entry - 1 WHERE tenant = $1 AND order_id = $2", forger.tenant, forger.order)
    return {forger.order}


@tampering
async def the_head_is_deleted(forger: Forger) -> set[str]:
    await forger.do("DELETE FROM history_heads WHERE tenant = $1 AND order_id = $2", forger.tenant, forger.order)
    return {forger.order}


@tampering
async def all_contents_of_an_order_are_deleted(forger: Forger) -> set[str]:
    await forger.do("DELETE FROM history_contents WHERE tenant = $1 AND order_id = $2", forger.tenant, forger.order)
    return {forger.order}


@tampering
async def a_content_becomes_something_unreadable(forger: Forger) -> set[str]:
    """What would make a careless verifier stumble is a finding like any other."""
    await forger.write((await forger.pick("send"))["entry"], forger.chance.choice(["[]", "{", '{"recipients": [7]}', '"text"']))
    await forger.reforge()
    return {forger.order}


async def _blank(forger: Forger, one: dict[str, Any]) -> None:
    where = "tenant = $1 AND order_id = $2 AND entry = $3"
    await forger.do(f"UPDATE history_contents SET salt = NULL, content = NULL WHERE {where}", forger.tenant, forger.order, one["entry"])
    await forger.do("UPDATE logs SET message = '', erased = true WHERE tenant = $1 AND id = $2", forger.tenant, one["ref"])


async def _show_log(forger: Forger, log: str, entry: int) -> None:
    await forger.do(
        """
        INSERT INTO logs (id, tenant, order_id, supplier, entry, log_type, message, author, side, created_at)
        SELECT $3, tenant, order_id, supplier, $4, 'General', 'forged', author, side, now() FROM logs
        WHERE tenant = $1 AND order_id = $2 AND side = 'supplier' LIMIT 1
        """,
        forger.tenant,
        forger.order,
        log,
        entry,
    )


async def _swap(forger: Forger) -> None:
    """Two neighbours change places, with their rows."""
    first = forger.chance.choice(await forger.entries())["entry"]
    last = (await forger.entries())[-1]["entry"]
    one, two = (first, first + 1) if first < last else (first - 1, first)
    where = "tenant = $1 AND order_id = $2"
    for table in ("history", "history_contents", "logs", "sends"):
        for entry, to in ((one, -1), (two, one), (-1, two)):
            await forger.connection.execute(
                f"UPDATE {table} SET entry = $4 WHERE {where} AND entry = $3", forger.tenant, forger.order, entry, to
            )


async def _settle_recipients(forger: Forger) -> None:
    """After a cut: each recipient stands where its last remaining outcome left it."""
    await forger.connection.execute(
        """
        UPDATE recipients AS r SET state = 'queued', code = NULL, detail = '', attempt = -1, changed_at = s.requested_at
        FROM sends AS s WHERE s.id = r.send AND s.tenant = $1 AND s.order_id = $2
        """,
        forger.tenant,
        forger.order,
    )
    for one in await forger.entries():
        if one["kind"] == "outcome":
            said = orjson.loads(one["content"])
            await forger.connection.execute(
                """
                UPDATE recipients SET state = $3, code = $4, detail = $5, attempt = $6, changed_at = $7 WHERE send = $1 AND mailbox = $2
                """,
                one["ref"],
                said["mailbox"],
                said["state"],
                said["code"],
                said["detail"],
                said["attempt"],
                one["at"],
            )
