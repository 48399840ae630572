"""The outbox: an event is written in the transaction of the change it tells of, and published from there in order."""

from collections.abc import Iterable, Sequence

import asyncpg

from postroom import headers
from postroom.contracts import cloudevents, topics
from postroom.contracts.errors import Refused
from postroom.contracts.event import Event
from postroom.db import Connection, TooMuch

Row = tuple[str, bytes, str, bytes]  # topic, key, headers as JSON (postroom.headers), value
# Of one transaction: beyond, it is gigabytes in our memory before Postgres refuses them.
MOST_BYTES = 64 << 20


async def add(connection: Connection, events: Iterable[Event]) -> None:
    """Publish these when this transaction commits. Take the aggregate's row lock first: ids then follow commit order per key.

    Raises TooMuch: a list of people, times what each of them is told, may be gigabytes.
    """
    rows, size = [], 0
    for event in events:
        rows.append(_row(event))
        size += len(rows[-1][-1])
        if size > MOST_BYTES:
            raise TooMuch(f"what is told of it has more than {MOST_BYTES >> 20} MB")
    await put(connection, rows)


async def put(connection: Connection, rows: Sequence[Row]) -> None:
    """The same for records that are no events, such as parked ones."""
    if not rows:
        return
    await connection.execute(
        """
        INSERT INTO outbox (topic, key, headers, value)
        SELECT topic, key, headers::jsonb, value
        FROM unnest($1::text[], $2::bytea[], $3::text[], $4::bytea[]) WITH ORDINALITY AS t (topic, key, headers, value, n)
        ORDER BY n
        """,
        *zip(*rows, strict=True),
    )


def _row(event: Event) -> Row:
    topic = topics.of_fact(event.type)
    attributes, value = cloudevents.encode(event)
    if len(value) > topic.max_bytes:
        raise Refused("too_large", f"the event {event.type} would have {len(value)} bytes; {topic.name} takes {topic.max_bytes}")
    return topic.name, event.key.encode(), headers.to_json(attributes), value


async def unpublished(connection: Connection, topic: str, rows: int, size: int) -> list[asyncpg.Record]:
    """The oldest of a topic: at most so many rows and bytes, and one at least; a parked record may have 2 MiB, and as much in headers."""
    return await connection.fetch(
        """
        SELECT id, key, headers, value FROM (
            SELECT id, key, headers, value, sum(size) OVER (ORDER BY id) - size AS before
            FROM (
                SELECT *, octet_length(key) + octet_length(headers::text) + octet_length(value) AS size
                FROM outbox WHERE topic = $1 AND published_at IS NULL ORDER BY id LIMIT $2
            ) AS oldest
        ) AS oldest WHERE before < $3 ORDER BY id
        """,
        topic,
        rows,
        size,
    )


async def depth(connection: Connection) -> int:
    """Rows not yet published."""
    return int(await connection.fetchval("SELECT count(*) FROM outbox WHERE published_at IS NULL"))
