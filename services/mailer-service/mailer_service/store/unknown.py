"""Envelopes of which nobody knows whether the server has them, and what people decided of them."""

from collections.abc import Sequence
from dataclasses import astuple, dataclass
from datetime import datetime

import asyncpg

from postroom.db import Connection

_MATCHING = """
    e.unknown_since IS NOT NULL AND e.tenant = current_setting('postroom.tenant')
    AND ($1::text IS NULL OR e.message IN (SELECT id FROM messages WHERE order_id = $1 OR order_number = $1))
    AND ($2::text IS NULL OR lower(e.address) = lower($2) OR starts_with($2, '@') AND lower(e.address) LIKE '%' || lower($2))
    AND ($3::text IS NULL OR e.message IN (SELECT id FROM messages WHERE message_type = $3))
    AND ($4::timestamptz IS NULL OR e.unknown_since <= $4)
    AND ($5 OR e.due_at IS NULL)
"""


@dataclass(frozen=True, slots=True)
class Matching:
    """Which ones: of an order (id or number), an address or a whole @domain, a message type, unknown by `until`.

    Without `and_waiting`, those alone that wait for a person.
    """

    order: str | None = None
    address: str | None = None
    message_type: str | None = None
    until: datetime | None = None
    and_waiting: bool = False


async def page(connection: Connection, matching: Matching, after: tuple[datetime, str] | None, limit: int) -> list[asyncpg.Record]:
    """The longest unknown first, with what a person needs to find them in the mail server's log; `head` has the mail's first bytes."""
    since, envelope = after or (None, None)
    return await connection.fetch(
        f"""
        SELECT e.id AS envelope, e.attempts AS attempt, e.address, e.person, e.unknown_since, e.due_at, e.detail,
               m.id AS message, m.message_type, m.name, m.order_id, m.order_number, m.correspondence, m.facts, m.lines, m.about,
               r.subject, r.sha256, substring(r.bytes FROM 1 FOR 8192) AS head, said.code, said.reply, said.at
        FROM envelopes AS e
        JOIN messages AS m ON m.id = e.message
        LEFT JOIN rendered AS r ON r.message = e.message
        LEFT JOIN LATERAL (
            SELECT code, detail AS reply, settled_at AS at FROM attempts
            WHERE envelope = e.id AND code IS NOT NULL ORDER BY number DESC LIMIT 1
        ) AS said ON true
        WHERE {_MATCHING} AND ($6::timestamptz IS NULL OR (e.unknown_since, e.id) > ($6, $7))
        ORDER BY e.unknown_since, e.id LIMIT $8
        """,  # noqa: S608 - a constant condition
        *astuple(matching),
        since,
        envelope,
        limit,
    )


async def counts(connection: Connection) -> tuple[int, int]:
    """(those that wait for a person, those whose automatic resend is still to come) of the caller's tenant."""
    rows = await connection.fetch(
        """
        SELECT due_at IS NULL AS for_a_person, count(*) AS n FROM envelopes
        WHERE unknown_since IS NOT NULL AND tenant = current_setting('postroom.tenant') GROUP BY 1
        """
    )
    number = {row["for_a_person"]: row["n"] for row in rows}
    return number.get(True, 0), number.get(False, 0)


async def choose(connection: Connection, matching: Matching, limit: int) -> list[tuple[str, int]]:
    """(envelope, attempt) of those that match; locked, so that no sender takes them meanwhile."""
    rows = await connection.fetch(
        f"SELECT e.id, e.attempts FROM envelopes AS e WHERE {_MATCHING} ORDER BY e.unknown_since, e.id LIMIT $6 FOR UPDATE SKIP LOCKED",  # noqa: S608
        *astuple(matching),
        limit,
    )
    return [(row["id"], row["attempts"]) for row in rows]


async def standing(connection: Connection, chosen: Sequence[tuple[str, int]]) -> dict[tuple[str, int], asyncpg.Record]:
    """How each (envelope, attempt) stands, and what was decided of it before; the envelopes are locked."""
    rows = await connection.fetch(
        """
        SELECT e.id, t.attempt, e.attempts, e.state, e.changed_at, d.decision, d.reason, d.person, d.decided_at
        FROM unnest($1::text[], $2::int[]) AS t (envelope, attempt)
        JOIN envelopes AS e ON e.id = t.envelope
        LEFT JOIN unknown_decisions AS d ON d.envelope = t.envelope AND d.attempt = t.attempt
        ORDER BY e.id FOR UPDATE OF e
        """,
        *zip(*chosen, strict=True),
    )
    return {(row["id"], row["attempt"]): row for row in rows}


async def move(connection: Connection, envelopes: Sequence[str], state: str, detail: str) -> list[asyncpg.Record]:
    """Bring unknown envelopes into this state; returns what their outcomes need."""
    return await connection.fetch(
        """
        WITH moved AS (
            UPDATE envelopes SET state = $2, due_at = CASE $2 WHEN 'pending' THEN now() END, waited = '0', detail = $3
            WHERE id = ANY ($1) AND state = 'unknown' RETURNING id, message, address, person, attempts, detail
        )
        SELECT moved.*, m.tenant, m.key, m.cause, m.correspondence, m.order_id, coalesce(r.sha256, '') AS sha256
        FROM moved JOIN messages AS m ON m.id = moved.message LEFT JOIN rendered AS r ON r.message = m.id
        """,
        envelopes,
        state,
        detail,
    )


async def note(connection: Connection, moved: Sequence[tuple[str, int, str]], decision: str, reason: str, person: str) -> None:
    """Who decided it of each (envelope, attempt, tenant), and why."""
    await connection.execute(
        """
        INSERT INTO unknown_decisions (envelope, attempt, tenant, decision, reason, person)
        SELECT *, $4, $5, $6 FROM unnest($1::text[], $2::int[], $3::text[])
        """,
        *zip(*moved, strict=True),
        decision,
        reason,
        person,
    )


async def decisions(connection: Connection, of: Sequence[str]) -> list[asyncpg.Record]:
    """What was decided of these envelopes."""
    return await connection.fetch(
        "SELECT envelope, attempt, decision, reason, person, decided_at FROM unknown_decisions WHERE envelope = ANY ($1) ORDER BY attempt",
        of,
    )
