"""Events that wait for their people."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

import asyncpg
import structlog

from notification_rules.domain.plan import Plan
from notification_rules.domain.resolving import Waiting
from notification_rules.domain.undecided import Undecided
from notification_rules.domain.withdrawing import Open, Thing
from notification_rules.store.documents import as_event, as_json
from postroom.contracts.errors import at_fault
from postroom.db import Connection

log = structlog.get_logger()

# Looks are 5 · 2^12 seconds apart at most.
LONGEST_WAIT = timedelta(hours=6)


async def keep(connection: Connection, waiting: Sequence[tuple[Plan, Waiting]], seconds: dict[str, float]) -> None:
    """Let these wait (again), `seconds` by kind.

    Looked at soon, then ever more seldom: a directory record that is committed while an event is being decided can't wake it.
    """
    rows = [
        {
            "emitter": plan.event.emitter,
            "source": plan.event.source,
            "id": plan.event.id,
            "rule": plan.rule_name,
            "tenant": plan.event.tenant,
            "event": as_json(plan.event),
            "message_type": plan.rule.message_type if plan.rule else "",
            "about": one.about,
            "void": one.void,
            "kind": one.kind,
            "reason": one.reason,
            "tellings": one.tellings,
            "awaits": one.awaits,
            "seconds": seconds[one.kind],
        }
        for plan, one in waiting
    ]
    await connection.execute(
        """
        INSERT INTO undecided AS known
            (emitter, source, id, rule, tenant, event, message_type, about, void, kind, reason, tellings, awaits, until, look_again_at)
        SELECT emitter, source, id, rule, tenant, event, message_type, about, void, kind, reason, tellings, awaits,
               now() + make_interval(secs => seconds), now() + make_interval(secs => least(seconds, 5))
        FROM jsonb_to_recordset($1::jsonb)
             AS t (emitter text, source text, id text, rule text, tenant text, event jsonb, message_type text, about text[], void text[],
                   kind text, reason text, tellings text[], awaits text[], seconds double precision)
        ON CONFLICT (emitter, source, id, rule) DO UPDATE SET
            message_type = excluded.message_type, about = excluded.about, kind = excluded.kind,
            reason = excluded.reason, tellings = excluded.tellings, awaits = excluded.awaits,
            until = CASE WHEN known.kind = excluded.kind THEN known.until ELSE excluded.until END,
            looks = known.looks + 1,
            look_again_at = least(
                CASE WHEN known.kind = excluded.kind THEN known.until ELSE excluded.until END,
                now() + make_interval(secs => 5 * 2 ^ least(known.looks, 12)))
        """,
        rows,
    )


async def settle(connection: Connection, decided: Sequence[Undecided]) -> None:
    """These wait no more."""
    await connection.execute(
        """
        DELETE FROM undecided WHERE (emitter, source, id, rule) IN (SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::text[]))
        """,
        *zip(*((*one.event.identity, one.rule) for one in decided), strict=True),
    )


async def telling_of(connection: Connection, things: Collection[Thing]) -> list[Open]:
    """Those that would tell of these. Waits for whoever is deciding on a row; one that was decided meanwhile is gone."""
    rows = await connection.fetch(
        """
        SELECT u.event, u.rule, u.kind, u.tellings, u.message_type, u.about, u.void,
               (SELECT e.written_at FROM events e WHERE (e.emitter, e.source, e.id) = (u.emitter, u.source, u.id)) AS written_at
        FROM undecided u
        WHERE (u.emitter, u.source, u.id, u.rule) IN (
            SELECT one.emitter, one.source, one.id, one.rule
            FROM unnest($1::text[], $2::text[], $3::text[]) AS t (tenant, message_type, about)
            JOIN undecided one ON (one.tenant, one.message_type) = (t.tenant, t.message_type) AND one.about @> ARRAY[t.about])
        ORDER BY u.emitter, u.source, u.id, u.rule
        FOR UPDATE OF u
        """,
        *zip(*things, strict=True),
    )
    return [_open(row) for row in rows]


def _open(row: asyncpg.Record) -> Open:
    event, void = replace(as_event(row["event"]), written_at=row["written_at"]), frozenset(row["void"])
    undecided = Undecided(event, row["rule"], row["kind"], tuple(row["tellings"]), expired=False, void=void)
    return Open(undecided, row["message_type"], tuple(one for one in row["about"] if one not in void))


async def void(connection: Connection, several: Sequence[tuple[Undecided, Collection[str]]]) -> None:
    """Mark what of each is void now."""
    rows = [
        {"emitter": one.event.emitter, "source": one.event.source, "id": one.event.id, "rule": one.rule, "about": list(about)}
        for one, about in several
    ]
    await connection.execute(
        """
        UPDATE undecided u SET void = u.void || t.about
        FROM jsonb_to_recordset($1::jsonb) AS t (emitter text, source text, id text, rule text, about text[])
        WHERE (u.emitter, u.source, u.id, u.rule) = (t.emitter, t.source, t.id, t.rule)
        """,
        rows,
    )


async def postpone(connection: Connection, identity: tuple[str, str, str], rule: str, reason: str) -> None:
    """It can't be decided as the rules stand; it is kept, and looked at again in a minute, then ever more seldom."""
    await connection.execute(
        """
        UPDATE undecided SET reason = $5, looks = looks + 1, look_again_at = now() + interval '1 minute' * 2 ^ least(looks, 8)
        WHERE (emitter, source, id, rule) = ($1, $2, $3, $4)
        """,
        *identity,
        rule,
        reason,
    )


async def wake(connection: Connection, keys: Collection[str]) -> int:
    """Those that wait for one of these directory records are due now. Waits for whoever is deciding on them. Returns how many."""
    rows = await connection.fetch(
        """
        WITH woken AS (
            SELECT emitter, source, id, rule FROM undecided WHERE awaits && $1::text[] ORDER BY emitter, source, id, rule FOR UPDATE
        )
        UPDATE undecided u SET look_again_at = now() FROM woken w
        WHERE (u.emitter, u.source, u.id, u.rule) = (w.emitter, w.source, w.id, w.rule) RETURNING 1
        """,
        list(keys),
    )
    return len(rows)


async def hand_over(connection: Connection, in_force: Collection[str], in_place_of: Mapping[str, str]) -> None:
    """Those whose rule is in force no more are due now, under the name of what it had replaced: the next start knows of no other."""
    await connection.execute(
        """
        WITH left_alone AS (
            SELECT emitter, source, id, rule FROM undecided WHERE rule <> ALL ($1::text[]) ORDER BY emitter, source, id, rule FOR UPDATE
        )
        UPDATE undecided u SET look_again_at = now(), rule = coalesce($2::jsonb ->> u.rule, u.rule) FROM left_alone l
        WHERE (u.emitter, u.source, u.id, u.rule) = (l.emitter, l.source, l.id, l.rule)
        """,
        list(in_force),
        dict(in_place_of),
    )


async def take_due(connection: Connection, limit: int, size: int) -> list[Undecided]:
    """Those that are due, for this transaction alone, the oldest first; also those which a clock that was wrong has put off for longer.

    At most so many, with so many bytes of events, and one at least: what a big one names takes its time.
    """
    rows = await connection.fetch(
        """
        WITH due AS MATERIALIZED (
            SELECT emitter, source, id, event, rule, kind, tellings, until <= now() AS expired, void, look_again_at, since,
                   octet_length(event::text) AS size
            FROM undecided WHERE look_again_at <= now() OR look_again_at > now() + $2::interval
            ORDER BY look_again_at, since LIMIT $1 FOR UPDATE SKIP LOCKED
        )
        SELECT * FROM (SELECT *, sum(size) OVER (ORDER BY look_again_at, since ROWS UNBOUNDED PRECEDING) - size AS before FROM due) AS due
        WHERE before < $3 ORDER BY look_again_at, since
        """,
        limit,
        LONGEST_WAIT,
        size,
    )
    found = []
    for row in rows:
        try:
            found.append(_undecided(row))
        except Exception as error:
            refusal = at_fault(error)
            if refusal is None:
                raise
            # Another release's, say: it holds up neither the others nor the directory record that woke it.
            log.exception("an undecided event can't be read", cause=row["id"], rule=row["rule"], error=repr(error))
            await postpone(connection, (row["emitter"], row["source"], row["id"]), row["rule"], f"can't be read: {refusal.detail}")
    return found


def _undecided(row: asyncpg.Record) -> Undecided:
    return Undecided(as_event(row["event"]), row["rule"], row["kind"], tuple(row["tellings"]), row["expired"], frozenset(row["void"]))


async def waiting(connection: Connection, limit: int) -> list[dict[str, Any]]:
    """For operators, the oldest first."""
    rows = await connection.fetch(
        """
        SELECT emitter, source, id, rule, tenant, event ->> 'type' AS type, kind, reason, awaits, since, until
        FROM undecided ORDER BY since, id LIMIT $1
        """,
        limit,
    )
    return [dict(row) for row in rows]
