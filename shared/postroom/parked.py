"""Records that can't be processed: kept with their raw bytes and the reason, until they are replayed, mended or discarded."""

from collections.abc import Sequence
from dataclasses import astuple, dataclass
from typing import Any

from postroom import clock, headers, outbox
from postroom.contracts import cloudevents
from postroom.contracts.errors import Refused
from postroom.contracts.record import Record
from postroom.contracts.topics import PARKED_BYTES
from postroom.db import Connection

# Over HTTP there is no offset; a negative partition keeps such rows apart from every Kafka topic's.
HTTP_PARTITION = -1
LISTED, LISTED_CHARACTERS = 200, 500
OPEN = "closed_at IS NULL"
# What the topic takes beside a value, less our own headers; and what Kafka needs for a header beside its name and value.
_BESIDE, _OF_A_HEADER = 40 * 1024, 10
_FACTS = """
    id, topic, partition, "offset", written_at, emitter, source, event_id, reason, detail, path, parked_at, closed_at, closed_by
"""
_COLUMNS = f"{_FACTS}, key, headers, value"
# A list of documents of 10 MB each would be no list; a character has four bytes at most.
SUMMARY = f"{_FACTS}, substring(key FOR {4 * LISTED_CHARACTERS}) AS key, substring(value FOR {4 * LISTED_CHARACTERS}) AS value"


@dataclass(frozen=True, slots=True)
class Rejected:
    """A record and why it was refused."""

    record: Record
    emitter: str
    refusal: Refused


class NotOpenError(Exception):
    """There is no open row of this number."""


@dataclass(frozen=True, slots=True)
class Matching:
    """Open rows that have these in common; None matches all. `until` is a row's number: nothing that was parked later."""

    reason: str | None = None
    topic: str | None = None
    emitter: str | None = None
    until: int | None = None


_MATCHES = f"""
    {OPEN} AND ($1::text IS NULL OR reason = $1) AND ($2::text IS NULL OR topic = $2)
    AND ($3::text IS NULL OR emitter = $3) AND ($4::bigint IS NULL OR id <= $4)
"""


def storable(text: str | None, limit: int = 2_000) -> str | None:
    """Text that Postgres takes for certain: what made a record unacceptable must not make its parking so."""
    if text is None:
        return None
    return text.replace("\x00", "\ufffd").encode("utf-8", "replace").decode("utf-8")[:limit]


def readable(value: bytes) -> str:
    """Raw bytes for a person or for JSON: those that are no UTF-8 stay visible as escapes."""
    return value.decode("utf-8", "backslashreplace").replace("\x00", "\\x00")


async def park(connection: Connection, service: str, rejected: Sequence[Rejected]) -> None:
    """Keep these, in the batch's transaction, and mirror them to the service's parked topic for Kafka's tools.

    One that was replayed or mended and is refused after all, such as a document that had waited for its order, is open again.
    """
    if not rejected:
        return
    rows = [_row(one) for one in rejected]
    await connection.execute(
        """
        INSERT INTO parked (topic, partition, "offset", key, headers, value, written_at, emitter, source, event_id, reason, detail, path)
        SELECT topic, partition, "offset", key, headers::jsonb, value, written_at, emitter, source, event_id, reason, detail, path
        FROM unnest($1::text[], $2::int[], $3::bigint[], $4::bytea[], $5::text[], $6::bytea[], $7::timestamptz[],
                    $8::text[], $9::text[], $10::text[], $11::text[], $12::text[], $13::text[])
             AS t (topic, partition, "offset", key, headers, value, written_at, emitter, source, event_id, reason, detail, path)
        ON CONFLICT (topic, partition, "offset") DO UPDATE
        SET key = excluded.key, headers = excluded.headers, value = excluded.value, written_at = excluded.written_at,
            emitter = excluded.emitter, source = excluded.source, event_id = excluded.event_id, reason = excluded.reason,
            detail = excluded.detail, path = excluded.path, parked_at = now(), closed_at = NULL, closed_by = NULL
        WHERE parked.closed_at IS NOT NULL
        """,
        *zip(*rows, strict=True),
    )
    await outbox.put(connection, [_mirror(service, one) for one in rejected])


def _row(one: Rejected) -> tuple[Any, ...]:
    record, refusal = one.record, one.refusal
    source, event_id = cloudevents.peek(record)
    return (
        storable(record.topic),
        record.partition,
        record.offset,
        record.key,
        headers.to_json(record.headers),
        record.value,
        record.timestamp,
        one.emitter,
        storable(source),
        storable(event_id),
        refusal.reason,
        storable(refusal.detail),
        storable(refusal.path),
    )


def _mirror(service: str, one: Rejected) -> outbox.Row:
    record, refusal = one.record, one.refusal
    origin = f"{storable(record.topic)}/{record.partition}/{record.offset}"
    why = {"reason": refusal.reason, "detail": storable(refusal.detail), "path": storable(refusal.path), "from": origin}
    value = record.value or b""
    if len(value) > PARKED_BYTES:
        # A document over HTTP may be bigger than the topic takes; the row has all of it.
        why["cut_from_bytes"] = str(len(value))
        value = value[:PARKED_BYTES]
    kept = _fitting(record.headers, PARKED_BYTES + _BESIDE - len(value))
    if len(kept) < len(record.headers):
        why["headers_left_out"] = str(len(record.headers) - len(kept))
    added = [(f"parked_{name}", (text or "").encode()) for name, text in why.items()]
    return f"parked.{service}", origin.encode(), headers.to_json([*kept, *added]), value


def _fitting(given: Sequence[tuple[str, bytes | None]], room: int) -> list[tuple[str, bytes | None]]:
    """The headers that have room beside the value: bytes that are no UTF-8 are shown as escapes, which are four times as long."""
    kept = []
    for name, value in given:
        room -= len(name.replace("\x00", "\ufffd").encode()) + len(value or b"") + _OF_A_HEADER
        if room >= 0:
            kept.append((name, value))
    return kept


async def close_corrected(connection: Connection, identities: Sequence[tuple[str, str, str]]) -> None:
    """A corrected record has come by itself (kcat, say): what was parked under the same identity is settled."""
    await connection.execute(
        f"""
        UPDATE parked SET closed_at = now(), closed_by = 'corrected'
        WHERE {OPEN} AND (emitter, source, event_id) IN (SELECT * FROM unnest($1::text[], $2::text[], $3::text[]))
        """,  # noqa: S608 - a constant
        *zip(*identities, strict=True),
    )


async def find(connection: Connection, *, only_open: bool = True, event_id: str | None = None, limit: int = LISTED) -> list[dict[str, Any]]:
    """Parked rows, the newest first, without their headers and with the beginning of their bytes; of one event, if its id is given."""
    rows = await connection.fetch(
        f"""
        SELECT {SUMMARY} FROM parked WHERE (NOT $1 OR {OPEN}) AND ($2::text IS NULL OR event_id = $2) ORDER BY id DESC LIMIT $3
        """,  # noqa: S608 - constants
        only_open,
        event_id,
        limit,
    )
    return [dict(row) for row in rows]


async def count(connection: Connection) -> int:
    """Open parked rows."""
    return int(await connection.fetchval(f"SELECT count(*) FROM parked WHERE {OPEN}"))  # noqa: S608 - a constant


async def kinds(connection: Connection) -> list[dict[str, Any]]:
    """Open rows by what they have in common, the most first: {topic, emitter, reason, records, newest}, the newest by its number."""
    rows = await connection.fetch(
        f"""
        SELECT topic, emitter, reason, count(*) AS records, max(id) AS newest FROM parked WHERE {OPEN}
        GROUP BY topic, emitter, reason ORDER BY records DESC, topic, emitter, reason
        """  # noqa: S608 - a constant
    )
    return [dict(row) for row in rows]


async def numbers(connection: Connection, matching: Matching, after: int, limit: int) -> list[int]:
    """Open rows that match, in the order in which they were parked, beyond the number `after`."""
    rows = await connection.fetch(
        f"SELECT id FROM parked WHERE {_MATCHES} AND id > $5 ORDER BY id LIMIT $6",  # noqa: S608 - constants
        *astuple(matching),
        after,
        limit,
    )
    return [row["id"] for row in rows]


async def discard(connection: Connection, matching: Matching) -> int:
    """Close those that match without processing them; → how many they were."""
    done = await connection.execute(
        f"UPDATE parked SET closed_at = now(), closed_by = 'discarded' WHERE {_MATCHES}",  # noqa: S608 - constants
        *astuple(matching),
    )
    return int(done.rpartition(" ")[2])


async def duplicates(connection: Connection) -> dict[str, int]:
    """How often each emitter's events came again."""
    return {row["emitter"]: row["seen"] for row in await connection.fetch("SELECT emitter, seen FROM duplicates ORDER BY emitter")}


async def over_http(connection: Connection, emitter: str, value: bytes, attributes: tuple[tuple[str, bytes], ...] = ()) -> Record:
    """What came over HTTP as a record, so that it can be parked like one: topic http:<emitter>, a number of its own as offset."""
    number = int(await connection.fetchval("SELECT nextval('parked_over_http')"))
    return Record(f"http:{emitter}", HTTP_PARTITION, number, None, attributes, value, clock.now())


async def get(connection: Connection, parked_id: int) -> dict[str, Any] | None:
    """One parked row, locked: two replays of it can't both have an effect."""
    row = await connection.fetchrow(f"SELECT {_COLUMNS} FROM parked WHERE id = $1 FOR UPDATE", parked_id)  # noqa: S608 - constants
    return dict(row) if row else None


async def close(connection: Connection, parked_id: int, how: str) -> None:
    """Settle a parked row: replayed, mended or discarded."""
    await connection.execute("UPDATE parked SET closed_at = now(), closed_by = $2 WHERE id = $1", parked_id, how)


def as_record(row: dict[str, Any], value: bytes | None = None) -> Record:
    """The record as it came, or with a mended value."""
    came = Record(
        topic=row["topic"],
        partition=row["partition"],
        offset=row["offset"],
        key=row["key"],
        headers=tuple(headers.from_json(row["headers"])),
        value=row["value"],
        timestamp=row["written_at"],
    )
    return came if value is None else cloudevents.mended(came, value)
