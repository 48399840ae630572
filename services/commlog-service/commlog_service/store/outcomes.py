"""Recipients' standing, loaded and saved a batch at a time."""

from collections.abc import Mapping, Sequence
from typing import Any

from commlog_service.domain.history import OrderPlace
from commlog_service.domain.outcomes import Place, Standing
from postroom.db import Connection


async def orders(connection: Connection, sends: Sequence[str]) -> dict[str, OrderPlace]:
    """Of which order (tenant, id) each send is; a send that is not from here is left out."""
    rows = await connection.fetch("SELECT id, tenant, order_id FROM sends WHERE id = ANY($1::text[])", sends)
    return {row["id"]: (row["tenant"], row["order_id"]) for row in rows}


async def load(connection: Connection, places: Sequence[Place]) -> dict[Place, Standing]:
    """What the recipients' rows say, locked in sorted order until the batch commits."""
    rows = await connection.fetch(
        """
        SELECT send, mailbox, attempt, changed_at, state, code, detail FROM recipients
        WHERE (send, mailbox) IN (SELECT * FROM unnest($1::text[], $2::text[])) ORDER BY send, mailbox FOR UPDATE
        """,
        [send for send, _ in places],
        [mailbox for _, mailbox in places],
    )
    return {
        (row["send"], row["mailbox"]): Standing(row["attempt"], row["changed_at"], row["state"], row["code"], row["detail"]) for row in rows
    }


async def save(connection: Connection, decided: Mapping[Place, Standing]) -> None:
    """Write the new standings."""
    await connection.execute(
        """
        UPDATE recipients SET attempt = new.attempt, changed_at = new.changed_at, state = new.state, code = new.code, detail = new.detail
        FROM unnest($1::text[], $2::text[], $3::int[], $4::timestamptz[], $5::text[], $6::int[], $7::text[])
             AS new (send, mailbox, attempt, changed_at, state, code, detail)
        WHERE recipients.send = new.send AND recipients.mailbox = new.mailbox
        """,
        [send for send, _ in decided],
        [mailbox for _, mailbox in decided],
        *([getattr(one, name) for one in decided.values()] for name in ("attempt", "changed_at", "state", "code", "detail")),
    )


async def figures(connection: Connection) -> dict[str, Any]:
    """What `status` shows of this service: recipients by state, logs, sends, heads not yet in the file, replies that wait for a person."""
    row = await connection.fetchrow(
        """
        SELECT (SELECT count(*) FROM logs) AS logs, (SELECT count(*) FROM sends) AS sends,
               (SELECT count(*) FROM unfiled_heads) AS unfiled_heads,
               (SELECT coalesce(jsonb_object_agg(state, amount), '{}')
                FROM (SELECT state, count(*) AS amount FROM recipients GROUP BY state) AS s) AS recipients,
               (SELECT coalesce(jsonb_object_agg(reason, amount), '{}')
                FROM (SELECT reason, count(*) AS amount FROM reviews WHERE state = 'open' GROUP BY reason) AS r) AS reviews
        """
    )
    return dict(row) if row else {}
