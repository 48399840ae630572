"""Events that wait for their people."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

from notification_rules.domain.plan import Plan
from notification_rules.domain.resolving import Waiting
from notification_rules.domain.undecided import Undecided
from postroom.contracts.event import Event
from postroom.contracts.facts import FACTS
from postroom.db import Connection

_ATTRIBUTES = (
    "emitter",
    "source",
    "id",
    "type",
    "subject",
    "key",
    "tenant",
    "hash",
    "company",
    "actor",
    "correlationid",
    "causesource",
    "causeid",
    "aggregateversion",
    "traceparent",
)


def _as_json(event: Event) -> dict[str, Any]:
    """The whole event: it is decided again from this alone."""
    attributes = {name: getattr(event, name) for name in _ATTRIBUTES}
    return {**attributes, "time": event.time.isoformat(), "data": event.data.model_dump(mode="json")}


def _as_event(document: dict[str, Any]) -> Event:
    data = FACTS[document["type"]].model_validate(document["data"])
    return Event(**{**document, "time": datetime.fromisoformat(document["time"]), "data": data})


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
            "event": _as_json(plan.event),
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
        INSERT INTO undecided AS known (emitter, source, id, rule, tenant, event, kind, reason, tellings, awaits, until, look_again_at)
        SELECT emitter, source, id, rule, tenant, event, kind, reason, tellings, awaits,
               now() + make_interval(secs => seconds), now() + make_interval(secs => least(seconds, 5))
        FROM jsonb_to_recordset($1::jsonb)
             AS t (emitter text, source text, id text, rule text, tenant text, event jsonb, kind text, reason text,
                   tellings text[], awaits text[], seconds double precision)
        ON CONFLICT (emitter, source, id, rule) DO UPDATE SET
            kind = excluded.kind, reason = excluded.reason, tellings = excluded.tellings, awaits = excluded.awaits,
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


async def postpone(connection: Connection, one: Undecided, reason: str) -> None:
    """It can't be decided as the rules stand; it is kept, and looked at again in a minute."""
    await connection.execute(
        """
        UPDATE undecided SET reason = $5, looks = looks + 1, look_again_at = now() + interval '1 minute'
        WHERE (emitter, source, id, rule) = ($1, $2, $3, $4)
        """,
        *one.event.identity,
        one.rule,
        reason,
    )


async def wake(connection: Connection, keys: Collection[str]) -> int:
    """Those that wait for one of these directory records are due now. Waits for whoever is deciding on them. Returns how many."""
    rows = await connection.fetch(
        """
        WITH woken AS (SELECT ctid FROM undecided WHERE awaits && $1::text[] ORDER BY emitter, source, id, rule FOR UPDATE)
        UPDATE undecided SET look_again_at = now() FROM woken WHERE undecided.ctid = woken.ctid RETURNING 1
        """,
        list(keys),
    )
    return len(rows)


async def take_due(connection: Connection, limit: int) -> list[Undecided]:
    """Those that are due, for this transaction alone, the oldest first."""
    rows = await connection.fetch(
        """
        SELECT event, rule, kind, tellings, until <= now() AS expired FROM undecided
        WHERE look_again_at <= now() ORDER BY look_again_at, since LIMIT $1 FOR UPDATE SKIP LOCKED
        """,
        limit,
    )
    return [Undecided(_as_event(row["event"]), row["rule"], row["kind"], tuple(row["tellings"]), row["expired"]) for row in rows]


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
