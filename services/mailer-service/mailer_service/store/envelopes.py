"""The hot path: envelopes are taken, opened and settled, each for a whole batch at once."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import asyncpg

from mailer_service.domain.fair import Lane
from postroom.db import Connection

Row = asyncpg.Record
# A template that was missing for days may have held a million, and a statement has half a minute.
RELEASED_AT_ONCE = 10_000


async def lanes(connection: Connection, after: Lane, most: int) -> list[tuple[Lane, bool]]:
    """The next lanes with something queued, and whether it is due: one probe of the index for each, however much lies in it."""
    rows = await connection.fetch(
        """
        WITH RECURSIVE ring AS (
            (SELECT tenant, message_type, due_at, 1 AS n FROM envelopes
             WHERE due_at IS NOT NULL AND (tenant, message_type) > ($1, $2) ORDER BY tenant, message_type, due_at, sequence LIMIT 1)
            UNION ALL
            SELECT next.tenant, next.message_type, next.due_at, ring.n + 1 FROM ring CROSS JOIN LATERAL (
                SELECT tenant, message_type, due_at FROM envelopes
                WHERE due_at IS NOT NULL AND (tenant, message_type) > (ring.tenant, ring.message_type)
                ORDER BY tenant, message_type, due_at, sequence LIMIT 1) AS next
            WHERE ring.n < $3
        )
        SELECT tenant, message_type, due_at <= now() AS due FROM ring
        """,
        *after,
        most,
    )
    return [(Lane(row["tenant"], row["message_type"]), row["due"]) for row in rows]


async def due(connection: Connection, sender: UUID, dealt: Mapping[Lane, int]) -> list[Row]:
    """Lock so many due envelopes of each lane, if this sender's lease holds (the row lock keeps a take-over out until the commit).

    None before it is certain that the database is no older copy, nor while one is held (docs/restoring.md).
    """
    return await connection.fetch(
        """
        WITH me AS MATERIALIZED (
            SELECT id FROM senders WHERE id = $1 AND expires_at > now() AND may_send() FOR KEY SHARE
        )
        SELECT own.* FROM unnest($2::text[], $3::text[], $4::int[]) AS dealt (tenant, message_type, share) CROSS JOIN LATERAL (
            SELECT id, sequence, message, tenant, address, person, message_type, order_id, attempts, waited, resent, refused_at,
                   admitted_at IS NOT NULL OR attempts > 0 AS admitted
            FROM envelopes
            WHERE tenant = dealt.tenant AND message_type = dealt.message_type AND due_at <= now() AND EXISTS (SELECT FROM me)
            ORDER BY due_at, sequence LIMIT dealt.share FOR UPDATE SKIP LOCKED
        ) AS own
        """,
        sender,
        *zip(*((*lane, share) for lane, share in dealt.items()), strict=True),
    )


async def lease(connection: Connection, sender: UUID, locked: Sequence[str], began: datetime) -> None:
    """These are the sender's now; they count in the period that began then, and against no cap again."""
    await connection.execute(
        """
        UPDATE envelopes SET state = 'leased', sender_id = $1, due_at = NULL, admitted_at = coalesce(admitted_at, greatest(now(), $3))
        WHERE id = ANY ($2)
        """,
        sender,
        locked,
        began,
    )


async def hold_by_cap(connection: Connection, over: Sequence[tuple[str, str, str, str]]) -> None:
    """Keep locked envelopes (id, hold_reason, hold_key, detail) back until the cap lets them go; from one cap to another, too."""
    await connection.execute(
        """
        UPDATE envelopes AS e SET state = 'held', due_at = NULL, hold_reason = t.reason, hold_key = t.key, detail = t.detail
        FROM unnest($1::text[], $2::text[], $3::text[], $4::text[]) AS t (id, reason, key, detail) WHERE e.id = t.id
        """,
        *zip(*over, strict=True),
    )


async def origins(connection: Connection, messages: Sequence[str]) -> dict[str, Row]:
    """What outcomes need to know of these messages."""
    rows = await connection.fetch(
        "SELECT id AS message, tenant, key, cause, correspondence, order_id FROM messages WHERE id = ANY ($1)", messages
    )
    return {row["message"]: row for row in rows}


async def held_by_cap(connection: Connection, hold_reason: str, tenant: str, key: str, limit: int) -> list[Row]:
    """Lock those that this cap has held the longest."""
    return await connection.fetch(
        """
        SELECT id, message, tenant, address, person, message_type, order_id, attempts FROM envelopes
        WHERE hold_reason = $1 AND tenant = $2 AND hold_key = $3 ORDER BY sequence LIMIT $4 FOR UPDATE
        """,
        hold_reason,
        tenant,
        key,
        limit,
    )


async def release_admitted(connection: Connection, locked: Sequence[str], began: datetime) -> None:
    """A cap lets these go; they count in the period that began then."""
    await connection.execute(
        """
        UPDATE envelopes SET state = 'pending', hold_reason = NULL, hold_key = '', detail = '', due_at = now(),
            admitted_at = greatest(now(), $2)
        WHERE id = ANY ($1)
        """,
        locked,
        began,
    )


async def open_attempts(connection: Connection, sender: UUID, asked: Sequence[tuple[str, int, UUID]]) -> set[str]:
    """Open these attempts (envelope, number, token); only what comes back may be sent.

    Asked again after a commit whose answer was lost, it names what that commit had opened, known by its token: nothing was sent in
    between, for only a commit that is known lets anything out. Another job of the same envelope has another token, and gets nothing.
    The sender is compared so that no index on it is used: its dead entries would be walked.
    """
    rows = await connection.fetch(
        """
        WITH asked AS MATERIALIZED (
            SELECT * FROM unnest($2::text[], $3::int[], $4::uuid[]) AS t (id, number, token)
        ), opened AS (
            UPDATE envelopes AS e SET state = 'sending', attempts = asked.number
            FROM asked
            WHERE e.id = asked.id AND e.attempts = asked.number - 1 AND e.state = 'leased' AND e.sender_id IS NOT DISTINCT FROM $1
              AND (SELECT may_send())
            RETURNING e.id, e.attempts, asked.token
        ), noted AS (
            INSERT INTO attempts (envelope, number, token) SELECT id, attempts, token FROM opened
        )
        SELECT id FROM opened
        UNION ALL
        SELECT e.id FROM asked
        JOIN envelopes AS e ON e.id = asked.id AND e.state = 'sending' AND e.sender_id IS NOT DISTINCT FROM $1
        JOIN attempts AS a ON a.envelope = asked.id AND a.number = asked.number AND a.token = asked.token AND a.number = e.attempts
        """,
        sender,
        *zip(*asked, strict=True),
    )
    return {row["id"] for row in rows}


async def settle_attempts(connection: Connection, settled: Sequence[tuple[str, int, str, int | None, str]]) -> None:
    """Write what each attempt (envelope, number, result, code, detail) came to; a late reply corrects `unknown`."""
    await connection.execute(
        """
        UPDATE attempts AS a SET settled_at = now(), result = t.result, code = t.code, detail = t.detail
        FROM unnest($1::text[], $2::int[], $3::text[], $4::int[], $5::text[]) AS t (envelope, number, result, code, detail)
        WHERE a.envelope = t.envelope AND a.number = t.number AND (a.settled_at IS NULL OR a.result = 'unknown')
        """,
        *zip(*settled, strict=True),
    )


async def settle_envelopes(
    connection: Connection, settled: Sequence[tuple[str, int, str, timedelta | None, str, bool, bool, bool]]
) -> list[Row]:
    """Move each envelope (id, attempt, state, delay, detail, uses up its resend, in doubt, ages); → those that moved.

    Of each: id, number (the attempt that this was asked for), state, attempts (the one that brought it there) and detail.
    A result moves the envelope only while its attempt is the last one. One that comes late, when the envelope counts as unknown, still
    does; when it is queued or leased for its resend already, held again, or was cancelled meanwhile, only the news that it was sent does.
    `refused_at` is that of the last result in doubt which didn't age: `trial.hasten` knows those that wait for the relay by it.
    """
    moved = await connection.fetch(
        """
        UPDATE envelopes AS e
        SET state = CASE WHEN e.accepted_attempt IS NULL THEN t.state ELSE 'sent' END, sender_id = NULL,
            due_at = CASE WHEN e.accepted_attempt IS NULL THEN now() + t.delay END, resent = e.resent OR t.uses_up,
            detail = CASE WHEN e.accepted_attempt IS NULL THEN t.detail ELSE format('attempt %s was accepted', e.accepted_attempt) END,
            waited = e.waited + CASE WHEN t.ages THEN t.delay ELSE '0' END, hold_reason = NULL,
            refused_at = CASE WHEN t.in_doubt AND NOT t.ages THEN now() WHEN t.in_doubt OR NOT t.ages THEN e.refused_at END
        FROM unnest($1::text[], $2::int[], $3::text[], $4::interval[], $5::text[], $6::bool[], $7::bool[], $8::bool[])
             AS t (id, number, state, delay, detail, uses_up, in_doubt, ages)
        WHERE e.id = t.id AND e.attempts = t.number
          AND (e.state = 'sending' OR (e.state = 'unknown' AND t.state <> 'unknown')
               OR (e.state IN ('leased', 'pending', 'held', 'cancelled') AND t.state = 'sent'))
        RETURNING e.id, t.number, e.state, coalesce(e.accepted_attempt, t.number) AS attempts, e.detail
        """,
        *zip(*settled, strict=True),
    )
    stayed = {(id_, number): detail for id_, number, state, _, detail, *_ in settled if state == "sent"}
    for row in moved:
        stayed.pop((row["id"], row["number"]), None)
    return moved + await _accepted_earlier(connection, stayed) if stayed else moved


async def _accepted_earlier(connection: Connection, accepted: Mapping[tuple[str, int], str]) -> list[Row]:
    """These attempts (envelope, number) were accepted, though others came after them: the mail is out, and isn't sent again.

    While a later one is on the wire it is only noted at the envelope, whose row is the one that both of their transactions write.
    """
    rows = await connection.fetch(
        """
        UPDATE envelopes AS e
        SET accepted_attempt = t.number,
            state = CASE e.state WHEN 'sending' THEN 'sending' ELSE 'sent' END,
            sender_id = CASE e.state WHEN 'sending' THEN e.sender_id END, due_at = NULL, hold_reason = NULL, detail = t.detail
        FROM unnest($1::text[], $2::int[], $3::text[]) AS t (id, number, detail)
        WHERE e.id = t.id AND e.attempts > t.number
          AND e.state IN ('sending', 'pending', 'leased', 'held', 'cancelled', 'unknown', 'deferred', 'dead')
        RETURNING e.id, t.number, e.state, t.number AS attempts, t.detail
        """,
        *zip(*((*attempt, detail) for attempt, detail in accepted.items()), strict=True),
    )
    return [row for row in rows if row["state"] == "sent"]


async def hold(connection: Connection, sender: UUID, held: Sequence[tuple[str, str, str]]) -> set[str]:
    """Keep leased envelopes (id, hold_reason, detail) back; returns those that were still ours."""
    rows = await connection.fetch(
        """
        UPDATE envelopes AS e SET state = 'held', sender_id = NULL, hold_reason = t.reason, detail = t.detail
        FROM unnest($2::text[], $3::text[], $4::text[]) AS t (id, reason, detail)
        WHERE e.id = t.id AND e.state = 'leased' AND e.sender_id IS NOT DISTINCT FROM $1
        RETURNING e.id
        """,
        sender,
        *zip(*held, strict=True),
    )
    return {row["id"] for row in rows}


async def give_back(connection: Connection, sender: UUID, keep: Sequence[str] = ()) -> None:
    """Make what this sender has leased pending again, due at once, but for these."""
    await connection.execute(
        """
        UPDATE envelopes SET state = 'pending', sender_id = NULL, due_at = now()
        WHERE sender_id = $1 AND state = 'leased' AND id <> ALL ($2)
        """,
        sender,
        keep,
    )


async def release_unbegun(connection: Connection, sender: UUID, doubtful: Sequence[tuple[str, int, UUID]]) -> None:
    """Of these attempts (envelope, number, token) nobody was told whether they were opened: surely none was begun.

    What was opened is pending again, due at once. The token tells this sender's attempt from another's with the same number. A mail of
    which an earlier attempt was accepted stays as it is: the take-over calls it sent.
    """
    await connection.execute(
        """
        WITH opened AS MATERIALIZED (
            SELECT e.id, t.number, t.token FROM unnest($2::text[], $3::int[], $4::uuid[]) AS t (envelope, number, token)
            JOIN envelopes AS e ON e.id = t.envelope AND e.attempts = t.number
            WHERE e.state = 'sending' AND e.sender_id IS NOT DISTINCT FROM $1 AND e.accepted_attempt IS NULL FOR UPDATE OF e
        ), released AS (
            UPDATE attempts AS a SET settled_at = now(), result = 'released', detail = 'the sender stopped before it was begun'
            FROM opened AS o WHERE a.envelope = o.id AND a.number = o.number AND a.token = o.token AND a.settled_at IS NULL
            RETURNING a.envelope
        )
        UPDATE envelopes AS e SET state = 'pending', sender_id = NULL, due_at = now() FROM released AS r WHERE e.id = r.envelope
        """,
        sender,
        *zip(*doubtful, strict=True),
    )


async def suppress(connection: Connection, refused: Sequence[tuple[str, str, str]]) -> None:
    """Send nothing more to these (tenant, address, detail)."""
    await connection.execute(
        "INSERT INTO suppression (tenant, address, detail) SELECT * FROM unnest($1::text[], $2::text[], $3::text[]) ON CONFLICT DO NOTHING",
        *zip(*refused, strict=True),
    )


async def lift_suppression(connection: Connection, tenant: str, address: str) -> None:
    """An operator says that this address is good again."""
    await connection.execute("DELETE FROM suppression WHERE tenant = $1 AND address = $2", tenant, address)


async def bring_forward(connection: Connection, longest: timedelta, base: timedelta, unknown_resend: timedelta) -> int:
    """After the clock went back: nothing waits longer than its kind of waiting may last from now on. Returns how many were due later."""
    rows = await connection.fetch(
        """
        UPDATE envelopes AS e
        SET due_at = CASE e.state
            WHEN 'pending' THEN greatest(now(), m.not_before)
            WHEN 'deferred' THEN now() + least($1::interval, $2::interval * 2 ^ least(greatest(e.attempts - 1, 0), 16))
            ELSE now() + $3::interval END
        FROM messages AS m
        WHERE m.id = e.message AND e.due_at > CASE e.state
            WHEN 'pending' THEN greatest(now(), m.not_before)
            WHEN 'deferred' THEN now() + least($1::interval, $2::interval * 2 ^ least(greatest(e.attempts - 1, 0), 16))
            ELSE now() + $3::interval END
        RETURNING 1
        """,
        longest,
        base,
        unknown_resend,
    )
    return len(rows)


async def release_held(connection: Connection, message_types: Sequence[str], changed: Sequence[str] = ()) -> int:
    """Queue what was held for want of a template, now that these types have one, and what failed in one that has `changed`.

    RELEASED_AT_ONCE of them at most; → how many.
    """
    rows = await connection.fetch(
        """
        UPDATE envelopes SET state = 'pending', hold_reason = NULL, detail = '', due_at = now()
        WHERE id IN (
            SELECT id FROM envelopes
            WHERE hold_reason = 'template' AND message_type = ANY ($1) OR hold_reason = 'render' AND message_type = ANY ($2)
            LIMIT $3 FOR UPDATE)
        RETURNING 1
        """,
        message_types,
        changed,
        RELEASED_AT_ONCE,
    )
    return len(rows)


async def resend(connection: Connection, envelope: str) -> dict[str, Any] | None:
    """Queue an envelope that a person wants sent again now, whatever the caps say; None if it isn't held, unknown, dead or deferred."""
    row = await connection.fetchrow(
        """
        UPDATE envelopes SET state = 'pending', hold_reason = NULL, due_at = now(), waited = '0', refused_at = NULL, detail = '',
            admitted_at = coalesce(admitted_at, '-infinity')
        WHERE id = $1 AND state IN ('held', 'unknown', 'dead', 'deferred') RETURNING id, tenant, address, message, attempts
        """,
        envelope,
    )
    return dict(row) if row else None


async def standing(connection: Connection, envelope: str) -> Row | None:
    """The state of one envelope, how many attempts it has had, and whether it goes out now anyway; locked until the transaction ends."""
    return await connection.fetchrow(
        """
        SELECT state, attempts, state = 'leased' OR (state = 'pending' AND due_at <= clock_timestamp()) AS goes_out
        FROM envelopes WHERE id = $1 FOR UPDATE
        """,
        envelope,
    )


async def wake_senders(connection: Connection) -> None:
    """Tell the senders, at the commit, that something is due (an insert does so by itself)."""
    await connection.execute("SELECT pg_notify('envelopes', '')")
