"""The scheduled tasks on demand."""

from datetime import date
from typing import Any

from fastapi import APIRouter

from po_service.api.shapes import Rooms
from po_service.store import slots
from po_service.tasks.schedule import TASKS
from postroom import clock
from postroom.auth import Operator
from postroom.http import Problem


def router(rooms: Rooms) -> APIRouter:
    """GET /tasks, POST /tasks/{name}/run."""
    routes = APIRouter(tags=["tasks"])

    @routes.get("/tasks")
    async def list_tasks(_: Operator) -> dict[str, Any]:
        """The tasks, each with its newest slot."""
        async with rooms.pool.acquire() as connection:
            newest = {row["task"]: row for row in await slots.newest(connection)}
        return {"tasks": [{"task": name, **{key: newest.get(name, {}).get(key) for key in ("slot", "run_at", "raised")}} for name in TASKS]}

    @routes.post("/tasks/{name}/run")
    async def run_task(caller: Operator, name: str, as_of: date | None = None) -> dict[str, Any]:
        """Run a task now for your tenant, as of today or another day; what was raised before is not raised again."""
        if name not in TASKS:
            raise Problem(404, "task_unknown", f"There is no task {name!r}; there are {', '.join(TASKS)}.")
        async with rooms.pool.acquire() as connection:
            raised = await TASKS[name](connection, caller.tenant, as_of)
        return {"task": name, "as_of": as_of or clock.today("UTC"), "raised": raised}

    return routes
