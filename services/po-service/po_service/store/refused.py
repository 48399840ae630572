"""Documents that are parked: the same one again, and those that name an order."""

from collections.abc import Sequence
from typing import Any

from postroom import headers
from postroom.contracts.record import Record
from postroom.db import Connection
from postroom.parked import SUMMARY, Rejected, storable


async def queue_up(connection: Connection, record: Record) -> None:
    """Wait until nobody else parks the same bytes of the same emitter."""
    await connection.execute(
        "SELECT pg_advisory_xact_lock(hashtextextended($1 || encode(sha256($2::bytea), 'hex'), 0))", record.topic, record.value
    )


async def again(connection: Connection, rejected: Rejected) -> int | None:
    """The number of the open row with these bytes and rights, which from now on says why they are refused this time."""
    record, refusal = rejected.record, rejected.refusal
    number = await connection.fetchval(
        """
        UPDATE parked SET reason = $5, detail = $6, path = $7
        WHERE closed_at IS NULL AND emitter = $1 AND topic = $2 AND value = $3 AND headers = $4::text::jsonb RETURNING id
        """,
        rejected.emitter,
        record.topic,
        record.value,
        headers.to_json(record.headers),
        refusal.reason,
        storable(refusal.detail),
        storable(refusal.path),
    )
    return None if number is None else int(number)


async def rows_of(connection: Connection, record: Record) -> list[int]:
    """The open rows with these bytes of this emitter."""
    rows = await connection.fetch(
        "SELECT id FROM parked WHERE closed_at IS NULL AND emitter = $1 AND topic = $1 AND value = $2", record.topic, record.value
    )
    return [row["id"] for row in rows]


async def settle(connection: Connection, rows: Sequence[int]) -> None:
    """The bytes that were parked in these rows are accepted now: corrected."""
    await connection.execute("UPDATE parked SET closed_at = now(), closed_by = 'corrected' WHERE closed_at IS NULL AND id = ANY ($1)", rows)


async def number_of(connection: Connection, record: Record) -> int:
    """Under which number a record of ours was parked."""
    return int(
        await connection.fetchval(
            'SELECT id FROM parked WHERE (topic, partition, "offset") = ($1, $2, $3)', record.topic, record.partition, record.offset
        )
    )


async def naming(connection: Connection, ref: str, limit: int = 100) -> list[dict[str, Any]]:
    """The beginnings of parked documents, open or closed, whose own number or whose order's is `ref`, the oldest first."""
    found = await connection.fetch(
        f"""
        SELECT {SUMMARY}, headers FROM parked
        WHERE numbers_in(value) @> ARRAY[encode(convert_to($1, 'UTF8'), 'escape')] ORDER BY id LIMIT $2
        """,  # noqa: S608 - a constant
        ref,
        limit,
    )
    return [dict(row) for row in found]
