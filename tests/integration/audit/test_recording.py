"""What enters the history, and how: chained under the head's lock, a batch at a time, and told to Kafka and to the file."""

import asyncio
import json
from pathlib import Path

import orjson
import pytest
from tests.integration.audit.conftest import OPERATOR, ORDERS, SUPPLIER, Archive
from tests.integration.audit.test_audit_finds import exported

from commlog_service import heads as heads_file
from commlog_service import recording
from commlog_service.domain.history import Entry
from commlog_service.heads import HeadsFile
from postroom import clock
from postroom_cli.audit import check
from postroom_cli.heads import from_files


async def test_an_outcome_is_an_entry_with_the_hash_of_the_bytes_that_were_sent(archive: Archive) -> None:
    await archive.log("o1", "Late", **SUPPLIER)
    send = await archive.send("o1", "Late: o1")
    await archive.outcomes((send, "BEA@buyer.example", "deferred", 1), (send, "bea@buyer.example", "sent", 2))
    rows = await archive.owner.fetch("SELECT entry, kind, ref, actor, content FROM history NATURAL JOIN history_contents ORDER BY entry")
    assert [(row["entry"], row["kind"]) for row in rows] == [(1, "log"), (2, "send"), (3, "outcome"), (4, "outcome")]
    assert {(row["ref"], row["actor"]) for row in rows[2:]} == {(send, "mailer-service")}
    told = [orjson.loads(row["content"]) for row in rows[2:]]
    assert [(one["mailbox"], one["state"], one["attempt"], one["sha256"]) for one in told] == [
        ("bea@buyer.example", "deferred", 1, ""),
        ("bea@buyer.example", "sent", 2, "ab" * 32),
    ]
    assert set(orjson.loads(rows[1]["content"])) >= {"sender", "subject", "recipients", "logs", "documents", "frozen", "generated_from"}


async def test_a_batch_of_outcomes_takes_as_many_statements_as_one(archive: Archive) -> None:
    sends = []
    for order in ORDERS:
        await archive.log(order, "Late", **SUPPLIER)
        sends.append(await archive.send(order, "Late"))
    counted: list[int] = []
    async with archive.house.app.state.wiring.worker.acquire() as connection:
        # The first round warms the connection: the driver asks for types that it meets for the first time.
        for attempt, batch in ((1, sends), (2, sends[:1]), (3, sends)):
            statements: list[str] = []
            told = [(send, address, "deferred", attempt) for send in batch for address in ("bea@buyer.example", "board@buyer.example")]
            with connection.query_logger(lambda record, seen=statements: seen.append(record.query)):
                async with connection.transaction():
                    await archive.outcomes_on(connection, *told)
            counted.append(len(statements))
    assert counted[1] == counted[2] < 12


async def test_logs_sends_and_outcomes_at_once_make_whole_chains(archive: Archive) -> None:
    """Nobody waits crosswise: a deadlock would fail a request or a batch."""
    sends = {}
    for order in ORDERS:
        await archive.log(order, "Late", **SUPPLIER)
        sends[order] = await archive.send(order, "Late")
    both = ("bea@buyer.example", "board@buyer.example")
    await asyncio.gather(
        *(archive.log(order, f"More {n}", **SUPPLIER) for order in ORDERS for n in range(3)),
        *(archive.send(order, "Again", confirm_identical=True) for order in ORDERS),
        *(
            archive.outcomes(*((sends[order], address, "deferred", n) for order in some for address in both))
            for n, some in enumerate((ORDERS, ORDERS[::-1], ORDERS[1:3], ORDERS[::2]), 1)
        ),
    )
    published = await archive.published()
    async with archive.owner.transaction():
        verdict = check(archive.tenant, *await exported(archive.owner, archive.tenant), published)
    assert verdict["findings"] == []
    assert verdict["entries"] >= 4 * (2 + 3 + 1 + 2)


async def test_an_entry_out_of_turn_is_refused(archive: Archive) -> None:
    await archive.log("o1", "Late", **SUPPLIER)
    entry = Entry(entry=3, kind="log", ref="x", actor="sam", at=clock.now(), content={})
    async with archive.house.app.state.wiring.worker.acquire() as connection:
        with pytest.raises(ValueError, match="goes on with entry 2, not 3"):
            async with connection.transaction():
                await recording.append(connection, {(archive.tenant, "o1"): [entry]})


async def test_a_file_that_can_not_be_written_keeps_the_heads_in_the_queue(archive: Archive, tmp_path: Path) -> None:
    pool = archive.house.app.state.wiring.worker
    place = (archive.tenant, "o1", 1, "0" * 64)
    (tmp_path / "closed").write_text("a file where the folder should be")
    # Inside one transaction: the service's own worker must not see it.
    async with pool.acquire() as connection, connection.transaction():
        await connection.execute("INSERT INTO unfiled_heads (tenant, order_id, entry, hash) VALUES ($1, $2, $3, $4)", *place)
        with pytest.raises(OSError, match="closed"):
            await HeadsFile(pool, tmp_path / "closed" / "heads.jsonl").file_some(connection)
        assert await connection.fetchval("SELECT count(*) FROM unfiled_heads") == 1
        assert await HeadsFile(pool, tmp_path / "open" / "heads.jsonl").file_some(connection) is False
        assert await connection.fetchval("SELECT count(*) FROM unfiled_heads") == 0
    line = json.loads((tmp_path / "open" / "heads.jsonl").read_text())
    assert {name: line[name] for name in ("tenant", "order", "entry", "hash")} == dict(
        zip(("tenant", "order", "entry", "hash"), place, strict=True)
    )
    status = await archive.ask("GET", "/operations/status", **OPERATOR)
    assert status["unfiled_heads"] == 0


def test_a_line_that_a_crash_tore_spoils_no_other(tmp_path: Path) -> None:
    path = tmp_path / "heads.jsonl"
    head = {"tenant": "acme", "order": "o1", "entry": 1, "hash": "ab" * 32}
    heads_file.append(path, [head])
    with path.open("ab") as file:
        file.write(b'{"tenant": "acme", "or')
    heads_file.append(path, [{**head, "entry": 2}])
    found = from_files([path], "acme")
    assert found.heads == {"o1": {(1, "ab" * 32), (2, "ab" * 32)}}
    assert found.unreadable == [f"{path}:2"]


async def test_heads_come_to_the_file_also_after_the_database_was_away(archive: Archive) -> None:
    await archive.log("o1", "Late", **SUPPLIER)
    await archive.published()
    await archive.owner.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
    )
    await archive.log("o1", "Still late", **SUPPLIER)
    async with asyncio.timeout(20):
        while len(from_files([archive.house.settings.heads], archive.tenant).heads["o1"]) < 2:  # noqa: ASYNC110 - a file tells nobody
            await asyncio.sleep(0.1)
