"""Accepted events, claims and decisions."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from notification_rules.domain.deciding import ClaimKey, Decision, Taken
from notification_rules.domain.letters import order_id, order_number
from notification_rules.store.documents import as_event, as_json
from postroom import db
from postroom.contracts.event import Event
from postroom.db import Connection


async def save_events(connection: Connection, events: Sequence[Event]) -> None:
    """Each accepted event, as explain names it."""
    rows = [
        (
            *event.identity,
            event.tenant,
            event.type,
            event.subject,
            order_id(event),
            order_number(event),
            as_json(event),
            event.written_at,
        )
        for event in events
    ]
    await connection.execute(
        """
        INSERT INTO events (emitter, source, id, tenant, type, subject, order_id, order_number, document, written_at)
        SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[], $9::jsonb[],
                             $10::timestamptz[])
        """,
        *zip(*rows, strict=True),
    )


async def event_by_id(connection: Connection, id_: str) -> Event | None:
    """A past event, to try it again; of several emitters' with this id, the newest. One from before events were kept whole is not there."""
    document = await connection.fetchval(
        "SELECT document FROM events WHERE id = $1 AND document IS NOT NULL ORDER BY accepted_at DESC LIMIT 1", id_
    )
    return as_event(document) if document else None


async def load_claims(connection: Connection, keys: Collection[ClaimKey]) -> set[ClaimKey]:
    """Which of these are taken."""
    rows = await connection.fetch(
        """
        SELECT tenant, message_type, key FROM claims
        WHERE (tenant, message_type, key) IN (SELECT * FROM unnest($1::text[], $2::text[], $3::text[]))
        """,
        *zip(*keys, strict=True),
    )
    return {(row["tenant"], row["message_type"], row["key"]) for row in rows}


async def take_claims(connection: Connection, claims: Mapping[ClaimKey, Taken]) -> int:
    """Take these, in sorted order so that two batches can't deadlock. Returns how many were free."""
    rows = sorted((*key, taken.about, ",".join(taken.messages), taken.void) for key, taken in claims.items())
    taken = await connection.fetch(
        """
        INSERT INTO claims (tenant, message_type, key, about, messages, withdrawn_at)
        SELECT tenant, message_type, key, about, string_to_array(messages, ','), CASE WHEN void THEN now() END
        FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::boolean[])
             WITH ORDINALITY AS t (tenant, message_type, key, about, messages, void, n)
        ORDER BY n
        ON CONFLICT DO NOTHING RETURNING key
        """,
        *zip(*rows, strict=True),
    )
    return len(taken)


async def save_decisions(connection: Connection, decisions: Sequence[tuple[str, Decision]]) -> set[str]:
    """Write these (id, decision). Returns the ids that are new: deciding again and coming to the same is no news."""
    rows = [
        (
            id_,
            *one.event.identity,
            one.event.tenant,
            one.rule.name if one.rule else "",
            one.message_type,
            one.outcome,
            one.reason,
            one.person,
            one.hop,
            one.message,
        )
        for id_, one in decisions
    ]
    written = await connection.fetch(
        """
        INSERT INTO decisions (decision, emitter, source, event_id, tenant, rule, message_type, outcome, reason, person, hop, message)
        SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[], $9::text[],
                             $10::text[], $11::text[], $12::text[])
        ON CONFLICT DO NOTHING RETURNING decision
        """,
        *zip(*rows, strict=True),
    )
    return {row["decision"] for row in written}


async def explain(connection: Connection, ref: str, limit: int = 200) -> list[dict[str, Any]]:
    """The newest events behind an event id, message id, order id or number, or what else they are about, with decisions, oldest first."""
    rows = await connection.fetch(
        """
        SELECT e.emitter, e.source, e.id, e.type, e.subject, e.tenant, e.order_number, e.accepted_at,
               coalesce(jsonb_agg(jsonb_build_object(
                   'decision', d.decision, 'rule', d.rule, 'message_type', d.message_type, 'outcome', d.outcome, 'reason', d.reason,
                   'person', d.person, 'hop', d.hop, 'message', d.message, 'decided_at', d.decided_at) ORDER BY d.decided_at)
                   FILTER (WHERE d.decision IS NOT NULL), '[]') AS decisions
        FROM events e
        LEFT JOIN decisions d ON (d.emitter, d.source, d.event_id) = (e.emitter, e.source, e.id)
        WHERE (e.emitter, e.source, e.id) IN (
            SELECT emitter, source, id FROM events WHERE id = $1
            UNION SELECT emitter, source, id FROM events WHERE order_id = $1
            UNION SELECT emitter, source, id FROM events WHERE order_number = $1 AND order_number <> ''
            UNION SELECT emitter, source, id FROM events WHERE subject = $1 AND order_id IS NULL
            UNION SELECT emitter, source, event_id FROM decisions WHERE message = $1)
        GROUP BY e.emitter, e.source, e.id
        ORDER BY e.accepted_at DESC, e.id DESC
        LIMIT $2
        """,
        ref,
        limit,
    )
    return [dict(row) for row in reversed(rows)]


async def figures(connection: Connection) -> dict[str, Any]:
    """For status: what is undecided and unroutable now, and what was claimed and decided so far."""
    row = await connection.fetchrow(
        """
        SELECT (SELECT count(*) FROM undecided WHERE kind = 'unknown') AS undecided,
               (SELECT count(*) FROM undecided WHERE kind = 'nobody') AS unroutable
        """
    )
    return dict(row or {}) | {table: await db.rows(connection, table) for table in ("claims", "decisions", "events")}
