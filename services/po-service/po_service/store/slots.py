"""The slots of scheduled tasks: each once, by whichever instance is first."""

from datetime import datetime, timedelta
from typing import Any

from postroom.db import Connection

# What two clocks may differ by and both be right.
AHEAD = timedelta(minutes=1)


async def take(connection: Connection, task: str, slot: datetime) -> bool:
    """True for the one who runs this slot, also where a clock that was ahead has run it before its time."""
    taken = await connection.fetchval(
        """
        INSERT INTO task_slots AS known (task, slot) VALUES ($1, $2)
        ON CONFLICT (task, slot) DO UPDATE SET run_at = now() WHERE known.run_at > now() + $3::interval RETURNING true
        """,
        task,
        slot,
        AHEAD,
    )
    return bool(taken)


async def done(connection: Connection, task: str, slot: datetime, raised: int) -> None:
    """Keep how much a slot raised."""
    await connection.execute("UPDATE task_slots SET raised = $3 WHERE task = $1 AND slot = $2", task, slot, raised)


async def newest(connection: Connection) -> list[dict[str, Any]]:
    """Each task's newest slot."""
    found = await connection.fetch("SELECT DISTINCT ON (task) task, slot, run_at, raised FROM task_slots ORDER BY task, slot DESC")
    return [dict(row) for row in found]
