"""Which events have been here: one row for each (emitter, source, id), for good, with the hash of what it said."""

from collections import Counter
from collections.abc import Sequence

from postroom.contracts.event import Event
from postroom.db import Connection

Identity = tuple[str, str, str]


async def remember(connection: Connection, events: Sequence[Event]) -> tuple[dict[Identity, str], set[Identity]]:
    """Write the intake rows. Returns the hash that each identity stands for, and which of them are new."""
    hashes: dict[Identity, str] = {}
    for event in events:
        hashes.setdefault(event.identity, event.hash)
    identities = sorted(hashes)
    if not identities:
        return {}, set()
    rows = await connection.fetch(
        """
        INSERT INTO intake (emitter, source, id, hash)
        SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::text[])
        ON CONFLICT DO NOTHING RETURNING emitter, source, id
        """,
        *zip(*identities, strict=True),
        [hashes[identity] for identity in identities],
    )
    fresh = {(row["emitter"], row["source"], row["id"]) for row in rows}
    if known := [identity for identity in identities if identity not in fresh]:
        rows = await connection.fetch(
            """
            SELECT emitter, source, id, hash FROM intake
            WHERE (emitter, source, id) IN (SELECT * FROM unnest($1::text[], $2::text[], $3::text[]))
            """,
            *zip(*known, strict=True),
        )
        hashes |= {(row["emitter"], row["source"], row["id"]): row["hash"] for row in rows}
    return hashes, fresh


async def count_duplicates(connection: Connection, again: Counter[str]) -> None:
    """Add to what each emitter has said again."""
    if not again:
        return
    emitters = sorted(again)
    await connection.execute(
        """
        INSERT INTO duplicates AS known (emitter, seen) SELECT * FROM unnest($1::text[], $2::bigint[])
        ON CONFLICT (emitter) DO UPDATE SET seen = known.seen + excluded.seen
        """,
        emitters,
        [again[emitter] for emitter in emitters],
    )
