"""Tells a database that was restored from an older copy: Kafka's committed offsets are ahead of its own (docs/restoring.md).

The commit in Kafka follows the one in the database, so in a healthy house it is behind or equal, never ahead.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import structlog
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import UnknownTopicOrPartitionError

from postroom.db import Connection, Pool
from postroom.offsets import Partition

log = structlog.get_logger()
# The partitions that the copy which is held hasn't read again as far as they went when it was found.
TO_BE_READ_AGAIN = """
    SELECT FROM older_copies AS c CROSS JOIN LATERAL jsonb_each(c.ends) AS lay (place, "end")
    LEFT JOIN offsets AS o ON o.cluster = c.cluster AND o.topic || '/' || o.partition = lay.place
    WHERE c.released_at IS NULL AND coalesce(o.next_offset, 0) < lay."end"::bigint
"""


@dataclass(frozen=True, slots=True)
class Reached:
    """What a service is known to have read in a partition, and where the partition begins and ends now."""

    next_offset: int
    start: int
    end: int


Known = Mapping[Partition, Reached]


async def reached_in_kafka(kafka: str, group: str, topics: tuple[str, ...]) -> dict[Partition, Reached]:
    """What the group has committed, for all partitions of these topics; 0 where nothing is. Raises KafkaError or OSError.

    Asked before the database is: what is committed later, by an instance that reads on meanwhile, must not look like being ahead.
    """
    admin = AIOKafkaAdminClient(bootstrap_servers=kafka, request_timeout_ms=5_000)
    await admin.start()
    try:
        committed = await admin.list_consumer_group_offsets(group)
    finally:
        await admin.close()
    async with AIOKafkaConsumer(bootstrap_servers=kafka, enable_auto_commit=False, request_timeout_ms=5_000) as client:
        partitions = await partitions_of(client, topics)
        if unknown := {one for one in committed if one.topic in topics}.difference(partitions):
            # A broker that has just begun may not know all of them yet; what it doesn't tell must not pass for nothing.
            raise UnknownTopicOrPartitionError(f"committed, and not known: {sorted(unknown)}")
        starts, ends = await client.beginning_offsets(partitions), await client.end_offsets(partitions)
    return {
        (one.topic, one.partition): Reached(committed[one].offset if one in committed else 0, starts[one], ends[one]) for one in partitions
    }


async def partitions_of(client: AIOKafkaConsumer, topics: tuple[str, ...]) -> list[TopicPartition]:
    """All partitions of these topics, as the brokers tell them now."""
    await client._client.force_metadata_update()  # noqa: SLF001 - a client without subscription knows no topic by itself
    known = client._client.cluster  # noqa: SLF001
    return [TopicPartition(topic, number) for topic in topics for number in sorted(known.partitions_for_topic(topic) or ())]


async def start_of(pool: Pool) -> str:
    """Which start of the server this is: after another one the data may be others."""
    return str(await pool.fetchval("SELECT this_start()"))


@dataclass(frozen=True, slots=True)
class Compared:
    """The start that was compared, whether it is `behind`, and what is held (empty: nothing)."""

    start: str
    behind: bool
    told: str


async def compare(pool: Pool, cluster: str, reached: Known) -> Compared:
    """Compare the database with what was reached elsewhere, and keep what was found in it.

    One transaction, and so one connection: what is noted as compared is the very server that was asked.
    """
    async with pool.acquire() as connection, connection.transaction():
        behind = await _behind(connection, cluster, reached)
        accepted = await _accepted(connection, cluster)
        new = {place: offsets for place, offsets in behind.items() if offsets[1] > accepted.get(place, 0)}
        if new and await _note(connection, cluster, new, _lying(reached)):
            log.error(
                "the database is an older copy: it has not read what this service had read before; see docs/restoring.md",
                alert=True,
                behind={place: there - here for place, (here, there, _) in new.items()},
            )
        start = await connection.fetchval(
            """
            INSERT INTO compared (start) VALUES (this_start())
            ON CONFLICT (single) DO UPDATE SET start = excluded.start, compared_at = now() RETURNING start
            """
        )
        held = await open_one(connection)
    return Compared(start, bool(behind), held.told if held else "")


async def told(pool: Pool) -> str:
    """In words, what is held now; empty if nothing is."""
    async with pool.acquire() as connection:
        held = await open_one(connection)
    return held.told if held else ""


async def _behind(connection: Connection, cluster: str, reached: Known) -> dict[str, tuple[int, int, int]]:
    """The partitions in which the database is behind. One that ends before what was reached was made anew since, and tells nothing."""
    rows = await connection.fetch("SELECT topic, partition, next_offset FROM offsets WHERE cluster = $1", cluster)
    known = {(row["topic"], row["partition"]): row["next_offset"] for row in rows}
    return {
        _name(place): (here, one.next_offset, one.start)
        for place, one in sorted(reached.items())
        if (here := known.get(place, 0)) < one.next_offset <= one.end
    }


async def _accepted(connection: Connection, cluster: str) -> dict[str, int]:
    """What an operator has gone on from: in a partition that brings nothing new, Kafka's commit stays ahead."""
    rows = await connection.fetch("SELECT behind FROM older_copies WHERE cluster = $1 AND released_at IS NOT NULL", cluster)
    accepted: dict[str, int] = {}
    for row in rows:
        accepted |= {place: max(there, accepted.get(place, 0)) for place, (_, there, _) in row["behind"].items()}
    return accepted


async def _note(connection: Connection, cluster: str, behind: Mapping[str, tuple[int, int, int]], ends: Mapping[str, int]) -> bool:
    """Once for all instances: False if one is open already, which stays as it was found first."""
    noted = await connection.fetchval(
        """
        INSERT INTO older_copies (cluster, last_sign, behind, ends) SELECT $1, max(published_at), $2, $3 FROM outbox
        ON CONFLICT ((true)) WHERE released_at IS NULL DO NOTHING RETURNING true
        """,
        cluster,
        {place: list(offsets) for place, offsets in behind.items()},
        dict(ends),
    )
    return noted is True


def _lying(reached: Known) -> dict[str, int]:
    """Where each partition ends that has anything."""
    return {_name(place): one.end for place, one in reached.items() if one.start < one.end}


def _name(place: Partition) -> str:
    return f"{place[0]}/{place[1]}"


@dataclass(frozen=True, slots=True)
class OlderCopy:
    """One that was found and is open."""

    id: int
    found_at: datetime
    last_sign: datetime | None
    behind: dict[str, list[int]]

    @property
    def records(self) -> int:
        """How many records are read again."""
        return sum(there - max(here, start) for here, there, start in self.behind.values() if there > max(here, start))

    @property
    def gone(self) -> int:
        """How many of those that it missed are in Kafka no more: the copy is older than the topics' retention."""
        return sum(max(min(start, there) - here, 0) for here, there, start in self.behind.values())

    @property
    def told(self) -> str:
        """One line for an operator."""
        gone = f", {self.gone} of them gone from Kafka" if self.gone else ""
        return f"an older copy was restored: {self.records + self.gone} records behind{gone}; postroom restore status"

    @property
    def shown(self) -> dict[str, Any]:
        """For HTTP."""
        return {
            "found_at": self.found_at,
            "last_sign": self.last_sign,
            "records_behind": self.records + self.gone,
            "records_gone": self.gone,
            "behind": {place: {"here": here, "read_before": there} for place, (here, there, _) in self.behind.items()},
        }


async def open_one(connection: Connection) -> OlderCopy | None:
    """What is held, if anything is."""
    row = await connection.fetchrow("SELECT id, found_at, last_sign, behind FROM older_copies WHERE released_at IS NULL")
    return OlderCopy(**row) if row else None


async def release(connection: Connection, by: str) -> bool:
    """An operator goes on; False if nothing is held."""
    released = await connection.fetchval(
        "UPDATE older_copies SET released_at = now(), released_by = $1 WHERE released_at IS NULL RETURNING true", by
    )
    return released is True
