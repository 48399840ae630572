"""What a batch of events reads and writes."""

from collections.abc import Sequence
from operator import attrgetter

import orjson

from mailer_service.domain.messages import Envelope, Message
from postroom.db import Connection


async def suppressed(connection: Connection, pairs: Sequence[tuple[str, str]]) -> set[tuple[str, str]]:
    """Those of the (tenant, address) pairs that nothing may be sent to."""
    if not pairs:
        return set()
    rows = await connection.fetch(
        "SELECT tenant, address FROM suppression WHERE (tenant, address) IN (SELECT * FROM unnest($1::text[], $2::text[]))",
        *zip(*pairs, strict=True),
    )
    return {(row["tenant"], row["address"]) for row in rows}


async def add_messages(connection: Connection, messages: Sequence[Message]) -> set[str]:
    """Store what isn't stored yet and return the ids that are new: whichever event brings a message first, it is told once."""
    rows = await connection.fetch(
        """
        INSERT INTO messages (id, tenant, message_type, person, name, email, language, zone, hop, reason, order_id, order_number,
                              key, cause, cause_id, correspondence, facts, unmailed,
                              lines, about, opens, sender, not_before, digest, unsubscribe)
        SELECT id, tenant, message_type, person, name, email, language, zone, hop, reason, order_id, order_number,
               key, cause, cause_id, correspondence, facts, unmailed, lines, about::jsonb, opens, sender, not_before, digest, unsubscribe
        FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[], $9::text[], $10::text[],
                    $11::text[], $12::text[], $13::text[], $14::jsonb[], $15::text[], $16::text[], $17::jsonb[], $18::text[],
                    $19::text[], $20::text[], $21::jsonb[], $22::text[], $23::timestamptz[], $24::timestamptz[], $25::text[])
             WITH ORDINALITY AS t (id, tenant, message_type, person, name, email, language, zone, hop, reason, order_id, order_number,
                                   key, cause, cause_id, correspondence, facts, unmailed,
                                   lines, about, opens, sender, not_before, digest, unsubscribe, n)
        ORDER BY n
        ON CONFLICT (id) DO NOTHING
        RETURNING id
        """,
        *_columns(messages),
    )
    return {row["id"] for row in rows}


def _columns(messages: Sequence[Message]) -> list[list[object]]:
    """The values of each field; a list goes as JSON text, for in an array it would be taken for a dimension."""
    columns = {name: list(map(attrgetter(name), messages)) for name in Message.__dataclass_fields__}
    columns["about"] = [orjson.dumps(about).decode() for about in columns["about"]]
    return list(columns.values())


async def add_inbox(connection: Connection, messages: Sequence[Message]) -> None:
    """Lay these into their people's inboxes."""
    await connection.execute(
        """
        INSERT INTO inbox (message, tenant, person) SELECT * FROM unnest($1::text[], $2::text[], $3::text[])
        ON CONFLICT (message) DO NOTHING
        """,
        [message.id for message in messages],
        [message.tenant for message in messages],
        [message.person for message in messages],
    )


async def add_envelopes(connection: Connection, envelopes: Sequence[Envelope]) -> None:
    """Queue these, in this order; a pending one is due at once, or when its quiet hours end.

    One that was sent before the database was restored from an older copy, as its outcome in Kafka says, is sent.
    """
    if not envelopes:
        return
    await connection.execute(
        """
        WITH told AS (
            DELETE FROM sent_elsewhere WHERE envelope = ANY ($1) RETURNING envelope, attempt, code, detail, at
        ), noted AS (
            INSERT INTO attempts (envelope, number, token, opened_at, settled_at, result, code, detail)
            SELECT envelope, attempt, gen_random_uuid(), at, at, 'sent', code, detail FROM told
        )
        INSERT INTO envelopes (id, message, tenant, message_type, order_id, address, person, state, hold_reason, detail, attempts, due_at)
        SELECT id, message, tenant, message_type, order_id, address, person, CASE WHEN told.envelope IS NULL THEN state ELSE 'sent' END,
               CASE WHEN told.envelope IS NULL THEN hold_reason END,
               CASE WHEN told.envelope IS NOT NULL THEN told.detail WHEN not_before <= now() THEN '' ELSE t.detail END,
               coalesce(attempt, 0),
               CASE WHEN state = 'pending' AND told.envelope IS NULL THEN greatest(now(), not_before) END
        FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[], $9::text[],
                    $10::text[], $11::timestamptz[])
             WITH ORDINALITY AS t (id, message, tenant, message_type, order_id, address, person, state, hold_reason, detail, not_before, n)
        LEFT JOIN told ON told.envelope = t.id
        ORDER BY n
        """,
        *zip(*(tuple(getattr(envelope, name) for name in Envelope.__dataclass_fields__) for envelope in envelopes), strict=True),
    )
