"""What can be seen after a run: the topics as they lie in Kafka, the databases, the ledger."""

import asyncio
import json
import os
import sys
from asyncio.subprocess import PIPE
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import asyncpg
from aiokafka import AIOKafkaConsumer, TopicPartition
from tests.faults.expected import Accepted, Identity, Place
from tests.faults.ledger import Ledger
from tests.oracle.talk import Deed

DATABASES = {
    "po-service": "po_service",
    "commlog-service": "commlog_service",
    "notification-rules": "notification_rules",
    "mailer-service": "mailer_service",
}
# Consuming service → its topics, and who owns them: written down once more here, for the services' own declaration is what is examined.
READS = {
    "po-service": {"ubl.peppol": "peppol"},
    "commlog-service": {"outcomes": "mailer-service", "mail": "mailer-service"},
    "notification-rules": {
        "in.erp": "erp",
        "purchasing": "po-service",
        "directory": "po-service",
        "commlog": "commlog-service",
        "inbox": "mailer-service",
    },
    "mailer-service": {"messages": "notification-rules", "commlog": "commlog-service"},
}
TOPICS = tuple(dict.fromkeys(topic for topics in READS.values() for topic in topics))
Row = dict[str, Any]


@dataclass
class Database:
    """One service's tables, as far as every service has them; `ever_parked` also has what was closed since."""

    intake: set[Identity]
    parked: dict[Place, str]
    next_offsets: dict[tuple[str, int], int]
    outbox: list[Row]
    ever_parked: set[Place] = field(default_factory=set)


@dataclass
class Evidence:
    """All of it; `mailer` has messages, envelopes, attempts, rendered, inbox, digest_entries; `commlog` logs, reviews, recipients;
    `po` the orders that came in at the door.

    `deeds` are what people did by themselves and were answered, `refused` what they were not allowed; `history` is what
    `postroom audit verify` finds wrong. `begun`: mark → when its event was written; `hours`: from when to when quiet hours
    ended and digests fell due, as far as `clocks_are_right`.
    """

    topics: dict[str, list[Accepted]]
    ends: dict[tuple[str, int], int]
    databases: dict[str, Database]
    mailer: dict[str, list[Row]]
    undecided: int
    ledger: Ledger
    acked: set[Place] = field(default_factory=set)
    commlog: dict[str, list[Row]] = field(default_factory=dict)
    po: dict[str, list[Row]] = field(default_factory=dict)
    deeds: dict[str, Deed] = field(default_factory=dict)
    refused: list[str] = field(default_factory=list)
    history: list[str] = field(default_factory=list)
    begun: dict[str, float] = field(default_factory=dict)
    hours: list[tuple[float, float]] = field(default_factory=list)
    clocks_are_right: bool = True


_INTAKE = "SELECT emitter, source, id FROM intake"
_PARKED = 'SELECT topic, partition, "offset", reason, closed_at IS NULL AS open FROM parked'
_OFFSETS = "SELECT topic, partition, next_offset FROM offsets"
_OUTBOX = """
    SELECT id, topic, convert_from(key, 'utf8') AS key, headers, published_at IS NOT NULL AS published,
           CASE WHEN topic IN ('outcomes', 'decisions') THEN convert_from(value, 'utf8')::jsonb - 'detail' - 'reason' END AS value
    FROM outbox ORDER BY id
"""
_MAILER = {
    # What a forward or a correspondence says of itself comes before what it quotes.
    "messages": """
        SELECT id, sequence, key, message_type, person,
               coalesce(substring(facts::text FROM 'FF[0-9a-f]{10}'), substring(facts::text FROM 'FC[0-9a-f]{10}'),
                        substring(facts::text FROM 'F[XDQVLRB][0-9a-f]{10}')) AS mark
        FROM messages
    """,
    "envelopes": """
        SELECT e.id, e.message, e.address, e.state, e.sender_id::text AS sender, e.due_at IS NULL AS waits_for_a_person, e.attempts,
               EXISTS (SELECT FROM unknown_decisions AS d WHERE d.envelope = e.id AND d.decision = 'leave') AS left_by_a_person,
               e.sender_id IS NOT NULL AND NOT EXISTS (
                   SELECT FROM senders WHERE id = e.sender_id AND expires_at > now() - interval '30 seconds') AS orphaned
        FROM envelopes e
    """,
    "attempts": "SELECT envelope, number, result FROM attempts",
    "rendered": "SELECT message, sha256 FROM rendered",
    "inbox": "SELECT message, person, withdrawn_at IS NOT NULL AS withdrawn FROM inbox",
    "digest_entries": "SELECT message, digest, cancelled FROM digest_entries",
}
_COMMLOG = {
    "logs": "SELECT id, order_id AS order, substring(message FROM 'F[LR][0-9a-f]{10}') AS mark, erased FROM logs",
    "reviews": "SELECT id, reason, state, substring(reply->>'text' FROM 'FR[0-9a-f]{10}') AS mark FROM reviews",
    "recipients": """
        SELECT s.id AS send, substring(s.subject FROM 'FC[0-9a-f]{10}') AS mark, r.address, r.state
        FROM sends s JOIN recipients r ON r.send = s.id
    """,
}
_PO = {
    "orders": """
        SELECT substring(number FROM 'FP[0-9a-f]{10}') AS mark,
               (SELECT count(*) FROM order_documents AS d WHERE d.order_id = o.id AND sha256 IS NOT NULL) AS documents
        FROM orders AS o WHERE number LIKE 'TALK-FP%'
    """,
}
_TABLES = {"mailer-service": _MAILER, "commlog-service": _COMMLOG, "po-service": _PO}


async def collect(endpoints: dict[str, str], ledger: Ledger, acked: set[Place], topics: "Topics") -> Evidence:
    """Everything, after the house has come to rest; of the topics what isn't known yet is read."""
    await topics.read(endpoints["kafka"], TOPICS)
    return replace(await collect_databases(endpoints, ledger), topics=topics.records, ends=topics.ends, acked=acked)


async def collect_databases(endpoints: dict[str, str], ledger: Ledger) -> Evidence:
    """What the services know of, and the ledger, without the records that lie in Kafka."""
    databases, undecided, tables = {}, 0, {}
    for service, name in DATABASES.items():
        connection = await asyncpg.connect(f"{endpoints['postgres']}/{name}")
        try:
            databases[service] = await _database(connection)
            if service in _TABLES:
                tables[service] = {name: [dict(row) for row in await connection.fetch(sql)] for name, sql in _TABLES[service].items()}
            if service == "notification-rules":
                undecided = await connection.fetchval("SELECT count(*) FROM undecided")
        finally:
            await connection.close()
    mailer, commlog, po = (tables[service] for service in ("mailer-service", "commlog-service", "po-service"))
    return Evidence({}, {}, databases, mailer, undecided, ledger, commlog=commlog, po=po)


async def history(run: Path) -> list[str]:
    """What `postroom audit verify` finds wrong with the chains of a house, read as any auditor would; nothing if they are whole."""
    command = (sys.executable, "-c", "from postroom_cli.app import main; main()", "audit", "verify", "--json")
    env = {**os.environ, "POSTROOM_ENDPOINTS": str(run / "endpoints.json")}
    process = await asyncio.create_subprocess_exec(*command, env=env, stdout=PIPE, stderr=PIPE)
    told, errors = await process.communicate()
    try:
        answer = json.loads(told)
        unpublished = [f"{number} heads not in {name}" for name, number in answer["pending"].items() if number]
        return [*unpublished, *answer["unreadable"], *(f"{one['order']} {one['entry']}: {one['what']}" for one in answer["findings"])]
    except (ValueError, KeyError):
        return [f"not verified ({process.returncode}): {told[-200:]!r} {errors[-300:]!r}"]


async def _database(connection: "asyncpg.Connection[asyncpg.Record]") -> Database:
    await connection.set_type_codec("jsonb", schema="pg_catalog", encoder=str, decoder=json.loads)
    parked = await connection.fetch(_PARKED)
    return Database(
        {(row["emitter"], row["source"], row["id"]) for row in await connection.fetch(_INTAKE)},
        {(row["topic"], row["partition"], row["offset"]): row["reason"] for row in parked if row["open"]},
        {(row["topic"], row["partition"]): row["next_offset"] for row in await connection.fetch(_OFFSETS)},
        [dict(row) for row in await connection.fetch(_OUTBOX)],
        {(row["topic"], row["partition"], row["offset"]) for row in parked},
    )


@dataclass
class Topics:
    """The records of topics as they were read so far; they stay as they are, so that the next look reads on from there.

    `starts`: of the broker that they were read from.
    """

    starts: int = 0
    records: defaultdict[str, list[Accepted]] = field(default_factory=lambda: defaultdict(list))
    ends: dict[tuple[str, int], int] = field(default_factory=dict)

    async def read(self, kafka: str, topics: Sequence[str]) -> None:
        """To their ends."""
        async with AIOKafkaConsumer(bootstrap_servers=kafka, enable_auto_commit=False, auto_offset_reset="earliest") as client:
            await client._client.force_metadata_update()
            known = client._client.cluster
            partitions = [TopicPartition(name, number) for name in topics for number in sorted(known.partitions_for_topic(name) or ())]
            ends = await client.end_offsets(partitions)
            fresh = {one: end for one, end in ends.items() if end > self.ends.get((one.topic, one.partition), 0)}
            if fresh:
                await self._read(client, fresh)
        self.ends |= {(one.topic, one.partition): end for one, end in ends.items()}

    async def _read(self, client: AIOKafkaConsumer, ends: dict[TopicPartition, int]) -> None:
        client.assign(list(ends))
        for one in ends:
            client.seek(one, self.ends.get((one.topic, one.partition), 0))
        async with asyncio.timeout(120):
            while any([await client.position(one) < end for one, end in ends.items()]):
                for batch in (await client.getmany(timeout_ms=500, max_records=5_000)).values():
                    for one in batch:
                        if one.offset < ends[TopicPartition(one.topic, one.partition)]:
                            self.records[one.topic].append(_accepted(one))


def _accepted(one: Any) -> Accepted:
    return Accepted(one.topic, one.partition, one.offset, one.key or b"", tuple(one.headers), one.value or b"")
