"""Who gets a digest when, and what goes into it."""

from collections.abc import Sequence
from datetime import datetime

import asyncpg

from mailer_service.domain.messages import Message
from postroom.db import Connection

Group = tuple[str, str, datetime]


async def join(connection: Connection, groups: Sequence[Group]) -> dict[Group, datetime]:
    """Open (and lock) digests for these (tenant, person, moment); → when each is made: who comes too late for one gets the next day's.

    That one is opened too, for nobody else may come for it; and it may be made already, by a clock that was ahead.
    """
    moments: dict[Group, datetime] = {}
    tried = {group: group for group in groups}
    while tried:
        rows = await connection.fetch(
            """
            INSERT INTO digests AS d (tenant, person, moment)
            SELECT DISTINCT * FROM unnest($1::text[], $2::text[], $3::timestamptz[]) AS t (tenant, person, moment) ORDER BY 1, 2, 3
            ON CONFLICT (tenant, person, moment) DO UPDATE SET made_at = d.made_at
            RETURNING tenant, person, moment, made_at IS NULL AS open,
                moment + greatest(1, ceil(extract(epoch FROM now() - moment) / 86400)) * interval '1 day' AS next
            """,
            *zip(*tried.values(), strict=True),
        )
        at = {(row["tenant"], row["person"], row["moment"]): row for row in rows}
        moments |= {group: one[2] for group, one in tried.items() if at[one]["open"]}
        tried = {group: (*group[:2], at[one]["next"]) for group, one in tried.items() if not at[one]["open"]}
    return moments


async def add_entries(connection: Connection, entries: Sequence[tuple[Message, datetime]]) -> None:
    """Let these messages wait for that moment."""
    await connection.execute(
        """
        INSERT INTO digest_entries (message, tenant, person, moment)
        SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::timestamptz[])
        """,
        *zip(*((message.id, message.tenant, message.person, moment) for message, moment in entries), strict=True),
    )


async def due(connection: Connection, limit: int) -> list[Group]:
    """The digests whose moment has come, locked; another instance takes others."""
    rows = await connection.fetch(
        """
        SELECT tenant, person, moment FROM digests WHERE made_at IS NULL AND moment <= now()
        ORDER BY moment LIMIT $1 FOR UPDATE SKIP LOCKED
        """,
        limit,
    )
    return [(row["tenant"], row["person"], row["moment"]) for row in rows]


async def entries(connection: Connection, groups: Sequence[Group]) -> list[str]:
    """The messages in these digests that were not withdrawn, locked so that a withdrawal comes before or after."""
    rows = await connection.fetch(
        """
        SELECT message FROM digest_entries
        WHERE (tenant, person, moment) IN (SELECT * FROM unnest($1::text[], $2::text[], $3::timestamptz[])) AND NOT cancelled
        ORDER BY message FOR UPDATE
        """,
        *zip(*groups, strict=True),
    )
    return [row["message"] for row in rows]


async def contents(connection: Connection, messages: Sequence[str], shown: int) -> list[asyncpg.Record]:
    """The first messages of each digest, oldest first, with `total` and what became void of them; and each one's newest, `latest`."""
    return await connection.fetch(
        """
        SELECT * FROM (
            SELECT e.tenant, e.person, e.moment, m.id, m.message_type, m.name, m.email, m.language, m.zone, m.hop, m.reason, m.order_id,
                   m.order_number, m.key, m.cause, m.correspondence, m.created_at, m.lines, m.about, m.facts, m.sender, m.opens,
                   ARRAY(SELECT about FROM withdrawals AS w WHERE w.message = m.id) AS void,
                   row_number() OVER digest AS number, count(*) OVER (PARTITION BY e.tenant, e.person, e.moment) AS total
            FROM digest_entries AS e JOIN messages AS m ON m.id = e.message WHERE e.message = ANY ($1)
            WINDOW digest AS (PARTITION BY e.tenant, e.person, e.moment ORDER BY m.sequence)
        ) AS each WHERE number <= $2 OR number = total
        ORDER BY tenant, person, moment, number
        """,
        messages,
        shown,
    )


async def close(connection: Connection, groups: Sequence[Group], ids: Sequence[str | None]) -> list[asyncpg.Record]:
    """These digests are made, as these messages (None: nothing was left to say). Returns their entries as outcomes need them."""
    return await connection.fetch(
        """
        WITH made AS (
            UPDATE digests AS d SET made_at = now()
            FROM unnest($1::text[], $2::text[], $3::timestamptz[], $4::text[]) AS t (tenant, person, moment, message)
            WHERE (d.tenant, d.person, d.moment) = (t.tenant, t.person, t.moment)
            RETURNING d.tenant, d.person, d.moment, t.message
        )
        UPDATE digest_entries AS e SET digest = made.message FROM made, messages AS m
        WHERE (e.tenant, e.person, e.moment) = (made.tenant, made.person, made.moment) AND NOT e.cancelled AND m.id = e.message
        RETURNING e.message, e.digest, m.tenant, m.key, m.cause, m.correspondence, m.order_id
        """,
        *zip(*groups, strict=True),
        ids,
    )
