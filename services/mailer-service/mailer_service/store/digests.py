"""Who gets a digest when, and what goes into it."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

import asyncpg

from mailer_service.domain.digests import following
from mailer_service.domain.messages import Message
from postroom.db import Connection
from postroom.older_copy import TO_BE_READ_AGAIN

Group = tuple[str, str, datetime]
# For so long an instance may be at a digest before another takes it up.
CLAIM = timedelta(seconds=30)


async def join(connection: Connection, groups: Mapping[Group, str]) -> dict[Group, datetime]:
    """Open (and lock) digests for these (tenant, person, moment), each with its zone; → when it is made.

    Who comes too late for one gets the next day's. That one is opened too, for nobody else may come for it; and it may be made already, by
    a clock that was ahead.
    """
    moments: dict[Group, datetime] = {}
    tried = {group: group for group in groups}
    while tried:
        rows = await connection.fetch(
            """
            INSERT INTO digests AS d (tenant, person, moment)
            SELECT DISTINCT * FROM unnest($1::text[], $2::text[], $3::timestamptz[]) AS t (tenant, person, moment) ORDER BY 1, 2, 3
            ON CONFLICT (tenant, person, moment) DO UPDATE SET made_at = d.made_at
            RETURNING tenant, person, moment, made_at IS NULL AS open, now() AS now
            """,
            *zip(*tried.values(), strict=True),
        )
        at = {(row["tenant"], row["person"], row["moment"]): row for row in rows}
        moments |= {group: one[2] for group, one in tried.items() if at[one]["open"]}
        tried = {
            group: (*group[:2], following(one[2], at[one]["now"], groups[group])) for group, one in tried.items() if not at[one]["open"]
        }
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


async def claim(connection: Connection) -> Group | None:
    """A digest whose moment has come, for this instance to make within CLAIM; what nobody has made by then comes again, behind others.

    None while it isn't known whether an older copy was restored, and until such a copy has read again what it had: digests that were made
    before would be made of less, and the rest told again the day after.
    """
    row = await connection.fetchrow(
        f"""
        UPDATE digests SET claimed_until = now() + $1 WHERE (tenant, person, moment) = (
            SELECT tenant, person, moment FROM digests
            WHERE made_at IS NULL AND moment <= now() AND (claimed_until IS NULL OR claimed_until NOT BETWEEN now() AND now() + $1)
            ORDER BY coalesce(claimed_until, moment) LIMIT 1 FOR UPDATE SKIP LOCKED
        ) AND EXISTS (SELECT FROM compared WHERE start = this_start())
        AND NOT EXISTS ({TO_BE_READ_AGAIN})
        RETURNING tenant, person, moment
        """,  # noqa: S608 - constants
        CLAIM,
    )
    return (row["tenant"], row["person"], row["moment"]) if row else None


async def let_go(connection: Connection, group: Group) -> None:
    """Somebody else may make it."""
    await connection.execute("UPDATE digests SET claimed_until = NULL WHERE (tenant, person, moment) = ($1, $2, $3)", *group)


async def lock(connection: Connection, group: Group) -> bool:
    """Whether it is to be made still."""
    row = await connection.fetchrow(
        "SELECT FROM digests WHERE (tenant, person, moment) = ($1, $2, $3) AND made_at IS NULL FOR UPDATE", *group
    )
    return row is not None


async def lock_entries(connection: Connection, group: Group) -> None:
    """A withdrawal of one of them comes before or after."""
    await connection.fetchval(
        """
        SELECT count(*) FROM (
            SELECT FROM digest_entries WHERE (tenant, person, moment) = ($1, $2, $3) AND NOT cancelled ORDER BY message FOR UPDATE
        ) AS locked
        """,
        *group,
    )


async def contents(connection: Connection, group: Group, shown: int) -> list[asyncpg.Record]:
    """The first of what was not withdrawn of this digest, oldest first, with `total` and what became void of them; and the newest."""
    return await connection.fetch(
        """
        SELECT m.id, m.tenant, m.person, m.message_type, m.name, m.email, m.language, m.zone, m.hop, m.reason, m.order_id,
               m.order_number, m.key, m.cause, m.correspondence, m.created_at, m.lines, m.about, m.facts, m.sender, m.opens,
               ARRAY(SELECT about FROM withdrawals AS w WHERE w.message = m.id ORDER BY about) AS void, each.total
        FROM (
            SELECT e.message, row_number() OVER (ORDER BY m.sequence) AS number, count(*) OVER () AS total
            FROM digest_entries AS e JOIN messages AS m ON m.id = e.message
            WHERE (e.tenant, e.person, e.moment) = ($1, $2, $3) AND NOT e.cancelled
        ) AS each JOIN messages AS m ON m.id = each.message
        WHERE each.number <= $4 OR each.number = each.total ORDER BY each.number
        """,
        *group,
        shown,
    )


async def close(connection: Connection, group: Group, id_: str | None) -> None:
    """It is made, as this message (None: nothing was left to say), of which each of its entries is still to be told."""
    await connection.execute(
        """
        WITH made AS (
            UPDATE digests SET made_at = now() WHERE (tenant, person, moment) = ($1, $2, $3)
        )
        UPDATE digest_entries SET digest = $4::text, untold = true WHERE (tenant, person, moment) = ($1, $2, $3) AND NOT cancelled
        """,
        *group,
        id_,
    )


async def take_untold(connection: Connection, limit: int) -> list[asyncpg.Record]:
    """Some entries of made digests as outcomes need them, with the digest's envelope; they count as told when this transaction commits."""
    return await connection.fetch(
        """
        WITH told AS (
            UPDATE digest_entries SET untold = false
            WHERE message = ANY (ARRAY(SELECT message FROM digest_entries WHERE untold LIMIT $1 FOR UPDATE SKIP LOCKED))
            RETURNING message, digest
        )
        SELECT told.message, m.tenant, m.key, m.cause, m.correspondence, m.order_id, told.digest, e.id AS envelope, e.address, e.person
        FROM told JOIN messages AS m ON m.id = told.message JOIN envelopes AS e ON e.message = told.digest
        ORDER BY m.sequence
        """,
        limit,
    )
