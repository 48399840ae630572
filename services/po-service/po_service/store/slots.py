"""The slots of scheduled tasks: each once, by whichever instance is first."""

from datetime import datetime, timedelta
from typing import Any

from postroom.db import Connection

# What two clocks may differ by and both be right.
AHEAD = timedelta(minutes=1)
# Between two parts of a task a session is idle for a moment, as a transaction may be for so long (postroom.db).
STILL = "15s"


async def take(connection: Connection, task: str, slot: datetime) -> bool:
    """True for the one who runs this slot, also where a clock that was ahead has run it before its time.

    The task is this session's alone until its pool has the connection back, or the server ends it, as it does where its owner stands still.
    """
    mine = await connection.fetchval(
        "SELECT pg_try_advisory_lock(hashtextextended('task/' || $1, 0)) FROM set_config('idle_session_timeout', $2, false)", task, STILL
    )
    # A statement of its own, for another instance may have done it just before its lock was free.
    return bool(mine) and not await connection.fetchval(
        "SELECT EXISTS (SELECT FROM task_slots WHERE task = $1 AND slot = $2 AND run_at <= now() + $3::interval)", task, slot, AHEAD
    )


async def done(connection: Connection, task: str, slot: datetime, raised: int) -> None:
    """Nobody runs this slot again; `raised` is what its last try did."""
    await connection.execute(
        """
        INSERT INTO task_slots (task, slot, raised) VALUES ($1, $2, $3)
        ON CONFLICT (task, slot) DO UPDATE SET run_at = now(), raised = excluded.raised
        """,
        task,
        slot,
        raised,
    )


async def newest(connection: Connection) -> list[dict[str, Any]]:
    """Each task's newest slot."""
    found = await connection.fetch("SELECT DISTINCT ON (task) task, slot, run_at, raised FROM task_slots ORDER BY task, slot DESC")
    return [dict(row) for row in found]
