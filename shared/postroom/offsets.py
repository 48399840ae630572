"""Where a service goes on reading: next offsets that move in the transaction of the batch's effects, and fence instances."""

from collections.abc import Mapping, Sequence

from postroom.contracts.record import Record
from postroom.db import Connection, Pool

Partition = tuple[str, int]


class Overtaken(Exception):  # noqa: N818 - no error: another instance was here first
    """Another instance has moved an offset of this batch; read again from where the database says."""


async def advance(connection: Connection, cluster: str, records: Sequence[Record], known: Mapping[Partition, int] | None = None) -> None:
    """Move the next offsets beyond these records and hold their rows: of two instances with the same records, one goes on.

    Raises Overtaken for the other, and for whoever `known` offsets that the database has not: an older copy was put in its place, and
    what lies between would be passed over. `cluster` is Kafka's own id of itself: offsets of another cluster mean nothing here.
    """
    first: dict[Partition, int] = {}
    last: dict[Partition, int] = {}
    for record in records:
        partition = (record.topic, record.partition)
        first[partition] = min(first.get(partition, record.offset), record.offset)
        last[partition] = max(last.get(partition, record.offset), record.offset)
    partitions = sorted(first)
    moved = await connection.fetch(
        """
        WITH batch AS (
            SELECT * FROM unnest($2::text[], $3::int[], $4::bigint[], $5::bigint[], $6::bigint[])
                          AS t (topic, partition, first, next, known)
        )
        INSERT INTO offsets AS known (cluster, topic, partition, next_offset)
        SELECT $1, topic, partition, next FROM batch
        WHERE known = 0
           OR EXISTS (SELECT FROM offsets AS o WHERE o.cluster = $1 AND o.topic = batch.topic AND o.partition = batch.partition)
        ORDER BY topic, partition
        ON CONFLICT (cluster, topic, partition) DO UPDATE SET next_offset = excluded.next_offset
        WHERE known.next_offset BETWEEN (SELECT b.known FROM batch AS b WHERE b.topic = known.topic AND b.partition = known.partition)
                                    AND (SELECT b.first FROM batch AS b WHERE b.topic = known.topic AND b.partition = known.partition)
        RETURNING topic
        """,
        cluster,
        [topic for topic, _ in partitions],
        [number for _, number in partitions],
        [first[partition] for partition in partitions],
        [last[partition] + 1 for partition in partitions],
        [(known or {}).get(partition, 0) for partition in partitions],
    )
    if len(moved) != len(partitions):
        raise Overtaken


async def positions(pool: Pool, cluster: str) -> dict[Partition, int]:
    """The next offset of each partition that was ever read."""
    rows = await pool.fetch("SELECT topic, partition, next_offset FROM offsets WHERE cluster = $1", cluster)
    return {(row["topic"], row["partition"]): row["next_offset"] for row in rows}
