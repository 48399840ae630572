"""A queue that is full: messages with their inbox rows and envelopes by the hundred thousand, copied in SQL from one that was taken in."""

from typing import Any

_SAME = """
    message_type, person, name, language, zone, hop, reason, order_number, key, cause, cause_id, correspondence, facts, unmailed, lines,
    about, opens, sender, not_before, digest, unsubscribe
"""
_FILL = f"""
    WITH copies AS MATERIALIZED (
        SELECT gen_random_uuid()::text AS id, n, $3::text || (n % $5::int) AS person, $2::text || '-' || (n % $6::int) AS order_id
        FROM generate_series(1, $4::int) AS n
    ), told AS (
        INSERT INTO messages (id, tenant, email, order_id, {_SAME})
        SELECT copies.id, $2, copies.person || '@bulk.example', copies.order_id, {_SAME.replace("person,", "copies.person,")}
        FROM copies CROSS JOIN messages AS m WHERE m.id = $1::text
    ), shown AS (
        INSERT INTO inbox (message, tenant, person) SELECT id, $2, person FROM copies
    )
    INSERT INTO envelopes (id, message, tenant, message_type, order_id, address, person, due_at)
    SELECT gen_random_uuid()::text, copies.id, $2, m.message_type, copies.order_id, copies.person || '@bulk.example', copies.person, now()
    FROM copies CROSS JOIN messages AS m WHERE m.id = $1 ORDER BY n
"""  # noqa: S608 - a constant list of columns
AT_ONCE = 50_000


async def fill(connection: Any, like: str, tenant: str, number: int, *, people: int = 1_000, orders: int = 10_000) -> None:
    """So many copies of the message `like`, due at once, for so many people and orders of the tenant."""
    for done in range(0, number, AT_ONCE):
        some = min(AT_ONCE, number - done)
        await connection.execute(_FILL, like, tenant, f"{tenant}-bulk-", some, people, orders, timeout=300)
