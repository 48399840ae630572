# ruff: noqa: S608 - this test's own rows
"""An installation from before the chain gets one: from its own rows, in SQL, and it is whole by the verifier's own reckoning."""

from collections.abc import Iterator
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any
from uuid import uuid4

import asyncpg
import orjson
import pytest
from tests.integration.audit.test_audit_finds import exported

from commlog_service.settings import Settings
from postroom import db, headers
from postroom.contracts import cloudevents
from postroom.contracts.history import HistoryAdvanced
from postroom.contracts.record import Record
from postroom_cli.audit import check
from postroom_cli.heads import Published

NEW = "commlog_service/0002_history.sql"
AUTHOR = '{"person": "sam", "name": "Sam Müller", "company": "Seller", "side": "supplier"}'
BEFORE = f"""
INSERT INTO order_refs (tenant, id, number, supplier, supplier_name, buyer, buyer_name, people, entries) VALUES
    ('acme', 'o1', '4711', 'seller', 'Seller', 'buyer', 'Buyer', '[]', 3),
    ('acme', 'o2', '4712', 'seller', 'Seller', 'buyer', 'Buyer', '[]', 0),
    ('other', 'o1', '4711', 'seller', 'Seller', 'buyer', 'Buyer', '[]', 1);
INSERT INTO logs (id, tenant, order_id, supplier, entry, log_type, message, author, side, created_at)
SELECT format('%s-%s', tenant, entry), tenant, 'o1', 'seller', entry, 'General', 'Größe "XL", 5 €' || entry, '{AUTHOR}', 'supplier', at
FROM (VALUES ('acme', 1, timestamptz '2026-11-01 10:00:00.1+01'), ('acme', 2, '2026-11-01 10:00:01.123456+00'), ('other', 1, now()))
    AS t (tenant, entry, at);
INSERT INTO history (tenant, order_id, entry, supplier, kind, ref, actor, at, content)
SELECT tenant, order_id, entry, supplier, 'log', id, 'sam', created_at,
       jsonb_build_object('log_type', log_type, 'message', message, 'author', author) FROM logs;
INSERT INTO correspondences (id, tenant, order_id, supplier, side, person, scope, logs, subject, contacts, documents, opened_at)
VALUES ('w', 'acme', 'o1', 'seller', 'supplier', 'sam', 'all', '{{acme-1,acme-2}}', '4711', '[]', '[]', now());
INSERT INTO sends (id, correspondence, tenant, order_id, supplier, entry, sender, subject, scope, logs, frozen, documents, attach_pdf,
                   fingerprint, requested_at)
VALUES ('s', 'w', 'acme', 'o1', 'seller', 3, '{AUTHOR}', '4711', 'all', '{{acme-1,acme-2}}', '{{"sha256": "00", "size": 2}}', '[]', true,
        'f', '2026-11-02 00:00+00');
INSERT INTO recipients (send, mailbox, tenant, supplier, address, name, kind, person, state, code, detail, attempt, changed_at) VALUES
    ('s', 'bea@buyer.example', 'acme', 'seller', 'Bea@buyer.example', 'Bea', 'contact', 'bea', 'sent', 250, 'ok', 2, '2026-11-02 00:01+00'),
    ('s', 'x@y.example', 'acme', 'seller', 'x@y.example', '', 'typed', NULL, 'bounced', 550, 'no', 1, '2026-11-02 00:02+00'),
    ('s', 'z@y.example', 'acme', 'seller', 'z@y.example', '', 'typed', NULL, 'queued', NULL, '', -1, '2026-11-02 00:00+00');
INSERT INTO history (tenant, order_id, entry, supplier, kind, ref, actor, at, content)
SELECT tenant, order_id, entry, supplier, 'send', id, 'sam', requested_at, jsonb_build_object(
    'sender', sender, 'subject', subject, 'frozen', frozen, 'documents', documents, 'attach_pdf', attach_pdf, 'logs', logs,
    'generated_from', correspondence, 'recipients', (
        SELECT jsonb_agg(jsonb_build_object('address', address, 'name', name, 'kind', kind, 'person', person)) FROM recipients)) FROM sends;
"""


@pytest.fixture
async def before(postgres: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Settings of a filled database that the new migration has not seen."""
    settings = Settings(postgres=postgres, database=f"before_{uuid4().hex[:8]}", blobs=tmp_path, heads=tmp_path / "heads.jsonl")
    every = db._migrations

    def old(*owners: str) -> Iterator[tuple[str, Traversable]]:
        return (one for one in every(*owners) if one[0] < NEW or not one[0].startswith("commlog_service"))

    with monkeypatch.context() as patch:
        patch.setattr(db, "_migrations", old)
        await db.migrate(settings, "commlog_service")
    connection = await asyncpg.connect(settings.dsn)
    await connection.execute(BEFORE)
    await connection.close()
    yield settings
    server = await asyncpg.connect(f"{postgres}/postgres")
    await server.execute(f'DROP DATABASE "{settings.database}" WITH (FORCE)')
    await server.close()


async def _told(connection: db.Connection) -> list[tuple[str, HistoryAdvanced]]:
    """What the migration left in the outbox, as a consumer reads it."""
    found = []
    for row in await connection.fetch("SELECT key, headers, value, created_at FROM outbox WHERE topic = 'history' ORDER BY id"):
        record = Record("history", 0, 0, row["key"], tuple(headers.from_json(row["headers"])), row["value"], row["created_at"])
        event = cloudevents.decode(record, "commlog-service")
        assert isinstance(event.data, HistoryAdvanced)
        assert (event.source, event.key, event.aggregateversion) == ("commlog-service", event.data.order, event.data.entry)
        found.append((event.tenant, event.data))
    return found


async def test_a_filled_database_gets_whole_chains_whose_heads_are_published(before: Settings) -> None:
    assert (files("commlog_service") / "migrations" / NEW.partition("/")[2]).is_file()
    await db.migrate(before, "commlog_service")
    connection = await asyncpg.connect(before.dsn)
    await db._set_up_json(connection)
    told = await _told(connection)
    assert sorted((tenant, fact.order, fact.entry) for tenant, fact in told) == [("acme", "o1", 5), ("other", "o1", 1)]
    queued = await connection.fetch("SELECT tenant, entry, hash FROM unfiled_heads")
    assert {tuple(row) for row in queued} == {(tenant, fact.entry, fact.hash) for tenant, fact in told}
    for tenant, orders in (("acme", 2), ("other", 1)):
        heads = {fact.order: {(fact.entry, fact.hash)} for of, fact in told if of == tenant}
        async with connection.transaction():
            verdict = check(tenant, *await exported(connection, tenant), {"kafka": Published(heads), "file": Published(heads)})
        assert verdict["findings"] == []
        assert verdict["orders"] == orders
    outcomes = await connection.fetch("SELECT content FROM history NATURAL JOIN history_contents WHERE kind = 'outcome' ORDER BY entry")
    assert [(told["mailbox"], told["state"]) for told in (orjson.loads(row["content"]) for row in outcomes)] == [
        ("bea@buyer.example", "sent"),
        ("x@y.example", "bounced"),
    ]
    await connection.close()


async def test_what_is_changed_after_the_migration_is_found(before: Settings) -> None:
    await db.migrate(before, "commlog_service")
    connection = await asyncpg.connect(before.dsn)
    await db._set_up_json(connection)
    async with connection.transaction():
        await connection.execute("UPDATE recipients SET state = 'sent' WHERE mailbox = 'x@y.example'")
        verdict = check("acme", *await exported(connection, "acme"), {})
    assert [(one["order"], one["entry"], one["expected"], one["found"]) for one in verdict["findings"]] == [("o1", 5, "bounced", "sent")]
    await connection.close()
