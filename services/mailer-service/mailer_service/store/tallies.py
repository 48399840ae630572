"""How many envelopes are in which state, without a look at them: triggers write what is added and taken away (migration 0006)."""

from collections import Counter

from postroom.db import Connection

UNKNOWN_ATTEMPTS = "unknown attempts"


async def read(connection: Connection) -> tuple[dict[str, int], dict[str, int], int]:
    """Envelopes by state, held ones by reason, and attempts that are unknown."""
    rows = await connection.fetch("SELECT what, sum(n)::bigint AS n FROM tallies GROUP BY what HAVING sum(n) <> 0")
    found = {row["what"]: row["n"] for row in rows}
    unknown = found.pop(UNKNOWN_ATTEMPTS, 0)
    states: Counter[str] = Counter()
    held: dict[str, int] = {}
    for what, number in found.items():
        state, _, reason = what.partition(": ")
        states[state] += number
        if reason:
            held[reason] = number
    return dict(states), held, unknown


async def put_together(connection: Connection, limit: int) -> None:
    """So many rows become one for each state; several mailers at once take different ones."""
    await connection.execute(
        """
        WITH gone AS (
            DELETE FROM tallies WHERE ctid = ANY (ARRAY(SELECT ctid FROM tallies LIMIT $1 FOR UPDATE SKIP LOCKED)) RETURNING what, n
        )
        INSERT INTO tallies SELECT what, sum(n) FROM gone GROUP BY what HAVING sum(n) <> 0
        """,
        limit,
    )
